"""A run: exact across pause, step, checkpoint, kill and rewind."""

import json
import math
import secrets
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load as load_arrays

from engine.config import Refused
from lab.runs import store, wire
from lab.runs.run import Run

SETTING = {"family": "gan", "data": "ring", "seed": 5, "config": {"width_G": 16, "width_D": 16, "batch": 16}}


def new(**more) -> Run:
    return Run(store.create(SETTING | more))


def trained(run: Run, rounds: int) -> Run:
    run.play()
    run.train(rounds=rounds)
    return run


def by_hand(at: Path) -> Path:
    """A directory that somebody has copied."""
    return Path(shutil.copytree(at, at.with_name(secrets.token_hex(6))))


def weights(run: Run) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in run.model.parameters()])


def same(one: Run, other: Run) -> None:
    """Bit for bit: weights, moments, random state, rows."""
    assert one.round == other.round
    ours, theirs = one._state(), other._state()
    assert wire.header(ours) == wire.header(theirs)
    assert ours == theirs
    assert store.rows(one.at / "metrics.jsonl") == store.rows(other.at / "metrics.jsonl")


@pytest.mark.parametrize("cut", [137, 261])  # at a row, and between two rows
def test_a_run_reopened_from_its_checkpoint_continues_bit_for_bit(cut):
    whole = trained(new(), 300)
    parts = trained(new(), cut)
    parts.settle("paused")
    again = trained(Run(parts.at), 300 - cut)
    same(whole, again)


def test_layers_that_share_a_net_are_stored_and_restored():
    setting = {"family": "continuous-flow", "data": "moons", "config": {"width": 4, "depth": 1, "batch": 4}}
    whole, part = trained(new(**setting), 6), trained(new(**setting), 3)
    part.settle("paused")
    same(whole, trained(Run(part.at), 3))


def test_a_run_killed_without_warning_catches_up_and_meets_its_commands_again(monkeypatch):
    monkeypatch.setattr("lab.runs.run.CHECKPOINT_SECONDS", math.inf)

    def course(run: Run, after: int) -> Run:
        trained(run, 100)
        run.do({"do": "set", "values": {"lr_D": 0.01, "k": 2}})
        run.train(rounds=after)
        return run

    whole = course(new(), 200)
    killed = course(new(), 50)  # no checkpoint since round 0: the process is gone here
    killed.close()
    again = Run(killed.at)
    assert again.round == 0
    again.train(rounds=300)
    same(whole, again)
    assert again.model.config.lr_D == 0.01
    assert store.read_info(again.at).config["k"] == 2


def test_a_killed_run_does_not_repeat_or_lose_rows():
    run = trained(new(), 100)
    run.checkpoint()
    run.train(rounds=60)
    run.close()
    rounds = [row["round"] for row in store.rows(run.at / "metrics.jsonl")]
    again = Run(run.at)
    again.train(rounds=60)
    assert [row["round"] for row in store.rows(run.at / "metrics.jsonl")] == rounds


def test_a_torn_last_line_is_ignored_and_written_again():
    run = trained(new(), 50)
    run.settle("paused")
    with (run.at / "metrics.jsonl").open("ab") as file:
        file.write(b'{"round": 51, "-E[lo')
    again = trained(Run(run.at), 1)
    assert [row["round"] for row in store.rows(run.at / "metrics.jsonl")] == list(range(1, 52))
    assert again.history[-1]["round"] == 51


def test_steps_are_single_turns_and_are_not_lost_by_a_kill():
    run = trained(new(), 10)
    run.settle("paused")
    before = weights(run)
    run.do({"do": "step", "player": None})
    assert run.last == "D"
    assert run.round == 10
    d = torch.cat([p.flatten() for p in run.model.D.parameters()])
    run.do({"do": "step", "player": None})
    assert run.last == "G"
    assert torch.equal(d, torch.cat([p.flatten() for p in run.model.D.parameters()]))
    run.do({"do": "step", "player": "D"})
    run.do({"do": "step", "player": "D"})
    run.do({"do": "set", "values": {"lr_G": 0.05}})
    run.do({"do": "step", "player": "G"})
    assert not torch.equal(before, weights(run))
    again = Run(by_hand(run.at))
    assert torch.equal(weights(run), weights(again))
    trained(run, 20)
    trained(again, 20)
    assert torch.equal(weights(run), weights(again))


def test_what_is_ready_stays_so_until_a_turn_is_made():
    for command in ({"do": "set", "values": {"k": 2}}, {"do": "step", "player": None}):
        run = new(state="ready")
        run.do(command)
        assert store.read_info(run.at).state == {"set": "ready", "step": "paused"}[command["do"]]


def test_stepping_through_a_round_equals_training_it():
    stepped, whole = new(), trained(new(), 3)
    for _ in range(6):
        stepped.do({"do": "step", "player": None})
    assert torch.equal(weights(stepped), weights(whole))


def test_rewinding_restores_a_round_and_its_future_is_the_same():
    run = trained(new(), 200)
    there = weights(run)
    run.do({"do": "rewind", "round": 100})
    assert (run.round, run.info.state) == (100, "paused")
    assert max(row["round"] for row in store.rows(run.at / "metrics.jsonl")) == 100
    assert max(run.keyframes) == 100
    trained(run, 100)
    assert torch.equal(weights(run), there)


