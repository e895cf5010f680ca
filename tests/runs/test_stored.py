"""What a run writes and when, what it goes on from, and what it keeps."""

from __future__ import annotations

import itertools
import json
import math
import os
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from engine.config import Refused
from engine.device import random_state, seed
from engine.fit import Turn, optimizers_of
from lab.runs import files, look, state, store, stored, wire
from lab.runs import run as running
from lab.runs.look import Look
from lab.runs.run import DIVERGED, Run
from lab.runs.state import KEYFRAME_BYTES, Stream
from tests.runs.test_run import SETTING, by_hand, trained, weights

SMALL = SETTING | {"config": {"width_G": 8, "width_D": 8, "depth_G": 2, "depth_D": 2, "batch": 8}}


def new(**more) -> Run:
    return Run(store.create(SMALL | more))


def paused(rounds: int, **more) -> Run:
    run = trained(new(**more), rounds)
    run.settle("paused")
    return run


def written(run: Run) -> dict:
    """When each file was written; all but the rows, which are written anew whenever a run is opened."""
    return {p.name: p.stat().st_mtime_ns for p in run.at.rglob("*") if p.is_file() and p.name not in ROWS}


ROWS = ("metrics.jsonl", "lock")


# --- what is opened ------------------------------------------------------------------------------


@pytest.mark.parametrize("rounds", [0, 20])
def test_a_run_that_is_sound_is_opened_and_nothing_is_written(rounds):
    run = paused(rounds)
    run.do({"do": "set", "values": {"lr_D": 0.02}})
    run.settle("paused", "x")
    assert store.checkpoint(run.at).exists()
    before = written(run)
    again = Run(run.at)
    assert written(run) == before
    assert again.info.why == "x"
    assert again.keyframes == run.keyframes


def test_a_new_run_can_be_opened_by_others_at_once_and_has_made_nothing_yet():
    run = new()
    assert state.unpack(store.checkpoint(run.at), run.info)[1].round == 0
    assert (run.keyframes, store.states(run.at), run.speed, run.last) == ([0], [0], 0.0, "")
    assert run.info.why == ""


def test_a_state_of_the_beginning_that_is_lost_is_not_made_up_later():
    run = paused(20)
    store.keyframe(run.at, 0, state=True).unlink()
    assert Run(run.at).keyframes == run.keyframes
    with pytest.raises(Refused, match="Round 0 has no stored weights"):
        Run(run.at).do({"do": "rewind", "round": 0})


@pytest.mark.parametrize(
    "left", ["metrics.jsonl", "keyframes/00000001.safetensors", "checkpoint.safetensors"]
)
def test_whatever_is_left_of_a_run_that_must_begin_again_it_says_so(left):
    run = paused(3)
    kept = run.at / left
    kept = kept, kept.read_bytes()
    for path in [*run.at.glob("*.safetensors"), *run.at.glob("keyframes/*"), run.at / "metrics.jsonl"]:
        path.unlink()
    assert Run(by_hand(run.at)).info.why == "", "with nothing left it is as new"
    kept[0].write_bytes(kept[1] if "checkpoint" not in left else b"torn")
    again = Run(run.at)
    assert "It goes on from round 0" in again.info.why
    assert (again.round, again.keyframes) == (0, [0])
    assert (run.at / "checkpoint.damaged").exists() == ("checkpoint" in left)


def test_a_state_that_is_all_that_is_left_goes_on_and_says_so():
    run = paused(3)
    kept = store.keyframe(run.at, 2, state=True)
    for path in [*run.at.glob("*.safetensors"), *run.at.glob("keyframes/*"), run.at / "metrics.jsonl"]:
        path.unlink() if path != kept else None
    again = Run(run.at)
    assert "It goes on from round 2" in again.info.why
    assert (again.round, again.keyframes) == (2, [])


