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
