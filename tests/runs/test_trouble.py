"""One run's trouble is its own: the worker lives, the others go on, and the run says why."""

import io
import pickle
import shutil
import subprocess
import threading
import time

import pytest
import torch

from engine.config import Refused
from lab.runs import pipe, store, supervisor, suspects
from lab.runs.pipe import Channel, Deaths, WorkerProcess
from lab.runs.run import Run
from lab.runs.scheduler import Job
from lab.runs.supervisor import Supervisor
from lab.runs.worker import Worker
from tests.runs.test_run import SETTING


class Hosted:
    """A worker without its process, with runs that train and are watched."""

    def __init__(self, n: int = 2) -> None:
        self.sink = io.BytesIO()
        self.worker = Worker(Channel(io.BytesIO(), self.sink))
        self.ids = [store.create(SETTING | {"owner": "me"}).name for _ in range(n)]
        for run_id in self.ids:
            self.worker._handle("watch", run_id, 0, 1)
            self.do(run_id, "play")

    def do(self, run_id: str, order: str) -> None:
        self.worker._handle("do", run_id, 1, {"do": order})

    def turn(self) -> None:
        """What `loop` does, once for each."""
        for seat in self.worker.survey():
            seat.priced, self.worker.looked = True, 0.0
            for kind in ("train", "measure", "frame", "draw"):
                if seat.run.info.state == "training":
                    self.worker.work(Job(seat, kind, 0.01))
        self.worker._tidy()

    def told(self, kind: str, run_id: str) -> list:
        self.sink.seek(0)
        heard = []
        while True:
            try:
                heard.append(pickle.load(self.sink))
            except EOFError:
                return [one[2] for one in heard if one[:2] == (kind, run_id)]

    def goes_on(self, run_id: str) -> bool:
        run = self.worker.seats[run_id].run
        before = run.round
        self.turn()
        return run.round > before and run.info.state == "training"


def full(*_, **__):
    raise OSError(28, "No space left on device")


def denied(*_, **__):
    raise PermissionError(13, "Permission denied")


def broken(*_, **__):
    raise RuntimeError("boom \udcff" + 5000 * "x")


def empty(*_, **__):
    raise MemoryError


@pytest.mark.parametrize(
    ("fault", "words"),
    [(full, "The disk is full"), (denied, "cannot be written"),
     (broken, "RuntimeError in test_trouble.py, line 71; the log"),
     (empty, "not enough memory"), (lambda *_: [][0], "IndexError in test_trouble.py")],
)  # fmt: skip
@pytest.mark.parametrize("where", ["_turn", "_row", "checkpoint"])
def test_a_run_in_trouble_says_why_and_goes_on_when_the_cause_is_gone(monkeypatch, fault, words, where):
    at = Hosted()
    ill, well = at.ids
    run = at.worker.seats[ill].run
    with monkeypatch.context() as patch:
        patch.setattr(run, where, fault)
        patch.setattr("lab.runs.run.CHECKPOINT_SECONDS", -1.0)
        patch.setattr(run, "_due", lambda: True)
        at.turn()
        assert run.info.state == "failed"
        assert words in at.told("state", ill)[-1]["why"]
        assert store.look(run.at).state == "failed"
        assert words in store.look(run.at).why
        assert "diverged" not in store.look(run.at).why
        assert at.goes_on(well)
    at.do(ill, "play")
    assert at.goes_on(ill)
    assert not store.look(run.at).why