def test_what_a_writer_that_was_killed_has_left_goes_when_the_run_is_opened():
    run = paused(3)
    (run.at / ".checkpoint.safetensors.0123.tmp").write_bytes(b"half")
    Run(run.at)
    assert not [*run.at.glob("**/.*.tmp")]


def test_commands_between_two_rows_are_met_again_at_their_rounds():
    def begun():
        run = new()
        run.round = 600  # where each fourth round has a row
        run.play()
        run.checkpoint()
        run.train(rounds=1)
        run.do(SET)
        run.train(rounds=1)
        run.do({"do": "set", "values": {"lr_G": 0.03}})
        return run

    straight, killed = begun(), begun()
    straight.train(rounds=11)
    killed.train(rounds=3)
    killed.close()
    again = Run(killed.at)
    assert (again.round, [one["round"] for one in again.pending]) == (600, [601, 602])
    again.train(rounds=13)
    assert (again.model.config.lr_D, again.model.config.lr_G, again.info.why) == (0.02, 0.03, "")
    assert weights(again).equal(weights(straight))
    assert [row["round"] for row in again.history] == [604, 608, 612]


def test_terms_that_share_a_tensor_are_summed_apart():
    run = new()
    term = torch.tensor(3.0)
    run._turns = iter([Turn(0, "D", {"a": term, "b": term})] * 2)
    assert run._turn()
    assert run._turn()
    assert ({n: s.item() for n, s in run._sums.items()}, run._counts) == (
        {"a": 6.0, "b": 6.0},
        {"a": 2, "b": 2},
    )
    assert term == 3.0


@pytest.mark.parametrize("seeds", [[], [1, 2]])
def test_each_round_meets_examples_of_its_own_which_seed_and_round_decide(monkeypatch, seeds):
    own, met = running.fit, []

    def fit(model, batches, *more):
        met.extend(batches)
        return own(model, batches, *more)

    monkeypatch.setattr(running, "fit", fit)
    run = trained(new(wall={"seed": seeds} if seeds else {}), 3)
    for round, batch in enumerate(met):
        wanted = [run.data.batch(8, seed, round).x for seed in seeds or [run.info.seed]]
        assert batch.x.equal(torch.stack(wanted) if seeds else wanted[0])
    assert len(met) == 3


@pytest.mark.parametrize("wall_of", [{}, {"seed": [1, 2, 3]}])
def test_a_row_is_the_mean_of_each_term_over_the_turns_of_its_player(monkeypatch, wall_of):
    own, seen = running.fit, []

    def fit(*given):
        for turn in own(*given):
            seen.append({name: term.clone() for name, term in turn.terms.items()})
            yield turn

    monkeypatch.setattr(running, "fit", fit)
    run = new(config=SMALL["config"] | {"k": 3}, wall=wall_of)
    run.play()
    run.round = 512  # where a row is the mean of four rounds
    run.train(rounds=4)
    (row,) = run.history
    turns = {name: [terms[name] for terms in seen if name in terms] for name in row if name != "round"}
    assert sorted(map(len, turns.values())) == [4, 12, 12]
    for name, values in turns.items():
        wanted = torch.stack(values).double().mean(0)
        assert torch.tensor(row[name]).double().sub(wanted).abs().max() < 1e-5, name


@pytest.mark.parametrize(
    ("more", "counts"), [({"counts": {}, "rounds_summed": 3}, 3), ({"counts": {}}, 1), ({}, 4)]
)
def test_sums_of_an_older_version_are_over_as_many_turns_as_it_says(more, counts):
    run = new()
    run.play()
    run.round = 512  # where a row is the mean of four rounds
    run.train(rounds=4)
    run.round, run._sums, run._counts = 515, {"a": torch.tensor(8.0)}, {"a": 4}
    tensors, about = wire.unpack_state(run._state())
    run.close()
    store.write(store.checkpoint(run.at), wire.pack_state(tensors, about | more))
    again = Run(run.at)
    assert ({n: s.tolist() for n, s in again._sums.items()}, again._counts) == ({"a": 8.0}, {"a": counts})


