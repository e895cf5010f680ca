"""Faults of the surroundings: changed bits, deleted files, a full disk, a clock that jumps, kills. What costs
minutes is in tests/bench/bench_faults.py."""

import errno
import json
import random
import shutil
import sys
import time

import pytest
import torch

from engine.config import Refused
from lab.runs import files, inventory, store, suspects, wire
from lab.runs.board import NAME
from lab.runs.pipe import WITHIN, Deaths, WorkerProcess
from lab.runs.run import Run
from lab.runs.shares import FORGOTTEN
from lab.runs.supervisor import Supervisor
from tests.runs.test_run import SETTING, by_hand, new, same, told_to_tensorboard, trained, weights
from tests.runs.test_trouble import NoProcess


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def rested(rounds: int = 20) -> Run:
    run = trained(new(), rounds)
    run.settle("paused")
    run.close()
    return run


def contents(run: Run) -> dict:
    return {p.name: p.read_bytes() for p in run.at.rglob("*") if p.is_file() and p.name != "lock"}


# --- changed bits --------------------------------------------------------------------------------

TENSORS = {
    "a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(3), "c": torch.zeros(0, 2),
    "d": torch.ones(3, dtype=torch.bfloat16), "e": torch.tensor([True, False]),
}  # fmt: skip
ABOUT = {"round": 17, "sums": {"x": 0.1, "y": [1.0, 2.5]}, "text": "é"}