def test_a_worker_whose_device_is_lost_ends_and_a_new_one_goes_on(monkeypatch):
    """No run fails: CUDA would answer all of them with this error for as long as the process lives."""
    lost = getattr(torch, "AcceleratorError", None)
    if lost is None:
        pytest.skip("this torch has no name for such errors")
    at = Hosted()
    ill, well = at.ids
    at.turn()
    at.worker.seats[ill].run.checkpoint()
    round = at.worker.seats[ill].run.round

    def gone(*_, **__):
        raise lost("CUDA error: unspecified launch failure")

    with monkeypatch.context() as patch:
        patch.setattr(at.worker.seats[ill].run, "_turn", gone)
        with pytest.raises(lost):
            at.turn()
        patch.setattr("lab.probes.ask", gone)
        with pytest.raises(lost):
            at.worker._handle("question", well, 2, "ask", "sheet", {}, "me")
        at.worker._drop(ill)
        patch.setattr("lab.runs.seats.Run", gone)
        with pytest.raises(lost):
            at.worker._handle("open", ill, 3)
    assert not at.told("done", 2)
    at.worker._drop(well)
    for run_id in at.ids:
        assert store.read_info(store.home() / run_id).state == "training"
    again = Worker(Channel(io.BytesIO(), io.BytesIO()))._seat(ill).run
    assert again.round == round
    assert again.info.state == "training"


def test_a_disk_too_full_to_say_so_ends_nobody(monkeypatch):
    at = Hosted()
    ill, well = at.ids
    run = at.worker.seats[ill].run
    with monkeypatch.context() as patch:
        patch.setattr(run, "_turn", broken)
        patch.setattr(store, "write", full)
        patch.setattr("pathlib.Path.write_text", full)
        at.turn()
        assert at.told("state", ill)[-1]["state"] == "failed"
    for run_id in at.ids:
        at.do(run_id, "play")
    assert at.goes_on(ill)
    assert at.goes_on(well)


@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.parametrize("state", ["training", "paused"])
def test_a_run_that_vanishes_is_told_and_the_others_go_on(watched, state):
    at = Hosted()
    gone, well = at.ids
    if state == "paused":
        at.do(gone, "pause")
    at.worker._handle("watch", gone, 5, int(watched))
    shutil.rmtree(store.home() / gone)
    at.turn()
    assert gone not in at.worker.seats
    if watched or state == "training":
        assert at.told("state", gone)[-1]["state"] == "failed"
    assert at.goes_on(well)
    assert not (store.home() / gone).exists()


@pytest.mark.parametrize("content", [b"", b"{", b'{"state": "training"}', b"\x00" * 300])
def test_a_run_json_that_is_damaged_while_it_trains_is_written_anew(content):
    at = Hosted()
    ill, well = at.ids
    (store.home() / ill / "run.json").write_bytes(content)
    assert at.goes_on(ill)
    at.do(ill, "pause")
    assert store.look(store.home() / ill).state == "paused"
    assert at.goes_on(well)


def test_what_is_unwatched_or_to_be_stored_at_the_end_may_fail_alone(monkeypatch):
    at = Hosted()
    ill, well = at.ids
    monkeypatch.setattr(at.worker.seats[ill].run, "checkpoint", full)
    for seat in at.worker.seats.values():
        seat.watchers, seat.left = 0, -1e9
    at.worker._tidy()
    assert store.look(store.home() / ill).why.startswith("The disk is full")
    assert store.look(store.home() / well).state == "paused"
    at = Hosted()
    ill, well = at.ids
    at.turn()
    monkeypatch.setattr(at.worker.seats[ill].run, "checkpoint", broken)
    at.worker.channel.inbox.put(("quit",))
    assert at.worker._read(None) is False
    there = at.worker.seats[well].run
    there.close()
    assert Run(there.at).round == there.round


def test_a_picture_that_fails_ends_no_training(monkeypatch):
    at = Hosted()

    def drawing():
        raise RuntimeError("no picture")
        yield

    at.worker.seats[at.ids[0]].drawing = drawing()
    assert at.goes_on(at.ids[0])


def test_answers_that_no_pipe_carries_and_unknown_orders_are_refused_in_a_sentence():
    at = Hosted(1)
    at.worker.on_odd = lambda run_id: threading.Lock()
    at.worker._handle("odd", at.ids[0], 7)
    at.worker._handle("unheard", at.ids[0], 8)
    assert at.goes_on(at.ids[0])
    assert all("did not work" in said for said in at.told("done", 7) + at.told("done", 8))


