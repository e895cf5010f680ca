"""What others have written into run directories is refused in a sentence or repaired, and said."""

import json
import math
import os
import random
import shutil
import signal
import time

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from engine.config import Refused
from lab import cli
from lab.runs import files, store, wire
from lab.runs.lock import Elsewhere, Gone, Lock, holder
from lab.runs.run import Run
from tests.runs.test_run import SETTING, by_hand, new, same, trained, weights


def paused(rounds: int, **more) -> Run:
    run = trained(new(**more), rounds)
    run.settle("paused")
    run.close()
    return run


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A run of 200 rounds with a change at round 120, which each test has a copy of; and its rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENLAB_HOME", str(tmp_path_factory.mktemp("kept")))
        run = trained(new(), 120)
        run.do({"do": "set", "values": {"lr_D": 0.02}})
        run.train(rounds=80)
        run.settle("paused")
        whole = trained(Run(by_hand(run.at)), 20)
        whole.settle("paused")
    return run.at, whole


@pytest.fixture
def at(kept):
    return shutil.copytree(kept[0], store.home() / "0123456789ab")


# --- run.json and what lies among the runs -------------------------------------------------------


def change(at, **values):
    told = json.loads((at / "run.json").read_text()) | values
    (at / "run.json").write_text(json.dumps(told))


@pytest.mark.exhaustive
def test_the_directorys_name_is_the_id_and_a_copy_is_a_run_of_its_own(at):
    change(at, id="ffffffffffff")
    other = by_hand(at)
    assert {info.id for info in store.every()} == {at.name, other.name}
    run = Run(other)
    run.do({"do": "rewind", "round": 0})
    assert run.info.id == other.name
    assert Run(at).round == 200
    link = at.with_name("abcdefabcdef")
    link.symlink_to(at)
    held = Lock(at)
    with pytest.raises(Elsewhere):
        Run(link)
    held.close()


ODD = {
    "created": [math.nan, math.inf, 1e300, -1e300, -5, "yesterday", None, [1], True, 10**400],
    "state": ["flying", 5, None],
    "seed": [-1, 2**32, "x", 1.5, None],
    "config": [[], "x", 5, None],
    "family": ["", "../x", "![x](http://x)", 5, None, "a" * 300],
    "data": ["", "a/b", "<b>", 7, None],
    "wall": [{"k": "x"}, {"k": [math.nan]}, [1], 5],
    "owner": [5, "x" * 5000],
    "why": [["x"], "x" * 10_000],
    "rounds": [-1, "many", 1.5],
    "threads": [-1, 10_000, "two"],
    "format": [0, -3, 99, "new", None],
    "pace": [5],
}


@pytest.mark.parametrize("field", ODD)
def test_an_odd_value_is_refused_or_mended_and_hides_no_other_run(at, field):
    good = store.create(SETTING)
    for value in ODD[field]:
        change(at, **{field: value})
        runs, damaged = store.listing()
        assert good.name in {info.id for info in runs}
        if field == "created":
            (info,) = (info for info in runs if info.id == at.name)
            assert 0 < info.created < 4.1e9
        else:
            assert damaged.keys() == {at.name}
            with pytest.raises(Refused, match=f"{at.name}|format"):
                Run(at)
            assert cli.main(["sample", str(at), "--out", str(at / "x.csv")]) == 2


@pytest.mark.parametrize(
    "content", [b"", b"{", b"null", b"[]", b"5", b"\x00" * 500, b"\xff\xfe{}", b"[" * 100_000, b'{"seed": 1}']
)
def test_a_damaged_run_json_is_refused(at, content):
    (at / "run.json").write_bytes(content)
    with pytest.raises(Refused, match="not a run directory"):
        store.look(at)
    assert store.listing() == ([], {at.name: store.listing()[1][at.name]})


