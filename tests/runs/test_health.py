"""Health, metrics, the status of runs, and the log: what a teacher and a monitor are told."""

import json
import logging
import os
import subprocess
import sys
import threading

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lab import classroom, health
from lab.health import COUNTED, HEALTH, METRICS
from lab.runs import counts, log, machine, status, store, teacher
from lab.runs.counts import count, counted
from lab.runs.machine import used
from lab.runs.suspects import HANG, TICK
from lab.visitor import mark

BUSY = """
import sys, time
held = b"x" * 100_000_000
while time.process_time() < 0.2: pass
print("ready", flush=True)
sys.stdin.read()
"""
LOCAL = {"base_url": "http://localhost:8501", "client": ("127.0.0.1", 5000)}


class Process:
    pid = os.getpid()


class Worker:
    """What is asked of a worker process here."""

    def __init__(self, *runs):
        self.process, self.up, self.silent, self.runs = Process(), threading.Event(), 0, {*runs}
        self.up.set()


class Lab:
    """A supervisor without processes."""

    def __init__(self):
        self.light, self.heavy, self.apart = [Worker()], [], []
        self.listeners, self.places, self.closed = {}, {}, threading.Event()
        self.loads, self.sockets = {}, {("all", ""): 0}

    def status(self):
        return status.runs(self)

    def runs(self, owner="ann", watchers=0, **info):
        at = store.create({"family": "gan", "data": "ring", "seed": 0, "config": {}, "owner": owner} | info)
        self.places[at.name] = self.light[0]
        if watchers:
            self.listeners[at.name] = [*range(watchers)]
        return at


@pytest.fixture
def lab(monkeypatch):
    lab = Lab()
    monkeypatch.setattr(health, "supervisor", lambda: lab)
    monkeypatch.setattr(counts, "_counted", counts.Counter())
    return lab


@pytest.fixture
def room(monkeypatch):
    monkeypatch.setattr(classroom, "_here", classroom.hold("X"))
    return classroom.here()


def client(base_url="http://localhost:8501", client=("127.0.0.1", 5000), **headers) -> TestClient:
    return TestClient(Starlette(routes=[HEALTH, METRICS]), base_url=base_url, client=client, headers=headers)


# --- health ----------------------------------------------------------------------------------------


def test_health_is_good_while_the_workers_answer(lab):
    lab.heavy, lab.apart = [Worker()], [Worker()]
    for worker in (*lab.heavy, *lab.apart):  # what one run does to its own worker harms no other
        worker.silent = 10**6
        worker.up.clear()
    told = client().get("/health")
    assert (told.status_code, told.text, told.headers["cache-control"]) == (200, "ok\n", "no-store")


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda lab: [worker.up.clear() for worker in lab.light], "The workers are starting.\n"),
        (lambda lab: setattr(lab.light[1], "silent", HANG / TICK + 1), "A worker does not answer.\n"),
        (lambda lab: lab.closed.set(), "The server is closing.\n"),
    ],
)
def test_health_says_in_a_sentence_what_is_wrong(lab, harm, says):
    lab.light.append(Worker())
    lab.light[1].silent = HANG / TICK
    assert client().get("/health").status_code == 200, "busy is not ill"
    lab.light[1].up.clear()
    assert client().get("/health").status_code == 200, "the first one works"
    lab.light[1].up.set()
    harm(lab)
    told = client().get("/health")
    assert (told.status_code, told.text) == (503, says)


# --- metrics ---------------------------------------------------------------------------------------


def numbers(text: str) -> dict[str, float]:
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in text.splitlines() if line[0] != "#")
    }