def test_the_worker_says_which_run_it_works_on():
    at = Hosted()
    at.turn()
    at.worker._at("")
    at.sink.seek(0)
    now = [one[1] for one in iter_pickles(at.sink) if one[0] == "at"]
    assert now[-3:] == [*at.ids, ""]


def iter_pickles(sink):
    while True:
        try:
            yield pickle.load(sink)
        except EOFError:
            return


def test_a_run_that_others_train_is_looked_at_and_taken_up_when_it_is_free():
    at = Hosted(1)
    run_id = store.create(SETTING | {"owner": "me"}).name
    theirs = Run(store.folder(run_id), by="command")
    theirs.play()
    at.worker._handle("watch", run_id, 3, 1)
    assert "`genlab train`" in at.told("state", run_id)[-1]["why"]
    at.do(run_id, "pause")
    assert run_id not in at.worker.seats
    theirs.train(rounds=10)
    at.turn()
    assert at.told("state", run_id)[-1]["round"] == 10
    assert len(at.told("keyframe", run_id)) == 8
    theirs.settle("paused")
    at.turn()
    assert at.told("state", run_id)[-1]["state"] == "paused"
    at.do(run_id, "play")
    assert at.goes_on(run_id)
    with pytest.raises(Refused, match="is trained by a lab"):
        theirs.play()
    at.do(run_id, "pause")
    theirs.play()
    at.turn()
    assert run_id not in at.worker.seats
    assert "`genlab train`" in at.told("state", run_id)[-1]["why"]


def test_a_run_of_the_command_line_that_was_cut_off_waits_and_one_of_a_lab_goes_on():
    at = Hosted(0)
    for owner, state in (("", "paused"), ("me", "training")):
        run = Run(store.create(SETTING | {"owner": owner}))
        run.play()
        run.train(rounds=3)
        run.close()
        assert store.look(run.at).state == "paused"
        assert store.look(run.at).why == store.NOBODY
        at.worker._handle("watch", run.at.name, 1, 1)
        assert at.told("state", run.at.name)[-1]["state"] == state


# --- deaths --------------------------------------------------------------------------------------


class NoProcess:
    """A worker that only notes what it is asked."""

    def __init__(self, apart=None, pause=0.0, threads=1, nice=0, gpu=None) -> None:
        self.apart, self.pause, self.threads, self.nice, self.gpu = apart, pause, threads, nice, gpu
        self.runs, self.asked, self.now, self.silent, self.trains = set(), [], "", 0, False
        self.killed = self.closed = False

    def ask(self, *message):
        self.asked.append(message)
        return pipe.Future()

    def kill(self):
        self.killed = True

    def close(self):
        self.closed = True


@pytest.fixture
def lab(monkeypatch):
    monkeypatch.setattr(Supervisor, "_start", lambda self, **how: NoProcess(**how))
    monkeypatch.setattr(supervisor, "LIGHT", 1)
    return Supervisor()


def test_the_run_that_was_worked_on_is_put_apart_with_growing_pauses_and_given_up(lab):
    ids = [store.create(SETTING | {"owner": "me"}).name for _ in range(3)]
    del lab.light[1:]
    shared = {lab.place(run_id) for run_id in ids}.pop()
    heard = []
    lab.listeners[ids[1]] = {lambda kind, what: heard.append((kind, what))}
    lab._hear(shared, ("died", ids[1]))
    own = lab.places[ids[1]]
    assert own is not shared
    assert (own.runs, shared.runs) == ({ids[1]}, {ids[0], ids[2]})
    pauses = [own.pause]
    while "tried again" in heard[-1][1]["why"]:
        lab._hear(own, ("died", ids[1]))
        pauses.append(own.pause)
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert len(heard) == suspects.TRIES
    assert ids[1] not in lab.places
    info = store.look(store.folder(ids[1]))
    assert (info.state, info.why, info.diverged) == ("failed", suspects.GIVEN_UP, False)
    lab.do(ids[1], "me", {"do": "play"})
    assert lab.places[ids[1]].apart
    assert lab.places[ids[1]].pause == 0.0, "its owner asks: at once"
    assert lab.places[ids[0]] is lab.places[ids[2]] is shared