def test_a_knob_that_a_state_does_not_know_yet_makes_it_no_others():
    run = new().info
    fixed = {name: value for name, value in run.config.items()}
    otherwise = state._built_otherwise
    assert not otherwise({}, run)
    assert not otherwise(fixed | {"lr_D": 0.5}, run), "a live knob"
    assert otherwise(fixed | {"width_D": 16}, run)
    del fixed["width_D"]
    assert not otherwise(fixed, run)
    del run.config["width_G"]
    assert not otherwise(fixed | {"width_G": 99}, run)


@pytest.mark.parametrize(
    "other",
    [{"family": "wgan"}, {"data": "moons"}, {"seed": 6}, {"config": SMALL["config"] | {"width_D": 16}}],
)
def test_a_state_of_another_run_is_refused_and_one_that_does_not_say_whose_it_is_is_not(other):
    run = new()
    path = store.checkpoint(run.at)
    state.unpack(path, run.info)
    with pytest.raises(Refused, match="is of another run"):
        state.unpack(path, run.info.model_copy(update=other))
    tensors, about = wire.unpack_state(path.read_bytes())
    store.write(path, wire.pack_state(tensors, about | {"run": []}))  # of an older version
    assert state.unpack(path, run.info)[1].round == 0


def test_a_state_without_some_of_the_weights_is_stepped_over():
    run = paused(3)
    tensors, about = wire.unpack_state(store.checkpoint(run.at).read_bytes())
    del tensors[next(name for name in tensors if name.startswith("model/"))]
    store.write(store.checkpoint(run.at), wire.pack_state(tensors, about))
    again = Run(run.at)
    assert "checkpoint.safetensors does not fit this model. It goes on from round 3" in again.info.why
    assert weights(again).equal(weights(run))


# --- the log -------------------------------------------------------------------------------------


def cut_off(run: Run, *orders) -> Run:
    """The run after these orders, killed before it stored anything of them."""
    before = store.checkpoint(run.at).read_bytes()
    for order in orders:
        run.do(order)
    run.close()
    store.checkpoint(run.at).write_bytes(before)
    return run


REWIND = {"do": "rewind", "round": 10}
SET = {"do": "set", "values": {"lr_D": 0.02}}


@pytest.mark.parametrize(
    "orders", [(REWIND,), (SET, REWIND), (SET, REWIND, {"do": "set", "values": {"k": 3}})]
)
def test_a_rewind_that_was_logged_and_not_stored_counts(orders):
    run = cut_off(paused(20), *orders)
    again = Run(run.at)
    assert (again.round, again.info.state) == (10, "paused")
    assert (again.model.config.lr_D, again.model.config.k) == (run.model.config.lr_D, run.model.config.k)
    assert again.commands == len(orders)
    assert max(again.keyframes) == again.history[-1]["round"] == 10
    assert again.optimizers["D"].param_groups[0]["lr"] == again.model.config.lr_D
    assert weights(again).equal(weights(run))


def test_of_several_rewinds_the_last_counts_and_what_came_after_it_is_met_in_its_round():
    run = paused(20)
    before = store.checkpoint(run.at).read_bytes()
    run.do(REWIND)
    run.do({"do": "rewind", "round": 5})
    trained(run, 2)
    run.do(SET)
    run.train(rounds=3)
    run.close()
    store.checkpoint(run.at).write_bytes(before)
    again = Run(run.at)
    assert (again.round, again.commands, again.model.config.lr_D) == (5, 2, 0.001)
    trained(again, 5)
    assert again.model.config.lr_D == 0.02
    assert weights(again).equal(weights(run))


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("round", [0, 10])
def test_after_a_rewind_all_comes_as_it_came_before(round, inside):
    """Rows, weights, moments and noise; also when it was asked for within a round, which is given up."""
    run = paused(20)
    rows, (tensors, about) = run.history[:], state.unpack(store.checkpoint(run.at))
    if inside:
        run.do({"do": "step", "player": None})
    run.do({"do": "rewind", "round": round})
    assert run.last == ""
    trained(run, 20 - round).settle("paused")
    now, told = state.unpack(store.checkpoint(run.at))
    assert run.history == rows
    assert now.keys() == tensors.keys()
    assert all(now[name].equal(tensor) for name, tensor in tensors.items())
    assert (told.sums, told.counts, told.config) == (about.sums, about.counts, about.config)


