"""Runs of one pace: they train in step, pause at one round, and their numbers are those of any run."""

import io
from collections.abc import Callable
from unittest.mock import Mock

import pytest

from engine.config import Config, knob
from lab.runs import store
from lab.runs.jobs import LEAD
from lab.runs.pipe import Channel
from lab.runs.scheduler import Job
from lab.runs.seat import Seat
from lab.runs.supervisor import Supervisor
from lab.runs.worker import Worker
from tests.runs.test_run import SETTING, new, same, trained

SLOW = {"width_D": 128, "depth_D": 4, "batch": 512, "k": 10}  # some twenty times the work


class Hosted:
    """A worker without its process: its turns are taken by hand."""

    def __init__(self, *settings: dict) -> None:
        self.worker = Worker(Channel(io.BytesIO(), io.BytesIO()))
        self.runs = [self.add("duel", more) for more in settings]

    def add(self, pace: str, more: dict):
        run = new(pace=pace, config=SETTING["config"] | more)
        self.worker.seats[run.info.id] = Seat(run)
        self.worker.on_do(run.info.id, {"do": "play"})
        return run

    def turns(self, n: int, until: Callable[[list[int]], bool] = lambda apart: True) -> list[int]:
        """How far apart the first two runs are after each slice of so many turns, and of more until something
        is so: on a busy machine a slice makes few rounds."""
        apart: list[int] = []
        while n > 0 or (not until(apart) and n > -1000):
            n -= 1
            for seat in self.worker.survey():
                if seat.trains:
                    self.worker.work(Job(seat, "train", 0.01))
                apart.append(abs(self.runs[0].round - self.runs[1].round))
        return apart


def test_a_fast_and_a_slow_run_of_one_pace_stay_together():
    at = Hosted({}, SLOW)
    free = at.add("", {})
    one, _ = at.runs
    held = lambda apart: max(apart) == LEAD and free.round > 1.5 * one.round  # noqa: E731
    apart = at.turns(25, lambda apart: held(apart) and min(run.round for run in at.runs) > LEAD)
    assert max(apart) == LEAD, "the fast one was never held, so this tests nothing"
    assert min(run.round for run in at.runs) > LEAD
    assert free.round > 1.5 * one.round, "a run of no pace waits for nobody"


def test_a_run_that_was_far_behind_is_waited_for():
    at = Hosted({}, {})
    at.worker.on_do(at.runs[1].info.id, {"do": "rewind", "round": 0})
    at.runs[0].train(rounds=60)
    at.worker.on_do(at.runs[1].info.id, {"do": "play"})
    at.turns(20, lambda apart: at.runs[1].round > 60)
    assert at.runs[0].round >= 60
    assert abs(at.runs[0].round - at.runs[1].round) <= LEAD


@pytest.mark.parametrize("state", ["paused", "ended", "failed"])
def test_a_run_that_rests_holds_nobody(state):
    at = Hosted({}, {})
    at.runs[1].settle(state)
    at.turns(20, lambda apart: at.runs[0].round > 5 * LEAD)
    assert at.runs[1].round == 0
    assert at.runs[0].round > 5 * LEAD


def test_a_pause_of_one_pauses_all_of_its_pace_at_one_round():
    at = Hosted({}, SLOW)
    free = at.add("", {})
    at.turns(12)
    assert at.runs[0].round != at.runs[1].round
    at.worker.on_do(at.runs[1].info.id, {"do": "pause"})
    assert at.runs[0].round == at.runs[1].round
    assert [run.info.state for run in (*at.runs, free)] == ["paused", "paused", "training"]


def test_pace_changes_no_number():
    at = Hosted({}, SLOW)
    at.turns(10)
    at.worker.on_do(at.runs[0].info.id, {"do": "pause"})
    alone = trained(new(pace="duel"), at.runs[0].round)
    alone.settle("paused")
    same(at.runs[0], alone)


def test_runs_of_one_pace_share_a_worker_and_a_fork_has_a_pace_of_its_own(monkeypatch):
    monkeypatch.setattr(Supervisor, "_start", lambda self, **_: Mock(runs=set()))
    supervisor = Supervisor()
    supervisor.light = [supervisor._start() for _ in range(3)]
    places = [supervisor.place(store.create(SETTING | {"pace": "duel"}).name) for _ in range(2)]
    others = {supervisor.place(store.create(SETTING).name) for _ in range(2)}
    assert places[0] is places[1]
    assert places[0] not in others
    assert store.read_info(store.fork(store.create(SETTING | {"pace": "duel"}), "me")).pace == ""


def test_the_words_of_a_comparisons_address_cannot_name_a_knob():
    class Odd(Config):
        left: int = knob(0, 0, 1, says="on the left side")

    with pytest.raises(TypeError, match="needs another name"):
        Odd.knobs()