def test_a_death_while_nothing_was_worked_on_has_no_suspect(lab):
    run_id = store.create(SETTING).name
    shared = lab.place(run_id)
    for nobody in ("", "gan", "0123456789ab"):
        lab._hear(shared, ("died", nobody))
    assert lab.places[run_id] is shared
    assert not lab.deaths


def test_a_worker_apart_ends_when_its_run_rests_and_nobody_watches(lab):
    run_id = store.create(SETTING).name
    lab._hear(lab.place(run_id), ("died", run_id))
    own = lab.places[run_id]
    lab._hear(own, ("state", run_id, {"state": "training"}))
    assert own in lab.apart
    lab._hear(own, ("state", run_id, {"state": "paused"}))
    assert own not in lab.apart
    assert run_id not in lab.places


def test_a_worker_that_hangs_in_one_run_is_ended_if_others_wait(lab):
    ids = [store.create(SETTING).name for _ in range(2)]
    shared = {lab.place(run_id) for run_id in ids}.pop()
    looks = int(suspects.HANG / suspects.TICK)
    for now, runs, ended in [("", set(ids), False), (ids[0], {ids[0]}, False), (ids[0], set(ids), True)]:
        shared.now, shared.runs, shared.silent, shared.killed = now, runs, 0, False
        for _ in range(looks):
            lab._watch_over(shared)
        assert not shared.killed
        lab._watch_over(shared)
        assert shared.killed is ended


def test_no_message_and_no_listener_ends_the_thread_that_reads(lab):
    at = store.create(SETTING)
    worker = WorkerProcess.__new__(WorkerProcess)
    worker.hear, worker.silent = lab._hear, 0
    heard = []

    def deaf(kind, what):
        raise Refused("run.json is damaged")

    lab.listeners[at.name] = {deaf}
    lab.listeners["b"] = {deaf, lambda kind, what: heard.append(what)}
    for message in [("state", at.name, {}), ("state", at.name, None), 5, (), ("done", 1), ("at",),
                    ("ready", 1, 2, 3), ("state", "b", {"state": "x"}), ("died", None),
                    (None, [], {})]:  # fmt: skip
        worker._heard(message)
    assert heard == [{"state": "x"}]


def test_a_worker_that_says_nonsense_or_dies_at_once_is_started_again(monkeypatch):
    """A process in its place: its first life is no message, its second dies, its third is ready."""
    ready_now = "pickle.dump(('ready',), sys.stdout.buffer); sys.stdout.flush(); input()"
    lives = iter(["import sys; sys.stdout.buffer.write(b'nonsense' * 99)", "raise SystemExit",
                  f"import sys, pickle; {ready_now}"])  # fmt: skip
    popen = subprocess.Popen
    monkeypatch.setattr("lab.runs.nursery.usable", lambda: False)
    monkeypatch.setattr(
        "subprocess.Popen", lambda command, **how: popen([command[0], "-c", next(lives)], **how)
    )
    monkeypatch.setattr("lab.runs.pipe.PAUSES", (0.0, 0.0, 0.0, 0.0))
    heard, ready = [], threading.Event()

    def hear(worker, message):
        heard.append(message)
        if message == ("ready",):
            ready.set()
        raise RuntimeError("of this message")

    worker = WorkerProcess(hear)
    assert ready.wait(240)
    assert heard == [("died", ""), ("died", ""), ("ready",)]
    worker.close()


def test_deaths_are_forgotten_in_time(monkeypatch):
    deaths = Deaths()
    for n in range(12):
        assert deaths.count() == n
        deaths.add()
    assert deaths.pause() == 60.0
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + 601)
    assert (deaths.count(), deaths.pause()) == (0, 0.0)