def test_a_rewind_keeps_the_knobs_as_they_are_now():
    run = paused(20)
    run.do(SET)
    run.do(REWIND)
    for one in (run, Run(by_hand(run.at))):
        assert one.round == 10
        assert one.model.config.lr_D == one.optimizers["D"].param_groups[0]["lr"] == 0.02
        assert one.info.config == store.read_info(one.at).config == one.model.config.model_dump()


def test_the_knobs_are_those_of_the_state_that_goes_on_whatever_run_json_says():
    run = paused(3)
    store.change_info(run.at, config=run.info.config | {"lr_D": 0.5})
    again = Run(run.at)
    assert again.model.config.lr_D == again.info.config["lr_D"] == 0.001
    assert store.read_info(run.at).config == again.model.config.model_dump()


def test_the_noise_of_training_is_not_that_which_drew_the_weights():
    run, other = new(), new(seed=6)
    for one in (run, other):
        seed(one.info.seed, one.device)
        assert not one.stream.states[0].equal(random_state(one.device))
    assert not run.stream.states[0].equal(other.stream.states[0])


def test_a_rewind_to_what_is_damaged_is_undone_and_said():
    run = paused(20)
    before = weights(run)
    cut_off(run, SET, REWIND, {"do": "set", "values": {"k": 3}})
    for path in (run.at / "keyframes").glob("00000010*"):
        path.write_bytes(b"torn")
    again = Run(run.at)
    assert "It could not be rewound" in again.info.why
    assert weights(again).equal(before)
    assert (again.round, again.commands, again.pending) == (20, 1, [])
    assert [one["do"] for one in files.commands(again.log)] == ["set"]
    again.play()
    again.train(rounds=1)
    assert (again.model.config.lr_D, again.model.config.k) == (0.02, 1)


def test_what_was_to_come_is_forgotten_when_its_owner_does_something_else():
    run = trained(paused(5), 5)
    run.do(SET)
    run.train(rounds=5)
    run.do({"do": "set", "values": {"k": 3}})
    run.close()
    again = Run(run.at)  # from round 5
    assert [one["round"] for one in again.pending] == [10, 15]
    again.play()
    again.train(rounds=7)
    assert (again.round, again.model.config.lr_D) == (12, 0.02)
    again.do({"do": "set", "values": {"smooth": 0.1}})
    assert again.pending == []
    assert [one["round"] for one in files.commands(again.log)] == [10, 12]


@pytest.mark.parametrize(
    "odd", [{"do": "set", "values": {"lr_D": 99.0}}, {"do": "step", "player": "H"}, {"round": 2} | SET]
)
def test_a_command_that_cannot_be_met_again_is_said_and_counts_no_more(odd):
    run = paused(5)
    run.close()
    for one in (odd, SET):
        files.append(run.log, {"round": 5} | one)
    again = Run(run.at)
    assert "cannot be carried out and counts no more" in again.info.why
    assert (again.pending, files.commands(again.log), again.commands) == ([], [], 0)
    assert again.model.config.lr_D == 0.001


def test_an_order_that_fails_half_way_leaves_no_trace(monkeypatch):
    run = paused(12)
    run.do({"do": "set", "values": {"lr_D": 0.01}})
    before, log, own = weights(run), run.log.read_bytes(), run._carry_out

    def half(command):
        monkeypatch.setattr(run, "_carry_out", own)
        run.commands += 1
        with torch.no_grad():
            next(run.model.parameters()).zero_()
        raise RuntimeError("out of memory")

    monkeypatch.setattr(run, "_carry_out", half)
    with pytest.raises(RuntimeError, match="out of memory"):
        run.do(SET)
    assert run.log.read_bytes() == log
    assert (run.commands, run.model.config.lr_D) == (1, 0.01)
    assert weights(run).equal(before)


