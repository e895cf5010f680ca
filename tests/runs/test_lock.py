"""The lock on a run directory: who takes it, who waits for it, and who lets go."""

from __future__ import annotations

import errno
import json
import os
from types import SimpleNamespace

import pytest
import torch

from engine.config import Refused
from lab.runs import lock, store
from lab.runs.lock import OPENING, WAIT, Elsewhere, Gone, Lock, holder
from lab.runs.run import Run
from tests.runs.test_run import SETTING, new, trained


class Clock:
    """Time that passes only while somebody sleeps; then, at `at`, something happens."""

    def __init__(self, monkeypatch, at: float = 1e9, event=lambda: None) -> None:
        self.now, self.at, self.event, self.looks = 0.0, at, event, 0
        monkeypatch.setattr(lock, "time", self)

    def monotonic(self) -> float:
        self.looks += 1
        assert self.looks < 10 * (self.now / 0.01 + 10), "it looks without sleeping"
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self.at:
            self.event()


def files_open() -> int:
    """The descriptor that the next file gets: the smallest that is free."""
    os.close(free := os.dup(0))
    return free


def test_who_wants_it_waits_as_long_as_told_and_no_longer(tmp_path, monkeypatch):
    held = Lock(tmp_path)
    clock = Clock(monkeypatch, at=5.0, event=held.close)
    with pytest.raises(Elsewhere):
        Lock(tmp_path, wait=2.0)
    assert clock.now == pytest.approx(2.0, abs=0.1)
    Lock(tmp_path, wait=20.0).close()
    assert clock.now == pytest.approx(5.0, abs=0.1)


def test_of_a_run_that_trains_one_is_told_at_once_and_one_that_rests_is_waited_for(monkeypatch):
    run = new()
    run.play()
    clock = Clock(monkeypatch)
    with pytest.raises(Elsewhere):
        Run(run.at)
    assert clock.now < 1
    run.settle("paused")
    held = Lock(run.at)  # somebody opens it
    clock.at, clock.event = clock.now + 0.5 * OPENING, held.close
    assert Run(run.at).round == 0
    assert clock.now > 0.5 * OPENING > WAIT


def test_nothing_stays_open_whoever_is_refused(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    held = Lock(tmp_path / "run")
    before = files_open()
    for _ in range(3):
        assert holder(tmp_path / "run")
        with pytest.raises(Elsewhere):
            Lock(tmp_path / "run", wait=0.0)
        with pytest.raises(Gone):
            Lock(tmp_path / "none")
    held.close()
    assert holder(tmp_path / "run") == ""
    held = Lock(tmp_path / "run")
    monkeypatch.setattr("fcntl.flock", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "bad disk")))
    with pytest.raises(Refused, match="cannot be locked: bad disk"):
        Lock(tmp_path / "run")
    assert holder(tmp_path / "run") == ""
    assert files_open() == before


def test_closed_twice_it_closes_nothing_of_others(tmp_path, monkeypatch):
    held = Lock(tmp_path)
    held.close()
    monkeypatch.setattr(os, "close", lambda file: pytest.fail(f"{file} was closed"))
    held.close()


def test_a_lock_that_nobody_refers_to_any_more_is_free(tmp_path):
    held = Lock(tmp_path)
    assert holder(tmp_path)
    del held
    assert not holder(tmp_path)


def test_those_who_only_look_do_not_hold_it_for_each_other(tmp_path):
    import fcntl

    Lock(tmp_path).close()
    with (tmp_path / "lock").open("rb") as look:
        fcntl.flock(look, fcntl.LOCK_SH)
        assert holder(tmp_path) == ""


