"""A wall is a run: exact across pause, step, kill, rewind and fork; its members are single runs."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.numpy import load as load_arrays

from engine import data
from engine.config import Refused
from engine.gan.gan import GAN
from engine.metrics.measure import LEFT_OUT, at_once
from lab import cli
from lab.runs import store, wall, wire
from lab.runs.run import Run
from tests.runs.test_run import by_hand

SMALL = {"width_G": 8, "width_D": 8, "depth_G": 2, "depth_D": 2, "batch": 16}
SETTING = {"family": "gan", "data": "ring", "seed": 5, "config": SMALL}
AXES = {"lr_D": [1e-3, 1e-2], "lr_G": [1e-3, 1e-4, 1e-2]}


def new(axes=AXES, **more) -> Run:
    return Run(store.create(SETTING | {"wall": axes} | more))


def trained(run: Run, rounds: int) -> Run:
    run.play()
    run.train(rounds=rounds)
    return run


def same(one: Run, other: Run) -> None:
    """Bit for bit: weights, moments, random streams, rows."""
    assert one.round == other.round
    assert one._state() == other._state()
    assert rows(one) == rows(other)


def rows(run: Run) -> list:
    return store.rows(run.at / "metrics.jsonl")


def about(run: Run) -> dict:
    return json.loads(wire.header(run.frame())["frame"])["wall"]


def test_each_member_is_the_single_run_of_its_setting():
    run = trained(new({"seed": [7, 5], "lr_D": [1e-3, 1e-2]}), 60)
    for i, own in enumerate(wall.members(run.info.wall)):
        config = SMALL | {"lr_D": own["lr_D"]}
        alone = trained(Run(store.create(SETTING | {"seed": own["seed"], "config": config})), 60)
        for stacked, weight in zip(run.model.parameters(), alone.model.parameters(), strict=True):
            torch.testing.assert_close(stacked[i], weight, atol=2e-4, rtol=0)  # float32, 60 steps
        ours, theirs = run.history[9], alone.history[9]
        assert ours["-E[log D(x)]"][i] == pytest.approx(theirs["-E[log D(x)]"], abs=1e-4)


@pytest.mark.parametrize("cut", [77, 261])  # within the rows of each round, and between two rows
@pytest.mark.exhaustive
def test_a_wall_reopened_from_its_checkpoint_continues_bit_for_bit(cut):
    whole = trained(new(), 300)
    parts = trained(new(), cut)
    parts.settle("paused")
    same(whole, trained(Run(parts.at), 300 - cut))


def test_a_wall_killed_without_warning_catches_up_and_meets_its_commands_again(monkeypatch):
    monkeypatch.setattr("lab.runs.run.CHECKPOINT_SECONDS", math.inf)

    def course(run: Run, after: int) -> Run:
        trained(run, 50)
        run.do({"do": "set", "values": {"k": 2, "penalty": "R1", "beta1": 0.2}})
        run.train(rounds=after)
        return run

    whole, killed = course(new(), 100), course(new(), 30)
    killed.close()
    again = Run(killed.at)
    assert again.round == 0
    again.train(rounds=150)
    same(whole, again)
    assert again.model.config.beta1 == 0.2
    assert again.optimizers["D"].param_groups[0]["beta1"].tolist() == pytest.approx([0.2] * 6)


def test_stepping_through_a_round_equals_training_it():
    stepped, whole = new(), trained(new(), 3)
    for _ in range(6):
        stepped.do({"do": "step", "player": None})
    for one, other in zip(stepped.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_rewinding_restores_a_round_and_its_future_is_the_same():
    run = trained(new({"seed": [0, 1]}), 120)
    there = run._state()
    run.do({"do": "rewind", "round": 75})
    assert (run.round, run.info.state) == (75, "paused")
    trained(run, 45)
    ours, theirs = (wire.unpack_state(state)[0] for state in (run._state(), there))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_fork_is_a_wall_of_the_same_axes():
    run = trained(new(), 100)
    run.settle("paused")
    fork = Run(store.fork(run.at, "me", 75))
    assert (fork.round, fork.info.wall) == (75, AXES)
    same(trained(Run(store.fork(run.at, "me")), 20), trained(run, 20))


def test_rows_have_a_number_for_each_member():
    run = trained(new(), 64)
    row = rows(run)[-1]
    assert row["round"] == 64
    assert {name: len(values) for name, values in row.items() if name != "round"} == dict.fromkeys(
        ["-E[log D(x)]", "-E[log(1 - D(G(z)))]", "-E[log D(G(z))]", "modes", "high-quality",
         "sliced Wasserstein", "JS"], 6,
    )  # fmt: skip
    assert all(0 <= js <= 1 for js in row["JS"])
    assert not [name for name in load_arrays(run.frame()) if name.startswith(("curve/", "level/"))]


def test_a_member_that_diverges_is_marked_and_the_others_go_on():
    well, ill = trained(new(), 20), trained(new(), 20)
    with torch.no_grad():
        next(ill.model.G.parameters())[4] = math.nan
    for run in (well, ill):
        run.train(rounds=60)
    assert (ill.round, ill.info.state) == (80, "training")
    assert about(ill)["diverged"] == [4]
    assert rows(ill)[-1]["-E[log D(G(z))]"][4] is None
    scores = load_arrays(ill.frame())["wall/score"]
    assert np.isnan(scores[4])
    for one, other in zip(well.model.parameters(), ill.model.parameters(), strict=True):
        others = [0, 1, 2, 3, 5]
        assert torch.equal(one[others], other[others])
    ill.settle("paused")
    same(trained(Run(by_hand(ill.at)), 10), trained(ill, 10))  # not a number survives the disk, too


def test_a_wall_of_which_nothing_is_left_has_failed():
    run = trained(new(), 20)
    with torch.no_grad():
        next(run.model.G.parameters()).fill_(math.nan)
    run.train(rounds=10)
    assert run.info.state == "failed"


def test_the_frame_has_every_panel_and_what_it_is_of():
    run = trained(new(), 64)
    arrays, told = load_arrays(run.frame()), about(run)
    shapes = {name: array.shape for name, array in arrays.items()}
    assert shapes == {
        "wall/points": (6, 250, 2), "wall/real": (250, 2), "wall/field": (6, 24, 24), "wall/score": (6,),
    }  # fmt: skip
    assert told["rows"] == {"knob": "lr_D", "label": "Learning rate of D", "values": [1e-3, 1e-2]}
    assert told["columns"]["values"] == AXES["lr_G"]
    assert told["score"] == {"name": "Modes found", "unit": "", "digits": 0, "worst": 0, "best": 8}
    assert arrays["wall/score"].tolist() == rows(run)[-1]["modes"]
    fields = arrays["wall/field"].reshape(6, -1)
    assert all(len(set(map(tuple, fields[[i, i + 1]]))) == 2 for i in range(5))
    assert "wall/real" not in load_arrays(run.frame(full=False))
    assert [one["seed"] for one in wall.members({"seed": [3, 1]})] == [3, 1]


def test_the_fields_and_fakes_are_those_of_the_single_models():
    from lab.scenes import wall as scene

    run = trained(new(), 30)
    arrays = scene.field(run.model, run.data)["wall/field"]
    x0, x1, y0, y1 = run.data.box
    alone = GAN(GAN.configure(run.data.space, SMALL), run.data.space)
    own = {name: tensor[3] for name, tensor in run.model.state_dict().items() if name != "_extra_state"}
    alone.load_state_dict(own)
    for row, column in ((0, 0), (5, 20), (23, 11)):
        at = torch.tensor([[x0 + (x1 - x0) * column / 23, y0 + (y1 - y0) * row / 23]])
        assert arrays[3, row, column] == pytest.approx(255 * alone.belief(at).item(), abs=1)


@pytest.mark.parametrize("n", [1, 16, 64])
def test_a_frame_stays_small(n):
    axes = {"seed": list(range(n))}
    assert len(new(axes).frame()) < 100_000
    digits = new(axes, data="digits", config={"width_G": 4, "width_D": 4, "batch": 4})
    assert len(digits.frame()) < 130_000
    shown = load_arrays(digits.frame())["wall/images"]
    assert shown.shape[0] == n
    assert shown.shape[1] in (1, 4, 9)


def test_data_without_known_modes_are_judged_by_their_divergence():
    run = trained(new(data="moons"), 64)
    scale = {"name": "JS divergence", "unit": "bits", "digits": 2, "worst": 1, "best": 0}
    assert about(run)["score"] == scale
    assert load_arrays(run.frame())["wall/score"].tolist() == pytest.approx(rows(run)[-1]["JS"], rel=1e-6)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"lr_D": [1e-3, 7.0]}, "lr_D .* is 7.0; it must be in"),
        ({"lr_D": [0.1], "lr_G": [0.1], "beta1": [0.1]}, "one axis or 2, not 3"),
        ({"width_G": [8, 16]}, "width_G cannot differ within a wall"),
        ({"nonsense": [1, 2]}, "no knob 'nonsense'; a wall can vary lr_D, lr_G"),
        ({"lr_D": []}, "needs a list of values"),
        ({"lr_D": [0.1, 0.1]}, "each of them once"),
        ({"seed": list(range(65))}, "would have 65 members; 64 is the most"),
        ({"seed": [0.5]}, "whole number"),
        ({"seed": [-1]}, "whole number"),
        ({"seed": [2**32]}, "whole number"),
        ({}, "one axis or 2, not 0"),
    ],
)
def test_what_cannot_be_a_wall_is_refused(axes, message):
    space = data.load("ring").space
    with pytest.raises(Refused, match=message):
        wall.check(GAN, space, GAN.configure(space, SMALL), axes)
    if axes:  # else it is no wall
        with pytest.raises(Refused, match=message):
            new(axes)


def test_members_have_seeds_of_their_own_or_all_the_runs():
    space = data.load("ring").space
    config = GAN.configure(space, SMALL)

    def seeds(axes):
        info = store.Info(family="gan", data="ring", seed=5, config={}, wall=axes)
        return list(wall.model_of(GAN, config, space, info).seeds)

    assert seeds({"seed": [0, 2**32 - 1], "lr_D": [0.1, 0.01]}) == [0, 0, 2**32 - 1, 2**32 - 1]
    assert seeds({"lr_D": [0.1, 0.01, 0.001]}) == [5, 5, 5]
    assert len(seeds({"seed": list(range(8)), "lr_D": [0.1 / 2**i for i in range(8)]})) == wall.MOST


def test_means_are_over_turns_and_what_is_no_number_is_none():
    assert wall.mean(torch.tensor(6.0), 3) == 2.0
    assert wall.mean(torch.tensor([6.0, math.inf, math.nan, -3.0]), 3) == [2.0, None, None, -1.0]


def test_a_run_has_diverged_with_its_first_number_and_a_wall_with_its_last_member():
    assert not wall.diverged({"a": 1.0, "b": -2.0}, 0)
    assert wall.diverged({"a": 1.0, "b": math.nan}, 0)
    assert not wall.diverged({"a": [1.0, None], "b": [2.0, 3.0]}, 2)
    assert not wall.diverged({"a": [1.0, None], "b": [2.0, None]}, 2)
    assert wall.diverged({"a": [1.0, None], "b": [None, 3.0]}, 2)


def test_a_member_some_of_whose_samples_are_none_has_no_quality(monkeypatch):
    ring = data.load("ring")
    good = ring.x[: wall.SAMPLES]
    ill = good.clone()
    ill[0, 0] = math.nan
    told = at_once(wall._quality(SimpleNamespace(sample=lambda n: torch.stack([good, ill])), ring))
    assert told["JS"][0] < 0.1
    assert {name: values[1] for name, values in told.items()} == dict.fromkeys(told)


def test_of_test_examples_a_wall_keeps_numbers_and_no_bars(monkeypatch):
    told = {"D(x)": [0.5, math.nan], "bar chart": [[0.1], [0.2]], LEFT_OUT: ["It failed."]}
    bars = SimpleNamespace(draw="bars")
    monkeypatch.setattr(wall.measuring, "held_out", lambda model, data: dict(told))
    monkeypatch.setattr(
        wall, "declared", lambda name: bars if name == "bar chart" else SimpleNamespace(draw="")
    )
    assert wall._held_out(None, None) == {"D(x)": [0.5, None], LEFT_OUT: ["It failed."]}
    del told[LEFT_OUT]
    assert wall._held_out(None, None) == {"D(x)": [0.5, None]}


def test_a_wall_on_a_line_is_refused():
    with pytest.raises(Refused, match="choose other data"):
        new(data="two-bumps")


def test_a_swept_knob_cannot_be_set_for_all():
    run = trained(new(), 5)
    before = run._state()
    with pytest.raises(Refused, match="lr_D differs within this wall"):
        run.do({"do": "set", "values": {"lr_D": 0.1, "k": 2}})
    assert run._state() == before
    run.do({"do": "set", "values": {"smooth": 0.1}})
    assert run.model.config.smooth == 0.1


def test_the_command_line_does_not_take_samples_of_a_wall(capsys, tmp_path):
    run = new()
    assert cli.main(["sample", run.info.id, "--out", str(tmp_path / "x.csv")]) == 2
    assert "is a wall of many models" in capsys.readouterr().err


def test_data_load_as_the_wall_needs_them():
    assert wall.choices(GAN) == [*GAN.stackable, "seed"]
    configs, seeds = wall.check(
        GAN, data.load("ring").space, GAN.configure(data.load("ring").space), {"seed": [4], "beta1": [0, 0.5]}
    )
    assert [c.beta1 for c in configs] == [0, 0.5]
    assert seeds == [4, 4]