def test_a_run_that_has_diverged_makes_no_step_and_one_that_ended_goes_on():
    run = paused(3)
    run.settle("failed", "It has diverged.", save=False, diverged=True)
    for order in (lambda: run.do({"do": "step", "player": None}), run.play):
        with pytest.raises(Refused, match=DIVERGED):
            order()
    run.do({"do": "rewind", "round": 0})
    assert not run.info.diverged
    run.settle("failed", "The disk is full.", save=False)
    run.do({"do": "step", "player": None})  # after other trouble it may
    assert run.last == "D"
    ended = trained(new(rounds=2), 9)
    assert (ended.round, ended.info.state) == (2, "ended")
    assert trained(ended, 3).round == 5
    assert store.read_info(ended.at).rounds is None


def test_a_fork_from_now_has_the_steps_since_the_last_checkpoint():
    run = paused(5)
    for player in ("D", "D", "G"):
        run.do({"do": "step", "player": player})
    fork = Run(store.fork(run.at, "me"))
    assert (fork.round, fork.last, fork.commands) == (run.round, "G", 3)
    assert weights(fork).equal(weights(run))


@pytest.mark.parametrize(("round", "last"), [(None, 20), (18, 18), (10, 10), (0, 0)])
def test_a_fork_has_pictures_states_and_rows_up_to_its_round(round, last):
    run = paused(20)
    fork = store.fork(run.at, "me", round)
    for of in (store.keyframes, store.states):
        assert of(fork) == [one for one in of(run.at) if one <= last]
    assert [row["round"] for row in store.rows(fork / "metrics.jsonl")] == list(range(1, last + 1))


def test_each_step_is_of_the_player_that_it_names_and_training_goes_on_with_all():
    run = paused(2)

    def moved(act) -> set[str]:
        players = {name: run.model.player(name) for name in run.model.players}
        before = {name: [p.clone() for p in net.parameters()] for name, net in players.items()}
        act()
        return {
            name for name, net in players.items() if not all(map(torch.equal, net.parameters(), before[name]))
        }

    for player, round in [("D", 2), ("G", 2), ("G", 3), ("D", 4), (None, 4), ("D", 5)]:
        wanted = player or "G"
        assert moved(lambda player=player: run.do({"do": "step", "player": player})) == {wanted}
        assert (run.last, run.round) == (wanted, round)
    assert moved(lambda: trained(run, 1)) == {"G"}, "the rest of the round"
    assert moved(lambda: run.train(rounds=1)) == {"D", "G"}


# --- what is written -----------------------------------------------------------------------------


def test_a_checkpoint_is_of_a_rounds_end_in_good_health_and_of_who_holds_the_run():
    run = paused(3)
    path = store.checkpoint(run.at)

    def stored_now() -> bool:
        path.write_bytes(b"before")
        run.checkpoint()
        return path.read_bytes() != b"before"

    assert not stored_now(), "it rests: others may train it"
    run.play()
    assert stored_now()
    run.info.state = "failed"
    assert not stored_now()
    run.info.state = "training"
    run._turn()
    assert not stored_now(), "within a round"
    while run._turn():
        pass
    assert stored_now()
    run._sums["x"] = torch.tensor(math.nan)
    assert not stored_now()
    del run._sums["x"]
    with torch.no_grad():
        next(run.model.parameters()).view(-1)[0] = math.inf
    assert not stored_now()


def test_a_checkpoint_is_waited_for_and_a_keyframe_is_not(monkeypatch):
    run = new()
    run.play()
    run.train(rounds=1)
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    run._keyframe()
    assert synced == []
    assert run.keyframes == [0, 1]
    run.checkpoint()
    assert len(synced) == 1