def test_folders_pipes_and_names_among_the_runs_hide_none(at):
    for name in ("0000000000aa", "0000000000bb", "0000000000cc"):
        (store.home() / name).mkdir()
    (store.home() / "0000000000aa/run.json").mkdir()
    os.mkfifo(store.home() / "0000000000bb/run.json")
    (store.home() / "0000000000cc/run.json").symlink_to("run.json")
    shutil.copytree(at, store.home() / "Copy of a run")
    (store.home() / "file").write_text("x")
    runs, damaged = store.listing()
    assert [info.id for info in runs] == [at.name]
    assert "Rename the folder" in damaged["Copy of a run"]
    assert damaged.keys() >= {"0000000000aa", "0000000000bb"}
    for name in ("0000000000aa", "0000000000bb", "0000000000cc"):
        with pytest.raises(Refused, match="no run"):
            store.folder(name)


# --- rows and commands ---------------------------------------------------------------------------

TORN = [b'{"round": 51, "x"', b"\x00" * 40, b"\xff\xfe", b"null", b"[]", b"5", b'{"round": "x"}',
        b'{"round": -1}',
        b'{"round": 51, "a": "b"}', b'{"round": 51, "a": 1e999}', b'{"round": true}', b"[" * 100_000,
        b'{"round": 1' + b"0" * 5000 + b"}", b'{"round": 51, "a": NaN}', b'{"round": 10000}',
        b'{"round": 3}']  # fmt: skip


@pytest.mark.parametrize("line", TORN, ids=range(len(TORN)))
def test_a_damaged_line_costs_itself_and_rows_stay_distinct_and_in_order(at, kept, line):
    path = at / "metrics.jsonl"
    lines = path.read_bytes().split(b"\n")
    lines[50] = line  # of round 51
    path.write_bytes(b"\n".join(lines))
    run = trained(Run(at), 20)
    assert [row["round"] for row in store.rows(path)] == [r for r in range(1, 221) if r != 51]
    assert weights(run).equal(weights(kept[1]))
    assert path.read_bytes().count(b"\n") == 219


def test_a_run_that_was_trained_twice_has_each_row_once():
    path = store.create(SETTING) / "metrics.jsonl"
    told = [*range(1, 60), *range(40, 80), 10**9, *range(78, 101)]
    path.write_text("".join(f'{{"round": {round}}}\n' for round in told))
    assert [row["round"] for row in files.rows(path)] == list(range(1, 101))


def test_a_torn_end_of_the_log_does_not_swallow_the_next_command(at):
    with (at / "commands.jsonl").open("ab") as file:
        file.write(b'{"round": 200, "do": "se')
    run = Run(at)
    run.do({"do": "set", "values": {"lr_G": 0.02}})
    assert [one["do"] for one in files.commands(run.log)] == ["set", "set"]
    run.close()
    shutil.copy(store.keyframe(at, 134, state=True), store.checkpoint(at))
    again = Run(at)
    assert [one["values"] for one in again.pending] == [{"lr_G": 0.02}]


COMMANDS = [b"\x00\x00", b'{"do": "set"}', b'{"round": 5, "do": "dance"}', b"torn",
            b'{"round": 5, "do": "set", "values": 5}', b"[]",
            b'{"round": "x", "do": "step"}', b'{"round": 9, "do": "step", "player": [1]}',
            b'{"round": 5, "do": "set", "values": {"lr_D": [1]}}']  # fmt: skip


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_after_one_that_cannot_be_read_count_no_more_and_that_is_said(at, line):
    with (at / "commands.jsonl").open("ab") as file:
        file.write(b'{"round":200,"do":"set","values":{"lr_G":0.02}}\n' + line + b"\n")
        file.write(b'{"round":200,"do":"set","values":{"lr_G":0.03}}\n')
    run = Run(at)
    assert run.model.config.lr_G == 0.02
    assert "log of commands cannot be read and counts no more" in run.info.why
    assert len(files.commands(run.log)) == run.commands == 2