def test_a_lock_on_a_file_that_is_gone_meanwhile_does_not_count(tmp_path, monkeypatch):
    import fcntl

    own, others = fcntl.flock, []

    def flock(file, how):
        if not others:  # the directory is replaced just before
            (tmp_path / "lock").unlink()
            others.append((tmp_path / "lock").open("wb"))
            own(others[0], fcntl.LOCK_EX)
        own(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(Elsewhere):
        Lock(tmp_path)
    others[0].close()
    Lock(tmp_path)


def test_the_holders_name_replaces_a_longer_one_and_the_umask_says_who_may_follow(tmp_path):
    (tmp_path / "lock").write_text(json.dumps({"by": "command", "pid": 1, "host": "h" * 500}))
    held = Lock(tmp_path)
    assert holder(tmp_path) == f"a lab (process {os.getpid()})"
    assert len(lock.holder(tmp_path)) < 200
    held.path.write_text(json.dumps({"by": "command", "pid": 1, "host": "h" * 500}))
    assert len(holder(tmp_path)) < 200, "a name that others have written fits into a sentence"
    (tmp_path / "other").mkdir()
    Lock(tmp_path / "other").close()
    (tmp_path / "plain").touch()
    assert (tmp_path / "other/lock").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_on_windows_a_byte_is_locked_that_hides_nothing_of_the_name(tmp_path, monkeypatch):
    """A stand-in for msvcrt: where somebody has locked a byte, nobody else may."""
    locked: dict[int, int] = {}

    def locking(file, how, count):
        assert (how, count) == ("at once", 1)
        if locked.setdefault(os.lseek(file, 0, os.SEEK_CUR), file) != file:
            raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(lock, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr(lock, "msvcrt", SimpleNamespace(LK_NBLCK="at once", locking=locking), raising=False)
    held = Lock(tmp_path)
    assert holder(tmp_path) == f"a lab (process {os.getpid()})"
    (at,) = locked
    assert at > held.path.stat().st_size
    with pytest.raises(Elsewhere):
        Lock(tmp_path, wait=0.0)
    locked.clear()
    assert holder(tmp_path) == ""


# --- a run and its lock --------------------------------------------------------------------------


def test_a_run_is_read_anew_only_if_others_changed_it():
    run = new()
    model = run.model
    run.play()
    run.settle("paused")
    assert run.model is model
    assert not run.left_and_changed()
    held = Lock(run.at)
    assert run.left_and_changed(), "somebody holds it and has written nothing yet"
    held.close()
    assert not run.left_and_changed()
    other = trained(Run(run.at), 3)
    assert run.left_and_changed(), "it is held"
    assert not other.left_and_changed(), "by whom we are ourselves"
    other.settle("paused")
    assert run.left_and_changed(), "it has moved on"
    run.play()
    assert run.model is not model
    assert run.round == 3
    run.settle("paused")
    assert not run.left_and_changed()
    (run.at / "run.json").unlink()
    assert run.left_and_changed(), "it is gone"


@pytest.mark.parametrize("name", ["run.json", "checkpoint.safetensors", "commands.jsonl"])
@pytest.mark.parametrize("how", ["another file", "another moment", "another size"])
def test_whatever_another_lab_writes_is_noticed_though_all_else_of_the_file_is_as_it_was(name, how):
    run = new()
    run.do({"do": "set", "values": {"lr_D": 0.02}})
    path = run.at / name
    before = path.stat()
    if how == "another file":
        store.write(path, path.read_bytes())
    if how == "another size":
        path.write_bytes(path.read_bytes() + b"\n")
    later = before.st_mtime_ns + (how == "another moment")
    os.utime(path, ns=(before.st_atime_ns, later))
    after = path.stat()
    same = (after.st_ino == before.st_ino, after.st_mtime_ns == before.st_mtime_ns)
    assert (*same, after.st_size == before.st_size).count(False) == 1
    assert run.changed()
    assert run.left_and_changed()


def test_rows_and_pictures_alone_make_no_run_another():
    run = new()
    for name in ("metrics.jsonl", "keyframes/00000000.safetensors", "error.log"):
        (run.at / name).write_bytes(b"x")
    assert not run.changed()


def test_single_steps_of_another_lab_are_in_its_log_only_and_are_gone_on_with():
    run = new()
    Run(run.at).do({"do": "step", "player": None})
    run.do({"do": "step", "player": None})
    assert (run.last, run.commands) == ("G", 2)


def test_a_run_that_failed_half_way_begins_again_with_what_is_stored():
    run = trained(new(), 3)
    run.checkpoint()
    stored = [p.clone() for p in run.model.parameters()]
    run.train(rounds=1)
    run.fail("The disk is full.")
    assert (Run(run.at).info.state, Run(run.at).info.why) == ("failed", "The disk is full.")
    run.play()
    assert run.round == 3
    assert all(map(torch.equal, run.model.parameters(), stored))


def test_a_run_that_cannot_be_opened_is_let_go():
    at = store.create(SETTING | {"family": "style", "config": {}})
    with pytest.raises(Refused, match="does not model") as told:  # which keeps all that was under way
        Run(at)
    assert told.tb
    assert not holder(at)


@pytest.mark.parametrize("end", ["close", "rest"])
def test_who_lets_go_lets_go_at_once_whoever_still_refers_to_the_lock(end):
    run = new()
    run.play()
    kept = run._lock
    getattr(run, end)()
    assert kept.file < 0
    assert not holder(run.at)


def test_a_run_trains_with_its_own_threads_whoever_shares_the_process(monkeypatch):
    two, one = new(threads=2), new(threads=1)
    seen = []
    monkeypatch.setattr(Run, "_replay", lambda self: seen.append(torch.get_num_threads()))
    try:
        for run, threads in ((two, 2), (one, 1), (two, 2)):
            run.play()
            assert torch.get_num_threads() == threads
            run.settle("paused")
        for threads, at in ((2, two.at), (1, one.at)):
            assert Run(at).info.threads == threads
        assert seen == [2, 1], "also what it catches up with when it is opened"
        old = json.loads((one.at / "run.json").read_text())
        del old["threads"]  # of an older version
        (one.at / "run.json").write_text(json.dumps(old))
        assert Run(one.at).info.threads == store.threads("gan")
    finally:
        torch.set_num_threads(1)