def test_of_rounds_that_are_to_come_again_nothing_is_left():
    run = paused(20)
    store.keyframe(run.at, 18).unlink()
    store.keyframe(run.at, 14, state=True).unlink()
    run = Run(run.at)
    run.do({"do": "rewind", "round": 10})
    assert max(store.keyframes(run.at)) == max(store.states(run.at)) == max(run.keyframes) == 10
    assert [row["round"] for row in store.rows(run.at / "metrics.jsonl")] == list(range(1, 11))
    assert [row["round"] for row in run.history] == list(range(1, 11))


def test_the_row_that_is_no_number_stores_nothing_and_names_a_round_to_go_back_to():
    run = trained(new(), 20)
    run.checkpoint()
    before = store.checkpoint(run.at).read_bytes()
    store.keyframe(run.at, 18, state=True).unlink()
    run._sums, run._counts = {"loss": torch.tensor(math.inf)}, {"loss": 1}
    run._row()
    assert (run.info.state, run.info.diverged) == ("failed", True)
    assert (
        "near round 20: training diverged. Lower a learning rate, then rewind to round 14 or" in run.info.why
    )
    assert store.checkpoint(run.at).read_bytes() == before
    for path in (run.at / "keyframes").glob("*.state.*"):
        path.unlink()
    run.info.state = "training"
    run._sums, run._counts = {"loss": torch.tensor(math.nan)}, {"loss": 1}
    run._row()
    assert "rewind to round 0 or" in run.info.why


def measuring(monkeypatch, **values):
    """Let all measures be these."""

    def steps(model, data):
        yield
        return dict(values)

    monkeypatch.setattr("lab.runs.wall.observe_in_steps", steps)


def test_rows_and_keyframes_fall_on_their_rounds_however_long_a_slice_is(monkeypatch):
    measuring(monkeypatch)
    run = trained(new(rounds=425), 423)
    assert run.keyframes == sorted({0} | {r for r in run._keyframe_rounds if r <= 423})
    assert 317 in run.keyframes, "between two rows"
    rounds = [row["round"] for row in run.history]
    assert rounds == [*range(1, 256), *range(256, 423, 2)]
    assert json.loads(wire.header(run.frame())["frame"])["round"] == 423, "not that of the last row"
    run.train()
    assert (run.round, run.info.state) == (425, "ended")
    assert run.info.why == "It made the 425 rounds asked for."


def test_rows_are_one_a_round_at_first_and_some_128_a_doubling_later():
    assert {running._stride(round) for round in range(256)} == {1}
    for k in range(8, 14):
        assert sum(r % running._stride(r) == 0 for r in range(2**k, 2 ** (k + 1))) == 128


def test_late_in_a_training_only_some_rows_are_measured(monkeypatch):
    run = new()
    run.play()
    measuring(monkeypatch, JS=0.5)
    first = 8192
    for run.round in range(first, first + 2048, running._stride(first)):
        run._row()
    measured = ["JS" in row for row in run.history]
    assert 0 < sum(measured) <= len(measured) / 4


def test_a_measure_is_of_the_model_and_not_of_chance():
    run = paused(3)
    first = run.quality()
    torch.rand(7)
    assert run.quality() == first


# --- time ----------------------------------------------------------------------------------------


@pytest.fixture
def slow(monkeypatch):
    """A run of which each round takes the seconds that the test says."""
    clock = SimpleNamespace(now=1000.0, round=1.0)
    time = SimpleNamespace(monotonic=lambda: clock.now, process_time=lambda: clock.now)
    monkeypatch.setattr(running, "time", time)
    monkeypatch.setattr(stored, "time", time)
    run = new()
    own = run._turn

    def turn():
        made = own()
        clock.now += 0 if made else clock.round
        return made

    monkeypatch.setattr(run, "_turn", turn)
    run.play()
    return run, clock