def test_metrics_count_what_goes_on(lab):
    lab.runs(state="ended", watchers=2)
    lab.runs(state="ended")
    lab.runs(state="failed")
    for name in COUNTED:
        count(name, 3)
    lab.sockets["all", ""] = 3
    told = client().get("/metrics")
    assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    values = numbers(told.text)
    assert values['genlab_runs{state="ended"}'] == 2
    assert values['genlab_runs{state="failed"}'] == 1
    assert values["genlab_watched_runs"] == 1
    assert values["genlab_sockets"] == 3
    assert values["genlab_workers_up"] == 1
    assert {values[f"genlab_{name}_total"] for name in COUNTED} == {3}
    own = used(os.getpid())
    for whose in ("server", "workers"):  # here both are this process
        assert values[f'genlab_memory_bytes{{of="{whose}"}}'] == pytest.approx(own.memory, rel=0.2)
        assert values[f'genlab_cpu_seconds_total{{of="{whose}"}}'] == pytest.approx(own.seconds, abs=5)
    kinds = [line.split() for line in told.text.splitlines() if line.startswith("# TYPE")]
    assert {name.endswith("_total") for _, _, name, kind in kinds if kind == "counter"} == {True}
    assert {name.endswith("_total") for _, _, name, kind in kinds if kind == "gauge"} == {False}


@pytest.mark.parametrize(
    "asks",
    [
        {"client": ("192.0.2.1", 1)},
        {"client": ("testclient", 1)},
        {"base_url": "http://lab.example"},
        {"x-forwarded-for": "192.0.2.1"},
        {"forwarded": "for=192.0.2.1"},
        {"x-real-ip": "192.0.2.1"},
        {"via": "1.1 proxy"},
    ],
)
def test_metrics_are_for_this_machine_alone(lab, asks):
    told = client(**asks).get("/metrics")
    assert (told.status_code, "genlab_" in told.text) == (403, False)
    assert client(**asks).get("/health").status_code == 200


def test_metrics_are_for_the_teacher_too(lab, room):
    far = {"client": ("192.0.2.1", 1)}
    word = room.kept.teacher
    assert client(**far, authorization=f"Bearer {word}").get("/metrics").status_code == 200
    for other in (room.kept.word, word[:-1], ""):
        assert client(**far, authorization=f"Bearer {other}").get("/metrics").status_code == 403
    assert client(**far, authorization=f"Basic {word}").get("/metrics").status_code == 403
    for role, code in ((classroom.TEACHER, 200), (classroom.STUDENT, 403)):
        cookies = {"genlab": "k", classroom.COOKIE: room.ticket(role, mark({"genlab": "k"}))}
        asker = client(**far)
        asker.cookies.update(cookies)
        assert asker.get("/metrics").status_code == code
    classroom.present(None)
    assert client(**far, authorization=f"Bearer {word}").get("/metrics").status_code == 403


