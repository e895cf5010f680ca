"""Heavy runs: where they are trained, and that they rest within one round."""

import io
import math
from types import SimpleNamespace

import pytest

from engine import data
from engine.families import find
from lab.runs import placing, store
from lab.runs.pipe import Channel
from lab.runs.run import Run
from lab.runs.scheduler import SHORTEST, Job
from lab.runs.seat import Seat
from lab.runs.supervisor import Supervisor
from lab.runs.worker import Worker
from tests.runs.test_run import new

SMALL = {"size": 64, "backbone": "untrained VGG-19"}


class NoProcess(SimpleNamespace):
    """A worker that is only noted."""

    def __init__(self, **how):
        super().__init__(runs=set(), asked=[], **how)

    def ask(self, *message):
        self.asked.append(message)

    __hash__ = object.__hash__

    def close(self):
        pass


@pytest.fixture
def lab(monkeypatch):
    monkeypatch.setattr(Supervisor, "_start", lambda self, **how: NoProcess(**how))
    monkeypatch.setattr(placing, "MOST_HEAVY", 2)
    return Supervisor()


def transfer() -> str:
    config = find("style").configure(data.load("flower.cat").space, SMALL).model_dump()
    info = {"family": "style", "data": "flower.cat", "seed": 0, "config": config}
    return store.create(info).name


def test_a_heavy_run_gets_a_worker_of_lower_priority_and_many_share(lab):
    light, *heavy = lab.place(new().info.id), *(lab.place(transfer()) for _ in range(3))
    assert light in lab.light
    assert light not in lab.heavy
    assert [worker.nice > 0 for worker in heavy] == [True] * 3
    assert heavy[0] is not heavy[1], "there was room for another"
    assert heavy[2] in heavy[:2]
    assert lab.place(new().info.id) in lab.light


def test_a_worker_that_was_made_ready_is_the_first_runs(lab):
    for _ in range(3):
        lab.warm("style")
    assert len(lab.heavy) == 1
    assert lab.place(transfer()) is lab.heavy[0]
    while not lab.heavy[0].asked:
        pass
    assert lab.heavy[0].asked == [("warm", "style")]


def loads(*runs, state="training"):
    return {run_id: {"state": state, "a_round": 0.01} for run_id in runs}


@pytest.mark.parametrize(
    ("all_cores", "light", "heavy", "cores"),
    [
        (2, 0, 1, 2),  # all
        (2, 1, 1, 1),  # what is left by a worker of one thread
        (2, 2, 2, 1),  # of two cores half
        (2, 6, 2, 0.5),  # two runs of eight
        (2, 30, 1, 2 / 31),
        (2, 4, 0, 2),  # nothing to share
        (4, 6, 1, 2),  # two workers of one thread leave two cores
        (4, 1, 1, 3),
    ],
)
def test_heavy_runs_have_their_part_of_the_cores_and_what_the_light_ones_leave(
    lab, monkeypatch, all_cores, light, heavy, cores
):
    monkeypatch.setattr(placing, "CORES", all_cores)
    lab.light, lab.to_come = [lab._start(), lab._start()], []
    one = lab._heavy()
    small, large = [f"s{i}" for i in range(light)], [f"h{i}" for i in range(heavy)]
    for i, run_id in enumerate(small):
        lab._put(run_id, lab.light[i % 2])
    for run_id in large:
        lab._put(run_id, one)
    lab.listeners = {run_id: {1} for run_id in small + large}
    lab.loads = loads(*small) | loads(*large)
    assert lab._cores(one) == pytest.approx(cores)
    lab.loads |= loads(*small, state="paused")
    assert lab._cores(one) == all_cores, "who rests wants nothing"


def test_who_is_not_watched_has_a_small_part_and_two_workers_share(lab, monkeypatch):
    monkeypatch.setattr(placing, "CORES", 2)
    lab.light, lab.to_come = [lab._start(), lab._start()], []
    lab.heavy = [lab._start(), lab._start()]
    for run_id, worker in zip("abcd", [*lab.light, *lab.heavy], strict=True):
        lab._put(run_id, worker)
    lab.loads = loads(*"abcd")
    lab.listeners = {run_id: {1} for run_id in "abc"}
    assert [lab._cores(worker) for worker in lab.heavy] == [pytest.approx(2 / 3.1), pytest.approx(0.2 / 3.1)]


def test_a_heavy_worker_is_told_its_part_whenever_it_tells_its_load(lab, monkeypatch):
    one = lab._heavy()
    lab._put("h", one)
    lab._load(one, loads("h"))
    assert one.asked == [("allow", "", placing.CORES)]
    lab._load(lab.light[0], {})
    assert lab.light[0].asked == []
    monkeypatch.setattr(lab, "cluster", SimpleNamespace(heavy=1))
    lab._load(one, loads("h"))
    assert len(one.asked) == 1, "on another machine they are in nobody's way here"


def test_a_heavy_run_makes_one_round_between_two_looks_at_what_it_is_told(monkeypatch):
    monkeypatch.setattr("lab.runs.run.LONG", math.inf)
    worker = Worker(Channel(io.BytesIO(), io.BytesIO()))
    at = store.folder(transfer())
    run = Run(at)
    worker.seats[run.info.id] = seat = Seat(run)
    worker.on_do(run.info.id, {"do": "play"})
    for done in range(1, 4):
        worker.work(Job(seat, "train", SHORTEST))
        assert run.round == done
    worker.on_do(run.info.id, {"do": "pause"})
    assert worker.scheduler.next(worker.survey()) is None
    assert (run.round, run.info.state) == (3, "paused")