def test_a_damaged_command_that_is_past_keeps_its_place(at, kept):
    with (at / "commands.jsonl").open("ab") as file:
        file.write(b'{"round":200,"do":"set","values":{"lr_G":0.02}}\n')
    run = Run(at)
    run.settle("paused")
    run.close()
    lines = run.log.read_bytes().split(b"\n")
    run.log.write_bytes(b"\n".join([b"\x00" * 9, *lines[1:]]))
    again = Run(at)
    assert (again.commands, again.pending, again.model.config.lr_G) == (2, [], 0.02)
    fork = Run(store.fork(at, "me", 134))
    assert (fork.commands, fork.pending, fork.info.config["lr_D"]) == (1, [], 0.02)
    run.log.unlink()
    again = Run(at)
    again.do({"do": "set", "values": {"lr_G": 0.05}})
    again.close()
    assert Run(at).model.config.lr_G == 0.05


# --- stored states -------------------------------------------------------------------------------


def foreign(at):
    """States that are none of this run's."""
    good = store.checkpoint(at).read_bytes()
    tensors, about = wire.unpack_state(good)
    ill = {name: t * math.nan if "model/" in name else t for name, t in tensors.items()}
    alien = store.checkpoint(paused(3, seed=6).at).read_bytes()
    wide = store.checkpoint(paused(3, config=SETTING["config"] | {"width_G": 8}).at).read_bytes()
    return {
        "empty": b"", "torn": good[:-100], "half": good[: len(good) // 2], "head": good[:60],
        "zeros": bytes(len(good)), "text": b"hello" * 99, "huge": b"\xff" * 8 + good[8:],
        "another's": save({"x": np.zeros(3)}), "no state": save({"x": np.zeros(3)}, {"state": "[]"}),
        "odd round": wire.pack_state(tensors, about | {"round": "x"}),
        "negative": wire.pack_state(tensors, about | {"round": -5}),
        "odd config": wire.pack_state(tensors, about | {"config": {"lr_D": "fast"}}),
        "bare": wire.pack_state({}, about), "odd name": wire.pack_state({"x": torch.zeros(3)}, about),
        "not numbers": wire.pack_state(ill, about), "of another run": alien, "of another width": wide,
    }  # fmt: skip


KINDS = ["empty", "torn", "half", "head", "zeros", "text", "huge", "another's", "no state", "odd round",
         "negative",
         "odd config", "bare", "odd name", "not numbers", "of another run", "of another width"]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_checkpoint_is_told_and_the_newest_sound_keyframe_goes_on(at, kept, kind, capsys):
    store.checkpoint(at).write_bytes(foreign(at)[kind])
    if kind != "not numbers":
        assert cli.main(["sample", str(at), "--out", str(at / "x.csv")]) == 2
        assert f"{at.name} cannot be asked: " in capsys.readouterr().err
    fork = Run(store.fork(at, "me"))
    run = Run(at)
    for one in (run, fork):
        assert one.round == 178
        assert "from round 178, the newest that is sound" in one.info.why
        assert one.model.config.lr_D == 0.02
        same(trained(one, 42), kept[1])
    assert not [*at.glob("**/.*.tmp")]


def test_a_missing_checkpoint_and_keyframes_that_are_torn_too_are_stepped_over(at, kept):
    store.checkpoint(at).unlink()
    for round in (178, 134):
        store.keyframe(at, round, state=True).write_bytes(b"torn")
    run = Run(at)
    assert run.round == 100
    assert "checkpoint.safetensors is missing. It goes on from round 100" in run.info.why
    assert run.model.config.lr_D == 0.001
    same(trained(run, 120), kept[1])


def test_with_nothing_sound_it_begins_again_and_says_so(at):
    store.checkpoint(at).unlink()
    store.checkpoint(at).mkdir()
    for round in store.states(at):
        store.keyframe(at, round, state=True).unlink()
    run = Run(at)
    assert (run.round, run.history) == (0, [])
    assert "from round 0" in run.info.why
    assert trained(run, 3).round == 3


def test_a_rewind_that_fails_is_refused_and_leaves_no_trace(at, kept):
    store.keyframe(at, 100, state=True).write_bytes(b"torn")
    store.keyframe(at, 75, state=True).write_bytes(foreign(at)["of another width"])
    run = Run(at)
    before, log = run._state(), run.log.read_bytes()
    for round in (100, 75):
        with pytest.raises(Refused, match=r"cannot be read|another run|does not fit"):
            run.do({"do": "rewind", "round": round})
    assert (run._state(), run.log.read_bytes()) == (before, log)
    assert run.info.state == "paused"
    run.close()
    same(trained(Run(at), 20), kept[1])
    with pytest.raises(Refused):
        store.fork(at, "me", 100)
    assert not [info for info in store.every() if info.parent], "half a copy is no run"


# --- history -------------------------------------------------------------------------------------


def course(run: Run) -> Run:
    """Changes, a rewind, and changes after it."""
    trained(run, 50)
    run.do({"do": "set", "values": {"lr_D": 0.02}})
    run.train(rounds=90)
    run.do({"do": "set", "values": {"lr_G": 0.03}})
    run.train(rounds=10)
    run.do({"do": "rewind", "round": 100})
    trained(run, 20)
    run.do({"do": "set", "values": {"k": 2}})
    run.train(rounds=30)
    return run


def test_a_rewind_counts_its_commands_and_is_met_again_after_a_kill(monkeypatch):
    whole = course(new())
    assert whole.commands == 4
    assert [one["do"] for one in files.commands(whole.log)] == ["set", "set", "rewind", "set"]
    whole.train(rounds=40)
    assert wire.read_about(store.keyframe(whole.at, 134, state=True))["commands"] == 4
    killed = course(new())
    killed.close()
    for round in (134, 100, 75):  # the state that it goes on from, of before and after the rewind
        at = by_hand(killed.at)
        shutil.copy(store.keyframe(at, round, state=True), store.checkpoint(at))
        again = Run(at)
        again.play()
        again.train(rounds=190 - again.round)
        assert (again.model.config.lr_G, again.model.config.k, again.commands) == (0.03, 2, 4)
        assert weights(again).equal(weights(whole))


def test_a_fork_has_the_commands_up_to_its_round_and_none_of_those_that_came_later():
    run = course(new())
    run.train(rounds=40)
    run.settle("paused")
    for round, met, config in [(43, 0, (0.001, 0.001, 1)), (75, 1, (0.02, 0.001, 1)),
                               (100, 1, (0.02, 0.001, 1)),
                               (134, 4, (0.02, 0.03, 2)), (178, 4, (0.02, 0.03, 2))]:  # fmt: skip
        fork = Run(store.fork(run.at, "me", round))
        now = fork.model.config
        assert (fork.round, fork.commands, fork.pending) == (round, met, [])
        assert len(files.commands(fork.log)) == met
        assert (now.lr_D, now.lr_G, now.k) == config
        assert max(fork.keyframes) == fork.history[-1]["round"] == round
        fork.do({"do": "set", "values": {"lr_D": 0.5}})
        fork.close()
        assert Run(fork.at).model.config.lr_D == 0.5
    same(trained(Run(store.fork(run.at, "me")), 10), trained(run, 10))


@pytest.mark.parametrize("number", range(3))
def test_a_run_killed_anywhere_and_opened_again_is_the_straight_run(number):
    chance = random.Random(number)
    straight = course(new())
    run = new()
    steps = [("play", None), ("train", 50), ("do", {"do": "set", "values": {"lr_D": 0.02}}), ("train", 90),
             ("do", {"do": "set", "values": {"lr_G": 0.03}}), ("train", 10),
             ("do", {"do": "rewind", "round": 100}), ("play", None), ("train", 20),
             ("do", {"do": "set", "values": {"k": 2}}), ("train", 30)]  # fmt: skip
    for name, what in steps:
        if name == "train":
            goal = run.round + what
            while run.round < goal:
                run.train(rounds=chance.randint(1, goal - run.round))
                if chance.random() < 0.3:
                    run.checkpoint()
                if chance.random() < 0.4:  # the process is gone here
                    run.close()
                    run = Run(run.at)
        else:
            run.play() if name == "play" else run.do(what)
    same(run, straight)


# --- the lock ------------------------------------------------------------------------------------


def test_a_run_is_held_while_it_trains_and_free_when_it_rests():
    run = new()
    assert not holder(run.at)
    run.play()
    assert f"process {os.getpid()}" in holder(run.at)
    with pytest.raises(Elsewhere, match=r"is trained by a lab .* stop it there"):
        Run(run.at)
    for state in ("paused", "ended", "failed"):
        run.settle("training")
        assert holder(run.at)
        run.settle(state)
        assert not holder(run.at)
        Run(run.at)
    run.fail("x")
    assert not holder(run.at)


def test_what_others_made_of_it_is_read_when_it_is_taken_again():
    one = new()
    other = Run(one.at)
    trained(other, 20).settle("paused")
    one.do({"do": "set", "values": {"lr_D": 0.02}})
    assert (one.round, len(one.history)) == (20, 20)
    trained(one, 10).settle("paused")
    other.play()
    assert (other.round, other.model.config.lr_D) == (30, 0.02)
    other.settle("paused")


@pytest.mark.parametrize("how", ["removed", "renamed", "replaced", "lock removed"])
def test_a_directory_that_is_gone_or_another_is_written_no_more(how):
    run = trained(new(), 5)
    away = run.at.with_name("away-away-away")
    if how == "removed":
        shutil.rmtree(run.at)
    elif how == "lock removed":
        (run.at / "lock").unlink()
    else:
        run.at.rename(away)
    if how == "replaced":
        shutil.copytree(away, run.at)
    before = {path: path.stat().st_mtime_ns for path in run.at.rglob("*")}
    with pytest.raises(Gone, match="removed or replaced"):
        run.train(rounds=5)
    run.fail("it is gone")
    assert {path: path.stat().st_mtime_ns for path in run.at.rglob("*")} == before


@pytest.mark.parametrize("code", ["ENOLCK", "ENOSYS", "EOPNOTSUPP"])
def test_a_file_system_without_locks_is_refused_by_name(monkeypatch, code):
    import errno
    import fcntl

    at = store.create(SETTING)

    def no(*_):
        raise OSError(getattr(errno, code), "no")

    monkeypatch.setattr(fcntl, "flock", no)
    with pytest.raises(Refused, match=r"keeps no locks.*GENLAB_HOME"):
        Run(at)


def test_a_child_that_was_forked_does_not_hold_the_lock_of_its_parent(tmp_path):
    lock = Lock(tmp_path)
    if not (child := os.fork()):
        signal.pause()
    try:
        lock.close()
        end = time.monotonic() + 30
        while holder(tmp_path):
            assert time.monotonic() < end
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


@pytest.mark.parametrize(
    "name", [b"", b"{", b"[]", b'{"by": "x", "pid": 1, "host": "h"}', b'{"by": 5}', b"\xff"]
)
def test_an_odd_name_in_a_lock_is_another_process(tmp_path, name):
    lock = Lock(tmp_path)
    lock.path.write_bytes(name)
    assert holder(tmp_path) == "another process"
    lock.path.write_text(json.dumps({"by": "command", "pid": 7, "host": "elsewhere"}))
    assert holder(tmp_path) == "`genlab train` (process 7 on elsewhere)"


def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.write(tmp_path / "x", b"new")
    assert not [*tmp_path.iterdir()]