def test_a_slice_ends_with_the_round_in_which_its_time_is_over(slow):
    run, _ = slow
    run.train(seconds=5)
    assert run.round == 5
    run.train(seconds=2.5)
    assert run.round == 8
    run.train(seconds=100, rounds=3)
    assert run.round == 11
    run.train(seconds=0)
    assert run.round == 12


def test_speed_is_the_rounds_of_a_second_and_follows_slowly(slow):
    run, clock = slow
    for _ in range(3):
        run.train(seconds=5)
        assert run.speed == pytest.approx(1.0)
    clock.round = 0.5
    run.train(seconds=5)
    assert 1.0 < run.speed < 2.0
    for _ in range(30):
        run.train(seconds=0.5)
    assert run.speed == pytest.approx(2.0, abs=0.01)
    assert json.loads(wire.header(run.frame())["frame"])["speed"] == pytest.approx(2.0, abs=0.1)


def test_what_trains_is_stored_every_ten_seconds(slow, monkeypatch):
    run, clock = slow
    times = []
    own = run.checkpoint
    monkeypatch.setattr(run, "checkpoint", lambda: times.append(clock.now) or own())
    run.train(rounds=100)
    apart = {b - a for a, b in itertools.pairwise([1000.0, *times])}
    assert apart == {11}, "with the first round's end after ten seconds"


# --- states --------------------------------------------------------------------------------------


def test_an_optimizers_slots_survive_whatever_kind_they_are():
    slots = {"avg": torch.randn(3), "step": 7, "lr": 0.1, "t": 2.0, "none_yet": [],
             "dirs": [torch.randn(2), torch.randn(2)], "scratch": [None, torch.ones(1)]}  # fmt: skip
    back = state._slots(state._flat(slots))
    assert back.keys() == slots.keys() - {"scratch"}
    assert (back["step"], back["lr"], back["t"], back["none_yet"]) == (7, 0.1, 2.0, [])
    assert isinstance(back["step"], int)
    assert back["avg"].equal(slots["avg"])
    assert all(a.equal(b) for a, b in zip(back["dirs"], slots["dirs"], strict=True))


def test_one_number_that_is_none_makes_a_model_unsound():
    model = nn.Linear(3, 2)
    assert state.is_sound(model, {"loss": torch.ones(2)})
    assert not state.is_sound(model, {"loss": torch.tensor([1.0, math.nan])})
    with torch.no_grad():
        model.weight[1, 1] = math.inf
    assert not state.is_sound(model, {})


@pytest.mark.parametrize("kind", ["Adam", "LBFGS"])
def test_the_size_of_a_state_is_what_is_stored(kind):
    if kind == "Adam":
        model = new(config=SETTING["config"] | {"width_G": 64, "width_D": 64}).model
        optimizers = optimizers_of(model)
        for optimizer in optimizers.values():
            for p in optimizer.param_groups[0]["params"]:
                p.grad = torch.ones_like(p)
            optimizer.step()
    else:
        model = nn.Linear(60, 40)
        optimizers = {"x": torch.optim.LBFGS(model.parameters(), lr=0.01, history_size=5)}
        x = torch.randn(32, 60)

        def loss():
            model.zero_grad()
            value = (model(x) - x[:, :40].sin()).pow(4).sum()
            value.backward()
            return value

        for _ in range(3):
            optimizers["x"].step(loss)
    stream = Stream(torch.device("cpu"))
    tensors = state.tensors_of(model, optimizers, stream)
    told = sum(t.nbytes for name, t in tensors.items() if not name.startswith("random/"))
    assert state.size_of(model, optimizers) == pytest.approx(told, rel=0.03)


@pytest.mark.parametrize("fits", [1000, 49, 48, 47, 25, 24, 23, 6, 5])
def test_states_are_kept_as_often_as_their_room_allows(monkeypatch, fits):
    """`fits`: as many states have room. The rounds are those of six decades, eight, four, two or one each."""
    monkeypatch.setattr(state, "size_of", lambda model, optimizers: KEYFRAME_BYTES / fits)
    pictures, states = state.keyframe_rounds(None, {})
    assert states - {0} <= pictures
    assert 0 in states
    for decade in range(1, 6):
        within = [sum(10**decade <= r < 10 ** (decade + 1) for r in rounds) for rounds in (pictures, states)]
        assert within[0] == 8
        assert within[1] == next(n for n, least in ((8, 48), (4, 24), (2, 6), (1, 0)) if fits >= least)
    assert 10**6 in states


