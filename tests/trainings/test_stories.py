"""What the detectors say while real models train: they accuse none that works, and name what fails."""

from dataclasses import replace
from itertools import islice

import pytest
import torch

from engine.data import Dataset, batches, load
from engine.families import find
from engine.fit import fit, optimizers_of, retune
from engine.metrics.detector import diagnose
from engine.metrics.observe import observe
from engine.metrics.ruler import JS, about

pytestmark = pytest.mark.budget(10)


def story(data: Dataset, rounds: int, family: str = "gan", seed: int = 0, **knobs) -> list[list]:
    """What the detector says at each measurement of a run."""
    kind = find(family)
    torch.manual_seed(seed)
    model = kind(kind.configure(data.space, knobs), data.space)
    known, history, told = about(data), [], []
    for turn in fit(model, islice(batches(data, lambda: model.config.batch, seed), rounds)):
        if turn.player == model.players[-1] and (turn.round + 1) % 64 == 0:
            row = {"round": turn.round + 1} | {k: v.item() for k, v in turn.terms.items()}
            history.append(row | observe(model, data))
            told.append(diagnose(kind, history, known))
    return told


def names(symptoms: list) -> list[str]:
    return [symptom.name for symptom in symptoms]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", ["ring", "grid", "moons", "two-bumps"])
def test_a_default_run_is_never_accused(name, seed):
    told = story(load(name), 1536, seed=seed)
    assert {symptom.name for symptoms in told for symptom in symptoms} <= {
        "Working",
        "Close",
        "Learning",
        "Not there yet",
    }


@pytest.mark.parametrize("seed", [0, 1])
def test_a_slow_discriminator_loses_modes_and_the_fakes_run(seed):
    symptoms = story(load("ring"), 768, seed=seed, lr_D=1e-4)[-1]
    assert {"Mode collapse", "Oscillation"} <= {*names(symptoms)}
    assert "packing" in symptoms[0].cure


@pytest.mark.budget(90)
def test_a_generator_made_twenty_times_as_fast_loses_the_groups_that_it_had_found():
    """README, step 4: drag the learning rate of G up to 0.02 while it runs."""
    data, kind, collapsed = load("ring"), find("gan"), []
    known, usual = about(data), kind.configure(data.space, {})
    for seed in range(5):
        torch.manual_seed(seed)
        model = kind(usual, data.space)
        optimizers, history = optimizers_of(model), []
        for turn in fit(model, islice(batches(data, lambda: usual.batch, seed), 2048), optimizers):
            if turn.player == "G" and (turn.round + 1) % 64 == 0 and turn.round > 896:
                history.append({"round": turn.round + 1} | observe(model, data))
            if turn.player == "G" and turn.round + 1 == 1344:
                assert "Mode collapse" not in names(diagnose(kind, history, known))
                retune(model, optimizers, usual.change({"lr_G": 0.02}))
        collapsed.append("Mode collapse" in names(diagnose(kind, history, known)))
    assert sum(collapsed) >= 4, collapsed


def test_under_minimax_a_discriminator_that_has_won_teaches_nothing():
    told = story(load("ring"), 448, loss="minimax", k=10, lr_G=1e-4, lr_D=3e-3)
    assert names(told[-1]) == ["Vanishing gradient"]


def test_a_discriminator_far_ahead_is_too_strong():
    assert names(story(load("ring"), 512, k=5, lr_G=1e-5, lr_D=3e-3)[-1]) == ["D too strong"]


@pytest.mark.parametrize(("name", "family"), [("moons", "ddpm"), ("two-gaussians", "flow-matching")])
def test_a_default_denoiser_is_never_accused(name, family):
    told = story(load(name), 832, family, width=64, steps=20)
    assert told[-1]
    assert {one.name for symptoms in told for one in symptoms} <= {"Working", "Close", "Learning"}


def test_six_points_are_learned_by_heart():
    data = load("two-gaussians")
    few = replace(data, x=data.x[:6], y=None, space=replace(data.space, given=0))
    told = story(few, 960, "ddpm", width=64, batch=64, steps=10, lr=5e-3)
    assert names(told[-1]) == ["Overfitting"]


@pytest.mark.budget(40)
def test_two_players_that_learn_more_slowly_circle_each_other_less():
    """What the detector advises where more training hardly helps: the fakes of the moons come closer."""
    data, kind = load("moons"), find("gan")
    usual, late = kind.configure(data.space, {}), []
    for slower in (False, True):
        torch.manual_seed(1)
        model = kind(usual, data.space)
        optimizers, rows = optimizers_of(model), []
        for turn in fit(model, islice(batches(data, lambda: usual.batch, 1), 2560), optimizers):
            if turn.player == "G" and turn.round == 1600 and slower:
                retune(model, optimizers, usual.change({"lr_G": 1e-4, "lr_D": 1e-4}))
            if turn.player == "G" and turn.round > 2048 and turn.round % 64 == 0:
                rows.append(observe(model, data)[JS])
        late.append(sum(rows) / len(rows))
    assert late[1] < 0.75 * late[0], late