def test_counting_from_many_threads_loses_nothing(lab):
    threads = [threading.Thread(target=lambda: [count("x") for _ in range(2000)]) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert counted("x") == 16_000


# --- who runs what ---------------------------------------------------------------------------------


def test_status_has_what_trains_or_is_watched(lab):
    trains, watched = lab.runs(state="training", why="so"), lab.runs("bob", 3, wall={"lr_D": [0.1]})
    lab.runs(state="paused")
    gone = lab.runs(state="training")
    (gone / "run.json").unlink()
    lab.places["gan-ring"] = lab.light[0]  # a recording
    lab.loads = {
        trains.name: {"round": 7, "speed": 12.5, "share": 0.3},
        watched.name: {"round": 5, "speed": 9.0, "share": 0.0},
    }
    rows = {row.run_id: row for row in lab.status()}
    assert {*rows} == {trains.name, watched.name}
    one, other = rows[trains.name], rows[watched.name]
    assert (one.owner, one.state, one.why, one.round, one.watchers, one.wall) == (
        "ann",
        "training",
        "so",
        7,
        0,
        False,
    )
    assert (other.owner, other.state, other.round, other.watchers, other.wall) == (
        "bob",
        "paused",
        5,
        3,
        True,
    )
    assert (one.family, one.data, one.pid) == ("gan", "ring", os.getpid())
    assert one.memory == pytest.approx(used(os.getpid()).memory, rel=0.2)
    assert (one.rate, one.share) == (12.5, 0.3)
    assert (other.rate, other.share) == (None, 0.0), "it rests"
    lab.loads = {}
    assert {(row.round, row.rate, row.share) for row in lab.status()} == {(0, None, None)}
    lab.light[0].process = None
    assert [(row.pid, row.memory) for row in lab.status()] == [(0, None)] * 2


def test_a_worker_tells_what_it_is(lab):
    lab.heavy, lab.apart = [Worker("a", "b")], [Worker("c")]
    lab.apart[0].process = None
    lab.apart[0].up.clear()
    told = [(one.kind, one.runs, one.up, one.pid) for one in status.workers(lab)]
    me = os.getpid()
    assert told == [("light", 0, True, me), ("heavy", 2, True, me), ("apart", 1, False, 0)]
    assert [bool(one.used) for one in status.workers(lab)] == [True, True, False]


def test_what_a_process_and_the_machine_use(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout.readline() == b"ready\n"
        use = used(child.pid)
        child.communicate()
    assert 100e6 < use.memory < 300e6
    assert 0.1 < use.seconds < 2.0
    assert used(child.pid) is None
    now = machine.machine(tmp_path)
    assert now.cores == os.cpu_count()
    assert 0 < now.disk_free <= now.disk
    assert use.memory < now.memory_free < now.memory
    assert now.load >= 0
    assert machine.machine(tmp_path / "none").disk is None


# --- what a teacher orders -------------------------------------------------------------------------


def test_what_all_are_told_goes_on_without_those_that_are_gone_or_refuse(lab, monkeypatch):
    asked = []

    class Future(teacher.Future):
        pass

    class Place:
        def ask(self, kind, run_id, command):
            asked.append((kind, run_id, command))
            future = Future()
            if run_id == refuses.name:
                future.set_exception(teacher.Refused("no"))
            else:
                future.set_result(None)
            return future

    def place(run_id):
        store.folder(run_id)
        return Place()

    lab.place = place
    monkeypatch.setattr(teacher.supervisor, "supervisor", lambda: lab)
    trains, refuses, rests = lab.runs(state="training"), lab.runs(state="training"), lab.runs(watchers=1)
    assert teacher.pause_all() == 1
    told = {"do": "pause", "why": teacher.PAUSED}
    assert sorted(asked) == sorted([("do", trains.name, told), ("do", refuses.name, told)])
    asked.clear()
    store.change_info(trains, state="paused", why=teacher.PAUSED)
    store.change_info(refuses, state="ended", why=teacher.STOPPED)
    store.change_info(rests, state="paused", why="It paused because nobody was watching.")
    assert teacher.resume_all() == 1
    assert asked == [("do", trains.name, {"do": "play"})]
    with pytest.raises(KeyError):
        teacher.order(trains.name, "delete")


# --- the log ---------------------------------------------------------------------------------------


def line(**more) -> dict:
    record = logging.LogRecord("lab.x", logging.WARNING, "f", 1, "a\n%s", ("b",), None)
    record.__dict__.update(more)
    text = log.Lines().format(record)
    assert "\n" not in text
    return json.loads(text)


def test_a_line_of_the_log_is_an_object():
    told = line()
    assert (told["level"], told["from"], told["what"]) == ("warning", "lab.x", "a\nb")
    assert told["time"].endswith("+00:00")
    assert {*told} == {"time", "level", "from", "what"}
    told = line(run="r1", visitor="0123456789abcdef", name_of_somebody="Ann")
    assert (told["run"], told["visitor"]) == ("r1", "01234567"), "not the whole mark"
    assert "Ann" not in str(told)
    try:
        raise ValueError("why")
    except ValueError:
        assert "ValueError: why" in line(exc_info=sys.exc_info())["error"]