def test_reset_gives_the_first_weights_and_keeps_the_knobs():
    run = new()
    first = weights(run)
    trained(run, 60)
    run.do({"do": "set", "values": {"lr_D": 0.02}})
    run.do({"do": "rewind", "round": 0})
    assert torch.equal(weights(run), first)
    assert run.model.config.lr_D == 0.02
    assert run.optimizers["D"].param_groups[0]["lr"] == 0.02


def test_a_fork_from_a_keyframe_goes_its_own_way_from_there():
    run = trained(new(), 200)
    run.do({"do": "set", "values": {"lr_D": 0.02}})
    run.settle("paused")
    at = store.fork(run.at, "me", 100)
    fork = Run(at)
    assert (fork.round, fork.info.parent, fork.info.owner) == (100, run.info.id, "me")
    assert fork.info.config["lr_D"] == 1e-3  # as it was in round 100
    fork.do({"do": "set", "values": {"lr_G": 0.02}})
    trained(fork, 50).settle("paused")
    assert Run(at).model.config.lr_G == 0.02
    assert run.round == 200
    assert weights(Run(run.at)).equal(weights(run))


def test_a_fork_from_now_continues_as_the_run_itself_would():
    run = trained(new(), 120)
    run.settle("paused")
    fork = trained(Run(store.fork(run.at, "me")), 30)
    trained(run, 30)
    assert torch.equal(weights(run), weights(fork))


def test_runs_in_one_process_do_not_disturb_each_other():
    alone = trained(new(), 60)
    one, other = new(), new(seed=6)
    one.play()
    other.play()
    for _ in range(6):
        one.train(rounds=10)
        one.frame()
        other.train(rounds=10)
    same(alone, one)


def test_a_run_that_diverges_stops_says_why_and_keeps_its_last_good_checkpoint():
    run = trained(new(), 100)
    run.settle("paused")
    good = weights(run)
    run.play()
    with torch.no_grad():
        next(run.model.G.parameters()).fill_(math.nan)
    run.train(rounds=10)
    assert run.info.state == "failed"
    assert "Lower a learning rate" in run.info.why
    assert json.loads((run.at / "run.json").read_text())["state"] == "failed"
    with pytest.raises(Refused, match="has diverged"):
        run.play()
    again = Run(run.at)
    assert torch.equal(weights(again), good)
    again.do({"do": "rewind", "round": 75})
    assert trained(again, 10).info.state == "training"


def test_a_real_divergence_is_noticed():
    run = new(config=SETTING["config"] | {"lr_D": 0.1, "lr_G": 0.1, "beta1": 0.0, "beta2": 0.0})
    trained(run, 5)
    for player in run.optimizers.values():
        player.param_groups[0]["lr"] = 1e30  # beyond any knob
    run.train(rounds=20)
    assert run.info.state == "failed"


def test_the_numbers_of_rows_and_keyframes_grow_slowly():
    from lab.runs.run import _stride

    rows = sum(1 for r in range(1, 100_001) if r % _stride(r) == 0)
    assert 500 < rows < 2500
    run = new()
    assert len([r for r in run._keyframe_rounds if r <= 100_000]) <= 41


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ({"do": "set", "values": {"lr_D": 7.0}}, "must be in"),
        ({"do": "set", "values": {"width_G": 32}}, "needs a new model"),
        ({"do": "set", "values": {"nonsense": 1}}, "no knob 'nonsense'"),
        ({"do": "step", "player": "H"}, "no player 'H'"),
        ({"do": "rewind", "round": 99}, "no stored weights"),
        ({"do": "rewind", "round": "../../x"}, "no stored weights"),
        ({"do": "rewind", "round": None}, "no stored weights"),
    ],
)
def test_a_bad_command_is_refused_and_changes_nothing(command, message):
    run = trained(new(), 20)
    before, log = run._state(), (run.at / "commands.jsonl").exists()
    with pytest.raises(Refused, match=message):
        run.do(command)
    assert run._state() == before
    assert (run.at / "commands.jsonl").exists() == log


def told_to_tensorboard(run) -> tuple[dict[int, float], dict[int, float]]:
    """A term of D by its rounds, as TensorBoard reads it and as the rows have it."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run.at))
    events.Reload()
    told = {e.step: e.value for e in events.Scalars("-E[log D(x)]")}
    return told, {row["round"]: row["-E[log D(x)]"] for row in store.rows(run.at / "metrics.jsonl")}


def test_tensorboard_reads_what_the_jsonl_says():
    run = trained(new(), 40)
    run.settle("paused")
    run = trained(Run(run.at), 5)  # what it says from here on stands beside what was said before
    run.do({"do": "rewind", "round": 24})  # and here it takes back a part of it
    trained(run, 6)
    told, rows = told_to_tensorboard(run)
    assert told == pytest.approx(rows, rel=1e-6)
    assert len(told) == 30


def test_unknown_family_and_data_are_refused():
    with pytest.raises(Refused, match="no model family 'gann'"):
        new(family="gann")
    with pytest.raises(Refused, match="no data called 'rings'"):
        new(data="rings")


def test_a_frame_draws_each_metric_with_its_floor_and_no_lists():
    run = trained(new(), 128)
    assert [row["round"] for row in run.history if "JS" in row] == [64, 128]
    arrays = load_arrays(run.frame())
    floor, low, high = arrays["level/JS divergence, bits/real data"]
    assert 0 < low < floor < high < 0.05
    assert arrays["level/modes found/real data"].tolist() == [8, 8, 8]
    assert arrays["curve/what D believes/D(x)"].shape == (3, 2)  # the last point stands twice
    assert "shares" in run.history[-1]
    assert not [name for name in arrays if "shares" in name]
