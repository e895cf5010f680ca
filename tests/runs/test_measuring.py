"""What a run leaves for later: measures that are taken in steps, and a round that is left between two turns.
Neither changes a number, and nothing is left when the run rests, is copied or changes."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from safetensors.numpy import load as load_arrays

from engine.config import Refused
from lab.runs import files, store
from lab.runs.run import Run
from tests.runs.test_run import SETTING, new, same, trained

SMALL = {
    "gan": SETTING,
    "wall": SETTING | {"wall": {"seed": [1, 2]}},
    "ddpm": {"family": "ddpm", "data": "moons", "config": {"width": 16, "depth": 1, "T": 10, "batch": 8}},
    "vae": {"family": "vae", "data": "digits", "config": {"width": 8, "batch": 8, "z": 2}},
}
FIRST = 64  # the round of the first measures


def deferring(rounds: int = 0, **more) -> Run:
    run = new(**more)
    run.defers = True
    return trained(run, rounds) if rounds else run


def written(run: Run) -> list[int]:
    return [row["round"] for row in files.rows(run.at / "metrics.jsonl")]


def measured(run: Run) -> dict:
    """The first row with measures, as it is on the disk."""
    return files.rows(run.at / "metrics.jsonl")[FIRST - 1]


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> Callable[[str, int], Run]:
    """The run of a kind that measures at once, after so many rounds; each is made once."""
    made: dict[tuple[str, int], Run] = {}

    def run(kind: str, rounds: int) -> Run:
        if (kind, rounds) not in made:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("GENLAB_HOME", str(tmp_path_factory.mktemp("runs")))
                patch.setattr("lab.runs.run.deepcopy", None)  # it needs no copy
                made[kind, rounds] = trained(new(**SMALL[kind]), rounds)
                made[kind, rounds].settle("paused")
        return made[kind, rounds]

    return run


def same_keyframes(one: Run, other: Run) -> None:
    assert one.keyframes == other.keyframes
    for round in one.keyframes:
        pictures = [load_arrays(store.keyframe(run.at, round).read_bytes()) for run in (one, other)]
        assert set(pictures[0]) == set(pictures[1])
        for name in pictures[0]:
            np.testing.assert_array_equal(pictures[0][name], pictures[1][name])
        if round in one._state_rounds:
            assert len({store.keyframe(run.at, round, state=True).read_bytes() for run in (one, other)}) == 1


# --- measuring -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "rounds", "every"),
    [("gan", 140, 1), ("gan", 140, 1000), ("wall", 66, 1), ("ddpm", 70, 1), ("vae", 66, 1)],
)
def test_rows_weights_and_keyframes_are_those_of_a_run_that_measures_at_once(known, kind, rounds, every):
    run = deferring(**SMALL[kind])
    run.play()
    for round in range(1, rounds + 1):
        run.train(rounds=1)
        torch.manual_seed(99)  # others draw, too
        if round % every == 0 and run.measuring:
            run.measure_on()
    run.settle("paused")
    same(run, known(kind, rounds))
    same_keyframes(run, known(kind, rounds))


def test_samples_of_a_diffusion_are_measured_step_by_step():
    run, steps = deferring(FIRST, **SMALL["ddpm"]), 0
    while run.measuring:
        run.measure_on()
        steps += 1
    assert steps > run.model.config.T


FINISH = {
    "the next measures": lambda run: run.train(rounds=64),
    "a keyframe": lambda run: run.train(rounds=75 - FIRST),
    "a checkpoint": Run.checkpoint,
    "a copy": Run.whole,
    "a pause": lambda run: run.settle("paused"),
    "a rewind": lambda run: run.do({"do": "rewind", "round": 57}),
    "a set knob": lambda run: run.do({"do": "set", "values": {"lr_D": 0.02}}),
    "a step": lambda run: run.do({"do": "step", "player": None}),
}


@pytest.mark.parametrize("how", FINISH)
def test_what_is_under_way_is_finished_by(known, how):
    run = deferring(FIRST)
    if how == "the next measures":
        run._keyframe_rounds = set()
    assert run.measuring
    assert written(run) == [*range(1, FIRST)]
    first, rows = run.measuring, run.history
    FINISH[how](run)
    assert run.measuring is not first
    assert not next(first, None)
    assert rows[FIRST - 1] == known("gan", 140).history[FIRST - 1]
    if how == "a rewind":
        assert written(run) == [*range(1, 58)]
    else:
        assert measured(run) == rows[FIRST - 1]


def test_the_step_that_ends_a_measured_round_measures_it_because_the_run_may_rest_then(known):
    run = deferring(FIRST - 1)
    run.settle("paused")
    for player in ("D", "G", "D"):
        run.do({"do": "step", "player": player})
    assert (run.round, run.measuring) == (FIRST, None)
    assert measured(run) == measured(known("gan", 140))


def test_no_row_is_written_before_those_before_it():
    run = deferring(FIRST)
    while run.measuring:
        assert written(run) == [*range(1, FIRST)]
        run.train(rounds=1)
        run.measure_on()
    last = run.round
    assert last > FIRST + 2
    assert written(run) == [*range(1, last + 1)]
    run.train(rounds=1)
    assert written(run) == [*range(1, last + 2)]


def test_training_takes_no_step_of_measuring():
    run = deferring(FIRST)
    run.measuring = steps = iter([None] * 9)
    run.train(rounds=8)
    assert len(list(steps)) == 9


def test_measures_are_of_the_model_as_it_was_and_of_its_knobs_then(known):
    run = deferring(FIRST)
    with torch.no_grad():
        for weight in run.model.parameters():
            weight.zero_()
    run.measure_on(whole=True)
    assert measured(run) == measured(known("gan", 140))


@pytest.mark.parametrize("stored", [0, 30])
def test_a_run_that_is_killed_while_it_measures_goes_on_with_the_same_rows(known, monkeypatch, stored):
    monkeypatch.setattr("lab.runs.run.CHECKPOINT_SECONDS", math.inf)
    run = deferring(stored or 1)
    if stored:
        run.checkpoint()
    run.train(rounds=70 - run.round)
    assert run.measuring
    run.close()
    again = Run(run.at)
    again.defers = True
    assert again.round == stored
    again.train(rounds=140 - again.round)
    again.settle("paused")
    same(again, known("gan", 140))


def test_what_takes_long_to_measure_is_not_hurried_by_a_checkpoint_that_can_wait(monkeypatch):
    monkeypatch.setattr("lab.runs.run.CHECKPOINT_SECONDS", 1000.0)
    run = deferring(FIRST)
    saved = run._saved
    for ago, whole in ((1500.0, False), (2500.0, True)):
        run._saved = saved - ago
        run.train(rounds=1)
        assert (not run.measuring, run._saved >= saved) == (whole, whole)
    run._saved = saved - 1500.0
    run.train(rounds=1)
    assert run._saved >= saved, "nothing is being measured"


def test_what_was_under_way_when_a_run_failed_is_made_again_and_not_written_by_who_let_it_go(known):
    run = deferring(FIRST + 2)
    before = written(run)
    run.fail("The disk is full.")
    run.whole()
    run.checkpoint()
    assert written(run) == before
    run.play()
    run.train(rounds=140 - run.round)
    run.settle("paused")
    same(run, known("gan", 140))


def test_rows_before_the_one_that_diverges_are_written(known):
    run = deferring(FIRST + 1)
    with torch.no_grad():
        next(run.model.G.parameters()).fill_(math.nan)
    run.train(rounds=1)
    assert run.info.diverged
    assert run.measuring is None
    assert written(run) == [*range(1, FIRST + 2)]
    assert measured(run) == measured(known("gan", 140))


# --- a round that is left ------------------------------------------------------------------------


@pytest.fixture
def left(monkeypatch) -> Run:
    """A run that is left after each turn, after the first of three of its fourth round."""
    monkeypatch.setattr("lab.runs.run.LONG", 0.0)
    run = new(config=SETTING["config"] | {"k": 2})
    run.play()
    last = []
    for _ in range(13):  # each turn and each round's end is a slice
        run.train(seconds=0.0)
        last += [run.last] if run.left else []
    assert last == [*"DDG" * 3, "D"]
    return run


def plain(rounds: int) -> Run:
    return trained(new(config=SETTING["config"] | {"k": 2}), rounds)


def test_a_round_that_is_left_goes_on_where_it_was(left):
    while left.round < 20:
        left.train(seconds=0.0)
        torch.manual_seed(99)
    assert not left.left
    same(left, plain(20))


def test_a_slice_that_has_time_and_a_number_of_rounds_leave_none(monkeypatch):
    run = new()
    run.play()
    run.train(seconds=0.0)
    assert (run.round, run.left) == (1, False), "it is short enough to be ended"
    monkeypatch.setattr("lab.runs.run.LONG", 0.0)
    run.train(rounds=2)
    assert (run.round, run.left) == (3, False)


@pytest.mark.parametrize(
    "how",
    [
        lambda run: run.settle("paused"),
        Run.whole,
        lambda run: run.do({"do": "step", "player": None}),
        lambda run: run.do({"do": "set", "values": {"lr_D": 0.02}}),
        lambda run: run.do({"do": "rewind", "round": 2}),
    ],
    ids=["a pause", "a copy", "a step", "a set knob", "a rewind"],
)
def test_a_round_that_was_left_is_ended_before(left, how):
    other = plain(4)
    for run in (left, other):
        how(run)
        assert not run.left
    assert left.round == other.round
    assert files.commands(left.log) == files.commands(other.log)
    for run in (left, other):
        trained(run, 10)
        run.settle("paused")
    same(left, other)


def test_who_is_cut_off_leaves_the_round_as_it_is(left):
    left.settle("paused", "It was cut off.", save=False)
    assert (left.round, left.info.state) == (3, "paused")


def test_a_run_that_ends_or_diverges_with_the_round_that_was_left_stays_so(left):
    left.info.rounds = 4
    left.settle("paused")
    assert (left.info.state, left.round) == ("ended", 4)


@pytest.mark.parametrize("order", ["pause", "step"])
def test_a_run_that_diverges_in_the_round_that_was_left_says_so(left, order):
    with torch.no_grad():
        next(left.model.G.parameters()).fill_(math.nan)
    if order == "pause":
        left.settle("paused")
    else:
        with pytest.raises(Refused, match="diverged"):
            left.do({"do": "step", "player": None})
        assert files.commands(left.log) == []
    assert (left.info.state, left.info.diverged) == ("failed", True)
    assert store.read_info(left.at).diverged