def test_no_bit_of_a_stored_state_changes_unnoticed():
    whole = wire.pack_state(TENSORS, ABOUT)
    noticed = 0
    for place in range(8 * len(whole)):
        data = bytearray(whole)
        data[place // 8] ^= 1 << place % 8
        try:
            tensors, about = wire.unpack_state(bytes(data))
        except Exception:
            noticed += 1
            continue
        about = {name: about[name] for name in ABOUT}
        assert about == ABOUT
        assert tensors.keys() == TENSORS.keys()
        assert all(tensors[n].dtype == t.dtype and tensors[n].equal(t) for n, t in TENSORS.items())
    assert noticed > 0.9 * 8 * len(whole)


def test_what_is_told_of_a_state_is_what_was_packed_and_older_ones_have_no_checksum(tmp_path):
    whole = wire.pack_state(TENSORS, ABOUT)
    (tmp_path / "x").write_bytes(whole)
    assert wire.unpack_state(whole)[1] == wire.read_about(tmp_path / "x") == ABOUT
    older = wire.save_tensors(TENSORS, {"state": json.dumps(ABOUT)})
    assert wire.unpack_state(older)[1] == ABOUT


def test_a_checkpoint_of_which_a_weight_has_changed_is_stepped_over():
    run = rested(20)
    path = store.checkpoint(run.at)
    data = bytearray(path.read_bytes())
    data[-5000] ^= 1  # in the middle of some numbers
    path.write_bytes(data)
    again = Run(run.at)
    assert again.round == 18
    assert "damaged" in again.info.why
    same(trained(again, 2), trained(new(), 20))


# --- what is deleted or changed --------------------------------------------------------------------


@pytest.mark.parametrize("content", [None, b"", b"{", "another"])
def test_a_run_json_that_is_lost_while_it_trains_is_there_again_with_the_next_checkpoint(
    content, monkeypatch
):
    run = trained(new(), 3)
    path, before = run.at / "run.json", (run.at / "run.json").read_bytes()
    if content == "another":
        store.change_info(run.at, state="paused", seed=6)
    elif content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    run.train(rounds=3)
    assert not path.exists() or path.read_bytes() != before, "not at every slice"
    monkeypatch.setattr("lab.runs.run.CHECKPOINT_SECONDS", -1.0)
    run.train(rounds=3)
    assert path.read_bytes() == before
    assert wire.read_about(store.checkpoint(run.at))["round"] > 0
    kept = path.stat().st_ino
    run.train(rounds=3)
    assert path.stat().st_ino == kept, "what is as it should be is not written again"


def test_a_folder_of_keyframes_that_is_deleted_while_it_trains_is_made_again():
    run = trained(new(), 12)
    shutil.rmtree(run.at / "keyframes")
    run.train(rounds=10)
    assert store.keyframes(run.at) == [14, 18]
    run.settle("paused")
    run.close()
    shutil.rmtree(run.at / "keyframes")
    again = trained(Run(run.at), 4)
    assert store.keyframes(run.at) == [24]
    assert weights(again).equal(weights(trained(new(), 26)))


CHANGES = [{"seed": 6}, {"data": "moons"}, {"family": "cgan"}, {"config": SETTING["config"] | {"width_D": 8}},
           {"wall": {"lr_D": [0.1, 0.2]}}]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_json_that_fits_nothing_that_is_stored_loses_nothing(change):
    run = rested(20)
    whole = contents(run)
    store.change_info(run.at, **change)
    changed = contents(run)
    with pytest.raises(Refused, match=r"Nothing that this run has stored fits.* correct run\.json"):
        Run(run.at)
    assert contents(run) == changed
    (run.at / "run.json").write_bytes(whole["run.json"])
    assert Run(run.at).round == 20
    assert contents(run) == whole


def test_one_sound_state_is_enough_to_go_on_beside_others_that_do_not_fit():
    run, other = rested(20), trained(new(seed=6), 5)
    other.checkpoint()
    shutil.copy(store.checkpoint(other.at), store.checkpoint(run.at))
    again = Run(run.at)
    assert again.round == 18
    assert "another run" in again.info.why


@pytest.mark.parametrize("number", range(3))
def test_whatever_is_damaged_at_rest_it_goes_on_as_it_would_have_or_says_so(number):
    chance = random.Random(number)
    kept = rested(40)
    whole = weights(trained(Run(by_hand(kept.at)), 5))
    names = sorted(p.relative_to(kept.at) for p in kept.at.rglob("*") if p.is_file())
    for name in chance.sample(names, 5):
        at = by_hand(kept.at)
        data = bytearray((at / name).read_bytes())
        match chance.randrange(3):
            case 0:
                (at / name).unlink()
            case 1:
                (at / name).write_bytes(data[: chance.randrange(len(data) + 1)])
            case 2 if data:
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
                (at / name).write_bytes(data)
        try:
            run = Run(at)
        except Refused:
            continue
        trained(run, 45 - run.round)
        assert weights(run).equal(whole) or run.info.why, name
        run.close()
        shutil.rmtree(at)


# --- a full disk -----------------------------------------------------------------------------------


def test_a_run_at_rest_is_opened_though_nothing_can_be_written(monkeypatch):
    run = rested(20)
    monkeypatch.setattr(files, "write", full)
    monkeypatch.setattr(store, "write", full)
    assert Run(run.at).frame()


def test_rows_are_written_if_they_are_others_and_else_left(tmp_path):
    path, rows = tmp_path / "rows", [{"round": 1}, {"round": 2}]
    for wanted in (rows, rows[:1], [{"round": 3}], []):
        files.write_rows(path, wanted)
        assert path.read_text() == "".join(f'{{"round":{row["round"]}}}\n' for row in wanted)
        before = path.stat().st_ino, path.stat().st_mtime_ns
        files.write_rows(path, wanted)
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == before


@pytest.mark.parametrize("what", ["pathlib.Path.mkdir", "lab.runs.store.write"])
def test_a_run_that_cannot_be_made_is_refused_and_leaves_nothing(monkeypatch, what):
    store.home().mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(what, full)
        with pytest.raises(Refused, match=r"cannot be stored in .*No space left on device\. .*try again"):
            store.create(SETTING)
    assert not [*store.home().iterdir()]


def test_a_log_that_cannot_be_written_ends_no_worker(monkeypatch):
    worker = WorkerProcess.__new__(WorkerProcess)
    worker.hear = lambda *_: 1 / 0
    lab = Supervisor.__new__(Supervisor)
    lab.listeners = {"a": {lambda *_: 1 / 0}}
    monkeypatch.setattr(sys.stderr, "write", full)
    worker._heard(("state", "a", {}))
    lab._tell("a", "state", {})


# --- the clock -------------------------------------------------------------------------------------

DAY, YEAR = 86_400.0, 365 * 86_400.0


class Wall:
    """The clock on the wall, which somebody sets."""

    def __init__(self, monkeypatch) -> None:
        self.off, now = 0.0, time.time
        monkeypatch.setattr(time, "time", lambda: now() + self.off)
        monkeypatch.setattr(time, "time_ns", lambda: int((now() + self.off) * 1e9))


@pytest.fixture
def clock(monkeypatch):
    return Wall(monkeypatch)


def test_a_run_does_not_read_the_clock_on_the_wall(clock):
    whole = trained(new(), 60)
    run = trained(new(), 15)
    for clock.off in (-DAY, DAY, -YEAR, YEAR):
        run.train(rounds=5)
        run.checkpoint()
        run.close()
        run = Run(run.at)
        run.train(rounds=5)
    run.train(rounds=5)
    same(run, whole)


def test_tensorboard_follows_a_run_though_the_clock_is_set_back(clock):
    run = new()
    for clock.off in (0.0, -DAY, YEAR, -YEAR):
        trained(run, 5).settle("paused")
        run.close()
        (run.at / f"{NAME}.odd.genlab").touch()
        run = Run(run.at)
    run.do({"do": "rewind", "round": 14})
    trained(run, 2)
    (run.at / f"{NAME}.odd.genlab").unlink()
    told, rows = told_to_tensorboard(run)
    assert told == pytest.approx(rows, rel=1e-6)
    assert len(told) == 16


def test_what_is_looked_at_is_not_swept_though_the_clock_jumps(clock, monkeypatch):
    lab = Supervisor.__new__(Supervisor)
    lab.swept, lab.listeners, lab._waits = -1e9, {}, lambda *_: None
    swept = []
    monkeypatch.setattr("threading.Thread", lambda target, args, **_: swept.append((target, args)) or Still())
    looked_at, left = (lab.ready("me", **SETTING) for _ in range(2))
    lab.listeners[looked_at] = {print}
    clock.off = DAY
    ((sweep, arguments),) = swept
    assert arguments[0] == FORGOTTEN
    sweep(*arguments)
    assert [store.here(run_id) for run_id in (looked_at, left)] == [True, False]


class Still:
    def start(self) -> None:
        pass


def test_the_trash_and_the_list_bear_any_clock(clock):
    at = store.create(SETTING | {"owner": "me"})
    for clock.off in (0.0, -YEAR, YEAR):
        assert [info.id for info in store.every()] == [at.name]
        store.delete(at)
        (thrown,) = inventory.trash("me")
        clock.off -= DAY
        assert inventory.ago(thrown.when) == "just now"
        clock.off += 3 * DAY
        assert inventory.ago(thrown.when) == "2 days ago"
        inventory.restore(thrown.name, "me")


# --- kills -----------------------------------------------------------------------------------------


def test_deaths_are_in_vain_if_nothing_was_stored_between_them(monkeypatch):
    deaths = Deaths()
    for stored, vain in [("a", 1), ("a", 2), ("b", 1), ("b", 2), ("b", 3), ("a", 1), (None, 1), (None, 2)]:
        deaths.add(stored)
        assert deaths.vain == vain
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + WITHIN + 1)
    deaths.add(None)
    assert deaths.vain == 1, "that was long ago"


@pytest.mark.parametrize("apart", [True, False])
def test_a_run_that_gets_on_is_not_given_up_however_often_its_worker_is_killed(monkeypatch, apart):
    monkeypatch.setattr(Supervisor, "_start", lambda self, **how: NoProcess(**how))
    monkeypatch.setattr(suspects, "MOST_APART", int(apart))
    lab = Supervisor()
    at = store.create(SETTING | {"owner": "me"})
    run_id = at.name
    for number in range(3 * suspects.TRIES):
        store.write(store.checkpoint(at), bytes(number))
        lab._hear(lab.place(run_id), ("died", run_id))
        assert (lab.places[run_id] in lab.apart) is apart
    assert store.read_info(at).state == "paused"
    for _ in range((suspects.TRIES if apart else suspects.TRIES_TOGETHER) - 1):
        assert store.read_info(at).state == "paused"
        lab._hear(lab.place(run_id), ("died", run_id))
    assert store.read_info(at).why == suspects.GIVEN_UP