def test_a_stream_begins_where_it_was_stored_on_every_device():
    stream = Stream(torch.device("cpu"))
    stream.devices = [torch.device("cpu")] * 2
    one, other = torch.ones(3), torch.zeros(3)
    stream.restore([one, other])
    assert [s.tolist() for s in stream.states] == [[1, 1, 1], [0, 0, 0]]
    stream.restore([one])
    assert [s.tolist() for s in stream.states] == [[1, 1, 1], [1, 1, 1]]


def test_a_stream_flows_on_the_cpu_and_on_the_device(monkeypatch):
    now = {"cpu": 1, "meta": 2}
    monkeypatch.setattr(state, "random_state", lambda device: now[device.type])
    monkeypatch.setattr(state, "set_random_state", lambda value, device: now.update({device.type: value}))
    stream = Stream(torch.device("meta"))
    now |= {"cpu": 50, "meta": 60}  # others draw
    with stream.flow():
        assert now == {"cpu": 1, "meta": 2}
        now |= {"cpu": 3, "meta": 4}
    assert stream.states == [3, 4]
    assert len(Stream(torch.device("cpu")).states) == 1


def test_what_is_made_in_steps_draws_numbers_of_its_own_without_gradients():
    def steps():
        for _ in range(4):
            yield torch.rand(()).item(), torch.is_grad_enabled()

    torch.manual_seed(3)
    wanted = torch.rand(4).tolist()
    torch.manual_seed(3)
    made = []
    for step in state.apart(steps(), torch.device("cpu")):
        made.append(step)
        torch.manual_seed(99)
        assert torch.is_grad_enabled()
    assert made == [(number, False) for number in wanted]


def test_a_stream_goes_on_undisturbed():
    torch.manual_seed(3)
    stream = Stream(torch.device("cpu"))
    wanted = torch.rand(4).tolist()
    told = []
    for _ in range(4):
        torch.manual_seed(99)
        with stream.flow():
            told.append(torch.rand(()).item())
    assert told == wanted


# --- a run that is trained elsewhere -------------------------------------------------------------


def test_news_of_a_run_that_is_trained_elsewhere_are_told_once(monkeypatch):
    at = store.create(SMALL)
    store.keyframe(at, 0).write_bytes(b"0")
    one = Look(at)
    assert one.watchers == 0
    monkeypatch.setattr(look.lock, "holder", lambda at: "a lab")
    assert one.state() == {
        "state": "training",
        "why": "It is trained by a lab.",
        "round": 0,
        "keyframes": [0],
    }
    assert [*one.news()] == []
    store.append(at / "metrics.jsonl", {"round": 3})
    assert [*one.news()] == [("state", one.told)]
    assert (one.told["round"], one.told["keyframes"]) == (3, [0])
    store.keyframe(at, 4).write_bytes(b"4")
    store.append(at / "metrics.jsonl", {"round": 5})
    assert [*one.news()] == [("keyframe", b"4"), ("state", one.told)]
    assert (one.told["round"], one.told["keyframes"]) == (5, [0, 4])
    assert [*one.news()] == []
    store.keyframe(at, 4).unlink()
    assert [kind for kind, _ in one.news()] == ["state"]
    store.keyframe(at, 4).write_bytes(b"anew")
    assert [*one.news()] == [("keyframe", b"anew"), ("state", one.told)]
    monkeypatch.setattr(look.lock, "holder", lambda at: "")
    assert one.state()["why"] == "It is trained by another process."
    bare = store.create(SMALL)
    assert Look(bare).state()["round"] == 0
