"""The worker without its process: whose turn it is and for how long, what is drawn when, and what is told.

Runs are stand-ins where only the order of things counts, and time passes as the test says.
"""

from __future__ import annotations

import io
import math
import os
import pickle
import runpy
import sys
from types import SimpleNamespace

import pytest
import torch

from engine.checks import measure
from engine.config import Refused
from engine.families import find
from lab.runs import jobs, seat, seats, store, worker
from lab.runs.jobs import LEAD
from lab.runs.lock import Elsewhere, Gone
from lab.runs.pipe import Channel
from lab.runs.scheduler import DEBT, DETAILS, RARE_SHARE, SLICE, Job, Scheduler, Share
from lab.runs.seat import Seat
from lab.runs.worker import LOAD_EVERY, Worker
from tests.runs.test_run import SETTING, new, trained


class Stand:
    """A run that notes what it is asked. A round takes no time."""

    def __init__(self, name="run", pace="", state="training", round=0, wall=None, model="plain", owner=""):
        values = {"family": "gan", "data": "ring", "seed": 0, "config": {}, "wall": wall or {}}
        values["owner"] = owner
        self.info = store.Info(**values, pace=pace, state=state)
        self.info._id = name
        self.round, self.model, self.data, self.keyframes = round, model, None, []
        self.at = store.home() / name  # which is not there
        self.device, self.trained, self.drawn, self.done = torch.device("cpu"), [], [], []
        self.each, self.measuring, self.left, self.speed = lambda: None, None, False, 3.5
        self.turning = 0.0

    def train(self, seconds=math.inf, rounds=math.inf):
        self.trained.append((seconds, rounds))
        self.round += 1 if rounds == math.inf else rounds
        self.each()

    def measure_on(self):
        self.done.append("measure")
        self.each()

    def frame(self, **how):
        self.drawn.append(how)
        return b"picture"

    def settle(self, state, why=""):
        self.info.state, self.info.why = state, why

    def fail(self, why):
        self.settle("failed", why)

    def close(self):
        self.done.append("close")

    def whole(self):
        self.done.append("whole")

    def checkpoint(self):
        self.done.append("checkpoint")

    def left_and_changed(self):
        return False


class Clock(SimpleNamespace):
    """Time of the wall and of the processor, both in the hand of the test."""

    def monotonic(self):
        return self.now

    def process_time(self):
        return self.used


@pytest.fixture
def clock(monkeypatch):
    clock = Clock(now=1000.0, used=10.0)
    for module in (worker, seat, seats):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(jobs, "Scheduler", lambda **how: Scheduler(clock.monotonic, clock.process_time))
    monkeypatch.setattr(jobs.scenes, "has_rare", lambda model: model in ("rare", "steps"))
    monkeypatch.setattr(jobs.scenes, "takes_steps", lambda model: model == "steps")
    return clock


class Hosted:
    def __init__(self, *runs):
        self.sink = io.BytesIO()
        self.worker = Worker(Channel(io.BytesIO(), self.sink))
        self.worker.channel.inbox.get()  # that nobody is at the other end
        self.runs = list(runs)
        self.seats = [Seat(run, priced=True) for run in runs]
        self.worker.seats = {one.run.info.id: one for one in self.seats}

    def work(self, kind="train", seat=None, seconds=0.01):
        self.worker.work(Job(seat or self.seats[0], kind, seconds))

    def told(self, *kinds):
        """The messages since the last call; of these kinds, if any are named."""
        self.sink.seek(0)
        messages = []
        while self.sink.tell() < len(self.sink.getbuffer()):
            messages.append(pickle.load(self.sink))
        self.sink.seek(0)
        self.sink.truncate()
        return [one for one in messages if not kinds or one[0] in kinds]


# --- jobs ----------------------------------------------------------------------------------------


def test_a_job_is_done_for_its_run_and_charged_to_it(clock):
    at = Hosted(Stand("a"), Stand("b", model="steps"))
    a, b = at.seats
    for one in at.runs:
        one.each = lambda: setattr(clock, "used", clock.used + 0.25)
    at.work("train", a, seconds=0.007)
    assert a.run.trained == [(0.007, math.inf)]
    at.work("measure", b)
    assert b.run.done == ["measure"]
    at.work("frame", a)
    b.drawing, b.viewers = iter([]), 1
    at.work("draw", b)
    assert (len(a.run.drawn), len(b.run.drawn), b.drawing) == (1, 1, None)
    assert a.spent == {"train": 0.25, "frame": 0.0}
    assert b.spent == {"measure": 0.25, "draw": 0.0}
    assert [one[1] for one in at.told("at")] == ["a", "b", "a", "b"]


@pytest.mark.parametrize("kind", ["train", "measure", "frame"])
def test_a_run_that_fails_in_a_job_says_so_pays_for_it_and_fails_alone(clock, monkeypatch, kind):
    at = Hosted(Stand("a"), Stand("b"))

    def fail(**_):
        clock.used += 0.5
        raise ZeroDivisionError

    at.runs[0].each = fail
    monkeypatch.setattr(at.runs[0], "frame", fail)
    at.work(kind)
    assert [run.info.state for run in at.runs] == ["failed", "training"]
    assert at.told("state")[-1][2]["why"].startswith("It stopped with an error, ZeroDivisionError")
    assert at.seats[0].spent == {kind: 0.5}


def test_with_the_device_of_all_runs_the_process_ends(clock, monkeypatch):
    at = Hosted(Stand())
    at.runs[0].each = lambda: 1 / 0
    monkeypatch.setattr(jobs, "is_lost", lambda error: True)
    with pytest.raises(ZeroDivisionError):
        at.work()
    assert at.runs[0].info.state == "training", "it goes on in the next process"


def test_the_survey_says_what_each_run_wants_now(clock):
    at = Hosted(Stand("a"), Stand("b", state="paused"))
    a, b = at.seats
    a.run.measuring = steps = iter("ab")
    assert at.worker.survey() == [a, b]
    assert (a.training, a.held, a.measuring, a.trains, a.works) == (True, False, steps, True, True)
    assert (b.training, b.held, b.measuring, b.trains, b.works) == (False, False, None, False, False)
    a.run.settle("paused")
    b.run.settle("training")
    a.run.measuring = None
    at.worker.survey()
    assert (a.training, a.measuring, b.training) == (False, None, True)


def test_a_seat_measures_by_steps_and_knows_whose_it_is():
    one, wall = Seat(Stand(owner="ann")), Seat(Stand(wall={"seed": [1, 2]}))
    assert one.run.defers
    assert [(seat.owner, seat.wall) for seat in (one, wall)] == [("ann", False), ("", True)]


def test_what_a_round_takes_is_the_least_of_the_last_few_slices():
    one, took = Seat(Stand()), []
    one.changed = False
    for seconds, rounds in [(9.0, 1), (0.4, 2), (0.3, 1), (8.0, 1)]:
        one.trained(seconds, rounds)
        took.append(one.round_took)
    assert took == [0.0, 0.2, 0.2, 0.2], "the first slice also loads, and one may wait for something"
    assert one.changed
    for _ in range(seat.SLICES):
        one.trained(0.5, 1)
    assert one.round_took == 0.5, "a knob has made it slower"


def test_what_a_round_takes_that_is_left_between_turns_is_the_sum_of_its_slices():
    one = Seat(Stand())
    for _ in range(3):
        one.trained(0.3, 0)
        one.trained(0.3, 0)
        one.trained(0.001, 1)
    assert one.round_took == pytest.approx(0.601)
    one.trained(0.002, 2)
    assert one.round_took == 0.001


# --- runs of one pace ----------------------------------------------------------------------------


def test_a_run_waits_only_when_it_is_ahead_of_its_pace_as_far_as_it_may_be(clock):
    at = Hosted(Stand("a", "p"), Stand("b", "p", round=7), Stand("c", "p", "paused"), Stand("d", "q"),
                Stand("e", round=50), Stand("f"))  # fmt: skip
    a, b, _, d, e, f = at.seats
    assert [at.worker._mates(one) for one in (a, b, d, e, f)] == [[b], [a], [], [], []]
    for ahead, rounds in ((0, LEAD), (LEAD - 1, 1), (LEAD, None), (LEAD + 5, None)):
        a.run.round, a.run.trained = b.run.round + ahead, []
        at.worker.survey()
        assert [one.held for one in at.seats] == [not rounds, False, False, False, False, False]
        if rounds:
            at.work("train", a)
            assert a.run.trained == [(0.01, rounds)]
    at.work("train", e)
    assert e.run.trained == [(0.01, math.inf)]
    b.run.settle("paused")
    assert not next(one for one in at.worker.survey() if one is a).held, "who rests holds nobody"


@pytest.mark.parametrize("asked", [0, 1])
@pytest.mark.parametrize("behind", [0, 1, LEAD, LEAD + 1])
def test_a_pause_of_whichever_is_at_one_round_but_for_those_that_are_far_behind(clock, behind, asked):
    at = Hosted(Stand("a", "p", round=100), Stand("b", "p", round=100 - behind))
    a, b = at.runs
    at.worker._pause(at.seats[asked])
    assert [run.info.state for run in at.runs] == ["paused", "paused"]
    assert a.trained == []
    assert b.trained == ([(math.inf, behind)] if 0 < behind <= LEAD else [])
    (told,) = (one[1] for one in at.told("state"))
    assert told == at.runs[1 - asked].info.id, "of the other one it is shown by whoever paused it"


@pytest.mark.parametrize("asked", [0, 1])
def test_a_round_that_was_left_ends_before_all_of_a_pace_pause(clock, asked):
    at = Hosted(Stand("a", "p", round=100), Stand("b", "p", round=99))
    a, b = at.runs
    a.left = True
    at.worker._pause(at.seats[asked])
    assert (a.trained, b.trained) == ([(math.inf, 1)], [(math.inf, 2)])
    assert a.round == b.round == 101


def test_a_run_that_ends_or_fails_while_others_are_paused_stays_so(clock):
    at = Hosted(Stand("a", "p", round=5), Stand("b", "p"), Stand("c", "p"))
    a, b, c = at.runs
    b.each = lambda: b.settle("ended", "It made its rounds.")
    c.each = lambda: 1 / 0
    at.worker._pause(at.seats[0])
    assert [run.info.state for run in (a, b, c)] == ["paused", "ended", "failed"]


# --- pictures ------------------------------------------------------------------------------------


def test_pictures_are_sent_in_full_every_few_times_and_as_coarse_as_there_is_time_for(clock):
    at = Hosted(Stand())
    (one,) = at.seats
    every = jobs.FULL_FRAME_EVERY
    for i in range(2 * every + 1):
        at.worker.scheduler.detail = min(i, 2)
        at.work("frame")
    full = [i for i, how in enumerate(one.run.drawn) if how["full"]]
    assert full == [0, 1, 2, every, 2 * every], "and when the detail is another one"
    assert {how["rare"] or how["once"] for how in one.run.drawn} == {False}
    assert [how["detail"] for how in one.run.drawn[:4]] == [*DETAILS, DETAILS[2]]
    assert {message[0] for message in at.told("frame", "rare", "whole")} == {"frame"}
    at.worker._frame(one, whole=True)
    assert one.run.drawn[-1]["detail"] == 1


def test_a_picture_of_what_has_changed_is_due_where_somebody_sees_it(clock):
    at = Hosted(Stand())
    (one,) = at.seats

    def next_kind():
        return at.worker.scheduler.next(at.worker.survey()).kind

    assert next_kind() == "train", "nobody watches"
    at.worker.on_watch("run", 1)
    at.work("show")
    assert next_kind() == "train", "it has just been drawn"
    clock.now += 1
    clock.used += 1
    assert next_kind() == "train", "nothing has changed"
    at.work()
    assert next_kind() == "frame"
    one.due = clock.now
    at.work("frame")
    assert next_kind() == "train"
    one.changed = True
    assert next_kind() == "train", "the next one is not due"


def test_a_run_that_comes_to_rest_is_drawn_in_full_at_once(clock):
    at = Hosted(Stand())
    (one,) = at.seats
    one.viewers, one.frames, one.due = 1, 3, clock.now + 100
    one.run.each = lambda: one.run.settle("ended")
    at.work()
    assert [how["full"] for how in one.run.drawn] == [True]
    assert at.told("state")[-1][2]["state"] == "ended"


def test_what_takes_long_is_drawn_when_it_is_due_and_with_what_never_changes_for_who_comes(
    clock, monkeypatch
):
    at = Hosted(Stand(model="rare"))
    (one,) = at.seats
    one.frames = one.viewers = 1

    monkeypatch.setattr(jobs.scenes, "rarely_in_steps", lambda model, data, pointer: iter([{"x": 1}]))

    def kind(**how):
        at.worker._frame(one, **how)
        (message,) = at.told()
        drawn = one.run.drawn[-1]
        drawn.pop("number")
        return message[0], drawn

    how = {"full": True, "rare": True, "once": True, "pointer": None, "detail": 1.0}
    assert kind(whole=True, once=True) == ("whole", how)
    due = one.rare_due
    assert due > clock.now
    one.frames = 1
    assert kind(whole=False) == ("frame", how | {"full": False, "rare": False, "once": False})
    assert kind(whole=True) == ("rare", how | {"rare": False, "once": False}), "a hand waits for no more"
    at.worker._draw_on(one)
    assert [message[0] for message in at.told()] == ["rare"]
    assert one.run.drawn[-1]["ready"] == {"x": 1}
    one.rare_due = clock.now
    assert kind(whole=False)[0] == "rare"
    at.worker._draw_on(one)
    at.told()
    one.rare_due, at.worker.scheduler.chatty = 0.0, clock.now + 1
    assert kind(whole=False)[0] == "frame", "while somebody asks"
    one.run.model = "plain"
    assert kind(whole=True, once=True)[0] == "frame"
    assert one.run.drawn[-1]["once"] is False


def test_the_pictures_cost_is_counted_and_the_next_ones_are_due_accordingly(clock, monkeypatch):
    at = Hosted(Stand(model="rare"), Stand("b"), Stand("c"))
    one, spent = at.seats[0], 0.4
    at.worker.survey()

    def frame(**how):
        clock.used += spent
        return b""

    monkeypatch.setattr(one.run, "frame", frame)
    at.worker._show(one)
    assert one.frames == 0, "nobody watches"
    one.watchers = one.viewers = 1
    at.worker._show(one, once=True)
    assert one.frames == 1
    assert one.rare_due == pytest.approx(clock.now + 3 * spent / RARE_SHARE), "three train"
    assert one.cost == 0.0
    one.run.model, spent = "plain", 0.004
    for _ in range(20):
        at.worker._show(one)
    assert one.cost == pytest.approx(0.004)
    assert one.earned > clock.used
    assert not one.changed


def test_what_is_drawn_in_steps_is_drawn_in_slices_and_sent_when_it_is_done(clock, monkeypatch):
    at = Hosted(Stand(model="steps"), Stand("b"), Stand("c"))
    one, taken = at.seats[0], []

    def steps(model, data, pointer):
        for i in range(9):
            clock.used += 0.01
            taken.append(i)
            yield {"part": i}

    monkeypatch.setattr(jobs.scenes, "rarely_in_steps", steps)
    one.viewers, one.drawing_took = 1, 5.0
    at.worker.pointers["run"] = {"axes": {"x": 1.0, "y": 0.0}}
    at.worker._frame(one, whole=True, once=True)
    begun = one.drawing
    assert begun
    assert [(how["rare"], how["once"]) for how in one.run.drawn] == [(False, True)]
    assert at.told()[0][0] == "whole"
    assert one.rare_due == math.inf, "it is being drawn"
    at.worker._frame(one, whole=True)
    assert one.drawing is not begun, "the model has changed"
    assert [(how["rare"], how["once"]) for how in one.run.drawn[1:]] == [(False, False)]
    slices = 0
    at.told()
    at.worker.now = "another"
    while one.drawing:
        before = len(taken)
        at.work("draw")
        assert (len(taken) - before) * 0.01 <= SLICE
        slices += 1
    assert slices > 1
    assert at.told() == [("at", "run"), ("rare", "run", b"picture")]
    how = one.run.drawn[-1]
    assert how == {"rare": False, "once": False, "pointer": at.worker.pointers["run"], "ready": {"part": 8}}
    assert one.rare_due == pytest.approx(clock.now + 3 * 9 * 0.01 / RARE_SHARE)
    at.work("draw")
    assert at.told() == [], "it has been drawn"


def test_what_is_drawn_in_steps_and_fails_is_a_picture_less(clock, caplog):
    at = Hosted(Stand())
    (one,) = at.seats
    one.viewers, one.drawn = 1, {"part": 1}
    one.drawing = (1 / 0 for _ in "a")
    at.work("draw")
    assert "ZeroDivisionError" in caplog.text
    assert (one.drawing, one.run.info.state) == (None, "training")
    assert one.run.drawn[-1]["ready"] == {"part": 1}


def test_what_is_drawn_in_steps_is_of_the_model_as_it_was_then_and_of_numbers_of_its_own(clock, monkeypatch):
    at = Hosted(Stand(model=torch.nn.Linear(2, 2)))
    (one,) = at.seats

    def steps(model, data, pointer):
        for _ in range(3):
            clock.used += 1  # one step a slice
            yield {"weight": model.weight.clone(), "chance": torch.rand(()).item()}

    for name in ("has_rare", "takes_steps"):
        monkeypatch.setattr(jobs.scenes, name, lambda model: True)
    monkeypatch.setattr(jobs.scenes, "rarely_in_steps", steps)
    before, one.viewers = one.run.model.weight.clone(), 1
    torch.manual_seed(3)
    wanted = torch.rand(3).tolist()
    torch.manual_seed(3)
    at.worker._frame(one, whole=True)
    for number in wanted:
        at.work("draw")
        assert one.drawn["weight"].equal(before)
        assert one.drawn["chance"] == number
        with torch.no_grad():
            one.run.model.weight.zero_()  # it trains on, and others draw
        torch.manual_seed(99)


def test_what_nobody_waits_for_is_not_drawn_on(clock):
    at = Hosted(Stand())
    (one,) = at.seats
    one.watchers, one.rare_due = 1, math.inf
    one.drawing = steps = iter([{"x": 1}] * 5)
    at.work("draw")
    assert (one.drawing, len(list(steps))) == (None, 5)
    assert at.told("rare") == []
    assert one.rare_due < math.inf, "it is drawn for who comes later"


def test_a_new_seat_owes_its_first_picture_at_once(clock):
    clock.now = clock.used = 0.0  # just after the machine was started
    at = Hosted(Stand())
    at.seats[0].viewers = 1
    assert at.worker.scheduler.next(at.worker.survey()).kind == "frame"


# --- the loop ------------------------------------------------------------------------------------


def looped(at, monkeypatch, reads=6):
    """How long the loop waited for messages, each time it looked."""
    waits, tidied = [], []

    def read(wait):
        waits.append(wait)
        return len(waits) < reads

    monkeypatch.setattr(at.worker, "_read", read)
    monkeypatch.setattr(at.worker, "_tidy", lambda: tidied.append(1))
    at.worker.loop()
    return waits, len(tidied)


def test_the_loop_gives_each_its_turn_and_listens_and_tidies_in_between(clock, monkeypatch):
    at = Hosted(Stand("a"), Stand("b", state="paused"), Stand("c"))
    for run in at.runs:
        run.each = lambda: setattr(clock, "used", clock.used + 0.02)
    waits, tidied = looped(at, monkeypatch)
    assert waits == [None] * 6
    assert [len(run.trained) for run in at.runs] == [3, 0, 2]
    assert tidied == 5
    assert [one[1] for one in at.told("at")] == ["a", "c", "a", "c", "a"]


def test_where_nothing_trains_the_loop_waits_and_says_that_it_works_on_nothing(clock, monkeypatch):
    at = Hosted(Stand(state="paused"))
    at.worker.now = "run"
    waits, tidied = looped(at, monkeypatch)
    assert waits == [None, seats.LOOK_EVERY] * 3
    assert tidied == 2, "after the last it ends"
    assert at.told("at") == [("at", "")]
    assert at.runs[0].trained == []


def test_a_worker_that_has_had_its_part_of_the_cores_waits_for_messages(clock, monkeypatch):
    at = Hosted(Stand())
    at.worker.on_allow("", 0.5)
    at.runs[0].each = lambda: setattr(clock, "used", clock.used + 0.1)
    waits, _ = looped(at, monkeypatch, reads=5)
    assert waits == [None, None, pytest.approx(0.2), None, pytest.approx(0.2)]
    assert len(at.runs[0].trained) == 1
    at.worker.on_allow("", 0.01)
    waits, _ = looped(at, monkeypatch, reads=2)
    assert waits == [None, seats.LOOK_EVERY], "it hears of a larger part soon"


def test_what_is_drawn_in_steps_goes_on_where_nothing_trains(clock, monkeypatch):
    at = Hosted(Stand("a", state="paused"), Stand("b", state="paused"))
    one = at.seats[0]
    one.viewers = 1

    def steps():
        for i in range(2):
            clock.used += 1
            yield {"part": i}

    one.drawing = steps()
    waits, _ = looped(at, monkeypatch, reads=9)
    assert waits == [None] * 4 + [seats.LOOK_EVERY, None] * 2 + [seats.LOOK_EVERY]
    assert len(at.told("rare")) == 1


# --- messages ------------------------------------------------------------------------------------


def test_at_the_end_all_is_stored_though_one_cannot_be(clock, monkeypatch):
    at = Hosted(Stand("a"), Stand("b"))
    monkeypatch.setattr(at.runs[0], "checkpoint", lambda: 1 / 0)
    at.worker.channel.inbox.put(("unheard", "a", 1))
    at.worker.channel.inbox.put(("quit",))
    assert at.worker._read(None) is False
    assert at.runs[1].done == ["checkpoint"]
    assert at.worker._read(None) is True
    assert [one[1] for one in at.told("done")] == [1]


def test_an_error_in_an_order_stops_its_run_and_one_in_a_question_does_not(clock, monkeypatch, caplog):
    at = Hosted(Stand("a"), Stand("b"))
    for kind, run_id, state in [
        ("question", "a", "training"),
        ("do", "none", "training"),
        ("do", "a", "failed"),
    ]:
        monkeypatch.setattr(at.worker, f"on_{kind}", lambda *_: 1 / 0)
        at.worker._handle(kind, run_id, 5)
        assert at.told("done")[0][1:] == (5, at_fault(), None)
        assert "ZeroDivisionError" in caplog.text, "the log of the server says where"
        caplog.clear()
        assert (at.runs[0].info.state, at.runs[1].info.state) == (state, "training")
    monkeypatch.setattr(at.worker, "on_do", lambda *_: (_ for _ in ()).throw(Refused("No.")))
    at.worker._handle("do", "b", 6)
    monkeypatch.setattr(at.worker, "on_do", lambda *_: {"x": 1})
    at.worker._handle("do", "b", 7)
    assert at.told("done") == [("done", 6, "No.", None), ("done", 7, None, {"x": 1})]
    assert at.runs[1].info.state == "training"


def at_fault():
    class Said(str):
        def __eq__(self, other):
            return other.startswith("That did not work: It stopped with an error, ZeroDivisionError")

        __hash__ = str.__hash__

    return Said()


# --- what waits ----------------------------------------------------------------------------------


def asked(at, monkeypatch, **answers):
    """What is asked of this worker and carried out, in order; `answers` are those of some questions."""
    heard = []

    def hear(run_id, what, *_):
        heard.append((run_id, what))
        answer = answers.get(what)
        return answer() if callable(answer) else answer

    for kind in ("question", "pointer", "do", "watch"):
        monkeypatch.setattr(at.worker, f"on_{kind}", hear)
    return heard


def owes(at, seat):
    """Let it have had more than others, who train."""
    at.worker.survey()
    at.worker.scheduler.charge(seat, "hear", 2 * DEBT)


def heard_next(at):
    job = at.worker.scheduler.next([*at.worker.survey(), *at.worker.askers.values()])
    assert job.kind == "hear"
    at.worker._hear(job.share)


def test_what_a_run_in_debt_asks_waits_and_is_answered_in_order_and_an_order_does_not_wait(
    clock, monkeypatch
):
    at = Hosted(Stand("a"), Stand("b", state="paused"))
    heard = asked(at, monkeypatch)
    for token, kind in enumerate(["question", "pointer"]):
        at.worker._handle(kind, "b", token, f"early {kind}")
    assert [what for _, what in heard] == ["early question", "early pointer"], "it owes nothing"
    owes(at, at.seats[1])
    heard.clear()
    messages = [("question", "b", 1, "one"), ("pointer", "b", 2, "two"), ("question", "b", 3, "three")]
    for message in messages:
        at.worker._handle(*message)
    assert heard == []
    at.worker._handle("question", "a", 4, "of another")
    at.worker._handle("do", "b", 5, "an order")
    at.worker._handle("watch", "b", 6, "a visitor")
    assert [what for _, what in heard] == ["of another", "an order", "a visitor"]
    heard.clear()
    at.seats[1].used = 0.0
    at.worker._handle("question", "b", 7, "four")
    assert heard == [], "it overtakes nothing"
    at.runs[0].settle("paused")
    at.told()
    for _ in range(4):
        heard_next(at)
    assert [what for _, what in heard] == ["one", "two", "three", "four"]
    assert [one[1] for one in at.told("done")] == [1, 2, 3, 7]
    assert at.worker.scheduler.next(at.worker.survey()) is None


def test_the_loop_hears_what_waits_when_it_is_its_turn(clock, monkeypatch):
    at = Hosted(Stand("a", state="paused"))
    heard = asked(at, monkeypatch)
    at.seats[0].waiting = [("question", "a", 1, "one"), ("question", "a", 2, "two")]
    waits, _ = looped(at, monkeypatch, reads=4)
    assert [what for _, what in heard] == ["one", "two"]
    assert waits == [None] * 3 + [seats.LOOK_EVERY]


def test_what_is_heard_is_charged_to_who_asks(clock, monkeypatch):
    at = Hosted(Stand("a"))

    def steps():
        for _ in range(2):
            clock.used += 0.25
            yield
        clock.used += 0.25

    asked(at, monkeypatch, quick=lambda: setattr(clock, "used", clock.used + 0.5), long=steps)
    at.worker._handle("question", "a", 1, "quick")
    assert at.seats[0].spent == {"hear": 0.5}
    at.worker._handle("question", "a", 2, "long")
    for n in (1, 2, 3):
        at.worker._hear(at.seats[0])
        assert at.seats[0].spent == {"hear": 0.5, "more": n * 0.25}
    at.worker._handle("question", "gan-ring", 3, "quick")
    assert at.worker.askers["gan-ring"].spent == {"hear": 0.5}
    assert at.seats[0].total() == 1.25


def test_the_next_part_of_an_answer_is_charged_as_one_and_what_is_asked_anew_is_not(clock, monkeypatch):
    at = Hosted(Stand("a"))
    monkeypatch.setattr(at.worker.questions, "ask", lambda *_: setattr(clock, "used", clock.used + 0.5))
    monkeypatch.setattr(at.worker.questions, "more", lambda *_: setattr(clock, "used", clock.used + 0.25))
    at.worker._handle("question", "a", 1, "ask", "write", {}, "me")
    at.worker._handle("question", "a", 2, "more", "me")
    assert at.seats[0].spent == {"hear": 0.5, "more": 0.25}


def test_an_answer_in_steps_comes_as_one_and_before_what_is_asked_later(clock, monkeypatch):
    at, taken = Hosted(Stand("a"), Stand("b", state="paused")), []

    def steps():
        for i in range(3):
            taken.append(i)
            yield
        return ["law"]

    heard = asked(at, monkeypatch, measure=steps)
    at.worker._handle("question", "b", 1, "measure")
    at.worker._handle("question", "b", 2, "later")
    assert (heard, taken, at.told("done")) == ([("b", "measure")], [], [])
    at.runs[0].settle("paused")
    for n in (1, 2, 3):
        heard_next(at)
        assert taken == [*range(n)]
        assert at.told("done") == []
    heard_next(at)
    assert at.told("done") == [("done", 1, None, ["law"])]
    heard_next(at)
    assert heard[1:] == [("b", "later")]
    assert at.told("done") == [("done", 2, None, None)]


@pytest.mark.parametrize(
    ("error", "why"), [(Refused("No."), "No."), (ZeroDivisionError(), "That did not work: ")]
)
def test_an_error_in_a_step_is_the_answer_and_stops_no_run(clock, monkeypatch, capsys, error, why):
    at = Hosted(Stand("a"))

    def steps():
        yield
        raise error

    asked(at, monkeypatch, measure=steps)
    at.worker._handle("question", "a", 1, "measure")
    at.worker._hear(at.seats[0])
    at.worker._hear(at.seats[0])
    ((_, token, said, result),) = at.told("done")
    assert (token, result, at.seats[0].waiting) == (1, None, [])
    assert said.startswith(why)
    assert at.runs[0].info.state == "training"


def test_laws_are_measured_in_steps_on_the_model_as_it_is_and_of_a_run_that_nobody_watches():
    at = Hosted()
    run = trained(new(owner="me"), 3)
    run.settle("paused")
    run.close()
    at.worker._handle("question", run.at.name, 5, "measure", None)
    assert at.told("done") == []
    steps = 0
    while at.worker.survey() or at.worker.askers:
        if job := at.worker.scheduler.next([*at.worker.survey(), *at.worker.askers.values()]):
            at.worker._hear(job.share)
            steps += 1
        at.worker._tidy()
        at.worker._forget_askers()
    ((_, _, error, checks),) = at.told("done")
    assert error is None
    assert steps > 2
    assert [check.law for check in checks] == [check.law for check in measure(run.model, run.data)]


@pytest.mark.parametrize("gone", [False, True])
def test_who_waits_for_an_answer_of_a_run_that_is_closed_is_told(clock, gone):
    at = Hosted(Stand("a"), Stand("b"))
    waiting = [("steps", "a", 1, iter([])), ("question", "a", 2, "measure")]
    at.seats[0].waiting = list(waiting)
    if gone:
        at.worker._trouble(at.seats[0], Gone("It is gone."))
    else:
        at.worker.on_close("a")
    assert at.told("done") == [("done", 1, seats.LET_GO, None), ("done", 2, seats.LET_GO, None)]
    at.worker.askers["none"] = Share(waiting=list(waiting))
    at.worker.on_close("none")
    assert [one[1] for one in at.told("done")] == [1, 2]


def test_a_run_that_is_asked_something_is_not_let_go_before_it_has_answered(clock):
    at = Hosted(Stand("a", state="paused"))
    at.seats[0].waiting = [("question", "a", 1, "measure")]
    at.worker._tidy()
    assert "a" in at.worker.seats
    at.seats[0].waiting.clear()
    at.worker._tidy()
    assert at.worker.seats == {}


def test_who_asks_is_known_as_long_as_they_wait_or_owe(clock, monkeypatch):
    at = Hosted()
    asked(at, monkeypatch)
    for run_id in ("free", "owes", "waits"):
        at.worker._handle("question", run_id, 1, "this")
    assert set(at.worker.askers) == {"free", "owes", "waits"}
    at.worker.askers["owes"].used, at.worker.scheduler.floor = 5.0, 4.0
    at.worker.askers["waits"].waiting = [("question", "waits", 2, "that")]
    at.worker._forget_askers()
    assert set(at.worker.askers) == {"owes", "waits"}
    at.worker.scheduler.floor = 5.0
    monkeypatch.setattr(at.worker, "_forget_askers", lambda: at.worker.askers.clear())
    looped(at, monkeypatch, reads=2)
    assert at.worker.askers == {}


# --- what is reported ----------------------------------------------------------------------------


def test_what_runs_cost_is_told_now_and_then(clock):
    at = Hosted(Stand("a", round=7), Stand("b", state="paused"))
    a, b = at.seats
    at.worker.loaded = (clock.now, {})
    a.spent, a.round_took = {"train": 0.5, "frame": 0.25}, 0.125
    clock.now += LOAD_EVERY - 0.01
    at.worker._tell_load()
    assert at.told() == []
    clock.now += 0.01
    at.worker._tell_load()
    loads = {
        "a": {"state": "training", "round": 7, "speed": 3.5, "a_round": 0.125, "share": 0.75 / LOAD_EVERY},
        "b": {"state": "paused", "round": 0, "speed": 3.5, "a_round": 0.0, "share": 0.0},
    }
    assert at.told() == [("load", "", loads)]
    at.worker._tell_load()
    assert at.told() == []
    a.spent["train"], b.spent = 0.75, {"hear": 1.0}
    clock.now += 2 * LOAD_EVERY
    at.worker._tell_load()
    ((_, _, loads),) = at.told()
    assert [one["share"] for one in loads.values()] == [0.25 / (2 * LOAD_EVERY), 1.0 / (2 * LOAD_EVERY)]


def test_the_loop_tells_what_runs_cost(clock, monkeypatch):
    at = Hosted(Stand("a"))
    at.runs[0].each = lambda: setattr(clock, "now", clock.now + LOAD_EVERY)
    at.worker.loaded = (clock.now, {})
    looped(at, monkeypatch, reads=4)
    assert len(at.told("load")) == 3


# --- orders --------------------------------------------------------------------------------------


def test_a_family_is_made_ready_and_a_run_that_is_to_go_is_let_go(clock, monkeypatch):
    ready = []
    monkeypatch.setattr(find("gan"), "prepare", lambda: ready.append(1))
    at = Hosted(Stand("a"), Stand("b"))
    at.worker.on_warm("gan")
    assert ready == [1]
    at.worker.looks = {"a": 1, "b": 2}
    at.worker.pointers = {"a": {}, "b": {}}
    at.worker.on_close("a")
    assert (set(at.worker.seats), set(at.worker.looks), set(at.worker.pointers)) == ({"b"}, {"b"}, {"b"})
    assert at.runs[0].done == ["checkpoint", "close"], "it trains on elsewhere"
    at.runs[1].settle("paused")
    at.worker.on_close("b")
    assert at.runs[1].done == ["close"]
    at.worker.on_close("none")


def test_orders_for_what_is_not_open():
    at = Hosted()
    run_id = store.create(SETTING | {"owner": "me"}).name
    at.worker.looks[run_id] = 1
    at.worker.on_watch(run_id, 0)
    at.worker.on_do(run_id, {"do": "checkpoint"})
    assert (at.worker.seats, at.worker.looks) == ({}, {})
    assert at.told() == []
    at.worker.on_open(run_id)
    at.worker.on_open(run_id)
    assert [one[2]["state"] for one in at.told("state")] == ["paused", "paused"], "who asks is told"


def test_orders_to_a_run(monkeypatch):
    at = Hosted()
    run_id = store.create(SETTING | {"owner": "me"}).name
    at.worker.on_watch(run_id, 2)
    one = at.worker.seats[run_id]
    assert one.watchers == 2
    at.worker.on_do(run_id, {"do": "play"})
    one.run.train(rounds=12)
    at.worker.on_do(run_id, {"do": "checkpoint"})
    assert store.unpack(store.checkpoint(one.run.at))[1].round == 12
    at.told()
    at.worker.on_do(run_id, {"do": "reset"})
    assert (one.run.round, one.run.info.state) == (0, "paused")
    assert [message[0] for message in at.told("state", "frame")] == ["state", "frame"]
    at.worker.on_do(run_id, {"do": "step", "player": None})
    assert [message[0] for message in at.told()] == ["state", "frame"]
    at.worker.on_do(run_id, {"do": "step", "player": None, "slow": True})
    assert [message[0] for message in at.told()] == ["trace", "state"]
    one.run.settle("ended", "It made the 3 rounds asked for.")
    at.worker.on_do(run_id, {"do": "pause"})
    assert one.run.info.state == "ended"
    assert at.told("state")[-1][2]["why"] == "It made the 3 rounds asked for."
    at.worker.on_do(run_id, {"do": "set", "values": {"lr_D": 0.02}})
    assert one.run.model.config.lr_D == 0.02


@pytest.mark.parametrize(("model", "kind"), [("plain", "frame"), ("rare", "whole"), ("steps", "whole")])
def test_everybody_who_comes_gets_the_whole_picture_and_patience_begins_when_somebody_goes(
    clock, monkeypatch, model, kind
):
    monkeypatch.setattr(jobs.scenes, "rarely_in_steps", lambda *_: iter([]))
    at = Hosted(Stand(model=model, state="paused"))
    (one,) = at.seats
    for watchers in (1, 2, 1):
        clock.now += 60
        at.worker.on_watch("run", watchers)
        assert (one.watchers, one.left) == (watchers, clock.now)
        assert [message[0] for message in at.told()] == ["state"]
        assert at.worker.scheduler.next(at.worker.survey()).kind == "show"
        at.work("show")
        assert [message[0] for message in at.told()] == ["at", "state", kind]
        assert one.run.drawn[-1]["full"]
        assert one.run.drawn[-1]["once"] == (kind == "whole")
    clock.now += 60
    at.worker.on_watch("run", 0)
    assert (one.watchers, one.left) == (0, clock.now)
    assert at.told() == []


def test_what_is_hidden_is_not_drawn_and_goes_on_and_who_looks_again_gets_the_whole_picture(clock):
    at = Hosted(Stand(model="rare"))
    (one,) = at.seats

    def kinds():
        while (job := at.worker.scheduler.next(at.worker.survey())).kind == "show":
            at.worker.work(job)
        return [message[0] for message in at.told("frame", "rare", "whole")]

    at.worker.on_watch("run", 2, 0)
    assert not one.newcomers, "who sees nothing gets no picture"
    assert (one.watchers, one.viewers, kinds()) == (2, 0, [])
    at.work()
    clock.now += seats.PATIENCE + 1
    at.worker._tidy()
    assert one.run.info.state == "training", "somebody keeps it going"
    assert at.worker.scheduler.next(at.worker.survey()).kind == "train"
    for viewers, told in [(1, ["whole"]), (1, []), (2, ["whole"]), (1, []), (0, []), (1, ["whole"])]:
        at.worker.on_look("run", viewers)
        assert (one.viewers, one.watchers, kinds()) == (viewers, 2, told)
    at.worker.on_watch("run", 3)
    at.worker.on_look("run", 2)  # one goes before the others have had their picture
    assert (one.viewers, kinds()) == (2, ["whole"])
    at.worker.on_watch("run", 1, 0)
    assert (one.viewers, kinds()) == (0, [])
    at.worker.on_look("none", 1)
    assert "none" not in at.worker.seats


def test_a_run_is_whole_before_it_is_copied_or_stepped_in_slow_motion(clock, monkeypatch):
    at = Hosted(Stand())
    run = at.runs[0]
    monkeypatch.setattr(worker.slow, "step", lambda run, player: run.done.append("step") or b"")
    at.worker.on_do("run", {"do": "checkpoint"})
    at.worker.on_do("run", {"do": "step", "player": None, "slow": True})
    assert run.done == ["whole", "checkpoint", "whole", "step"]


def test_a_wall_is_stepped_as_it_is_and_not_in_slow_motion():
    at = Hosted()
    run_id = store.create(SETTING | {"owner": "me", "wall": {"seed": [1, 2]}}).name
    at.worker.on_do(run_id, {"do": "step", "player": None, "slow": True})
    assert at.told("trace") == []
    assert at.worker.seats[run_id].run.last == "D"


def test_while_questions_come_slices_are_short_for_a_moment(clock):
    at = Hosted(Stand())
    at.worker.questions = SimpleNamespace(measure=lambda run_id, *rest: (run_id, rest))
    assert at.worker.on_question("run", "measure", 3) == ("run", (3,))
    assert clock.now < at.worker.scheduler.chatty < clock.now + 5


def test_what_a_page_looks_at_is_drawn_at_once_where_the_run_rests_and_soon_where_it_trains(clock):
    at = Hosted(Stand(model="rare"))
    (one,) = at.seats
    one.viewers, one.rare_due, one.changed = 1, math.inf, False
    at.worker.on_pointer("run", {"kind": "axes", "x": 1.0, "y": 2.0})
    assert one.run.drawn == []
    assert one.rare_due <= clock.now
    assert one.changed
    one.run.settle("paused")
    at.worker.on_pointer("run", {"kind": "axes", "x": 1.0, "y": 2.0})
    assert one.run.drawn == [], "the same"
    at.worker.on_pointer("run", {"kind": "axes", "x": 1.0, "y": 3.0})
    assert [how["full"] for how in one.run.drawn] == [True]
    assert one.drawing, "and what takes long comes next"
    one.viewers = 0
    at.worker.on_pointer("run", {"kind": "axes", "x": 1.0, "y": 4.0})
    assert len(one.run.drawn) == 1
    at.worker.on_pointer("run", {"kind": "label", "x": 7.0, "y": 0.0})
    assert at.worker.pointers["run"] == {"axes": {"x": 1.0, "y": 4.0}, "label": {"x": 7.0, "y": 0.0}}


# --- what is told, and what is let go ------------------------------------------------------------


def test_which_run_is_worked_on_is_said_when_it_changes_and_now_and_then(clock):
    at = Hosted()
    for run_id, later in [
        ("a", 0.0),
        ("a", 0.5 * seats.SAY_EVERY),
        ("b", 0.0),
        ("b", 1.1 * seats.SAY_EVERY),
        ("", 0.0),
    ]:
        clock.now += later
        at.worker._at(run_id)
    assert [one[1] for one in at.told("at")] == ["a", "b", "b", ""]


def test_a_state_is_told_when_it_has_changed_or_somebody_asks(clock):
    at = Hosted(Stand())
    (one,) = at.seats
    run = one.run
    for change in (lambda: None, lambda: run.settle("paused"), lambda: run.settle("paused", "x"),
                   lambda: run.keyframes.append(3)):  # fmt: skip
        change()
        at.worker._state(one)
        (told,) = at.told("state")
        assert told[2] == {
            "state": run.info.state,
            "why": run.info.why,
            "round": 0,
            "keyframes": run.keyframes,
        }
        at.worker._state(one)
        run.round += 0
        assert at.told("state") == []
    at.worker._state(one, again=True)
    assert len(at.told("state")) == 1


def test_trouble_is_told_and_logged_beside_the_run_but_not_where_there_is_none(clock, tmp_path):
    at = Hosted(Stand("a"), Stand("b"))
    for one in at.seats:
        one.run.at = tmp_path / one.run.info.id
        one.run.at.mkdir()
        one.told = ("failed", "No.", 0)
    at.worker._trouble(at.seats[0], Refused("No."))
    assert "Refused: No." in (tmp_path / "a/error.log").read_text()
    at.worker._trouble(at.seats[1], Gone("It is gone."))
    assert [one[1:] for one in at.told("state")] == [
        ("a", {"state": "failed", "why": "No.", "round": 0, "keyframes": []}),
        ("b", {"state": "failed", "why": "It is gone.", "round": 0, "keyframes": []}),
    ]
    assert not [*(tmp_path / "b").iterdir()]
    assert set(at.worker.seats) == {"a"}
    assert at.runs[1].done == ["close"]


def test_the_environment_says_how_long_a_run_goes_on_unwatched(monkeypatch):
    for said, seconds in (("7", 7), ("", 60), (None, 60)):
        monkeypatch.delenv("GENLAB_PATIENCE", raising=False)
        if said is not None:
            monkeypatch.setenv("GENLAB_PATIENCE", said)
        assert runpy.run_path(seats.__file__)["PATIENCE"] == seconds


def test_who_is_unwatched_goes_on_for_a_while_and_who_rests_unwatched_is_let_go(clock):
    rest = [Stand(name, state="paused") for name in ("rests", "shown")]
    at = Hosted(Stand("watched"), Stand("left"), *rest)
    for one in at.seats:
        one.watchers, one.left = int(one.run.info.id in ("watched", "shown")), clock.now
    clock.now += seats.PATIENCE
    at.worker._tidy()
    assert set(at.worker.seats) == {"watched", "left", "shown"}
    assert at.runs[2].done == ["close"]
    assert [run.info.state for run in at.runs] == ["training", "training", "paused", "paused"]
    clock.now += 1
    at.worker._tidy()
    assert [run.info.state for run in at.runs] == ["training", "paused", "paused", "paused"]
    assert "nobody was watching" in at.runs[1].info.why


def test_it_looks_around_now_and_then(clock, monkeypatch):
    at, looks = Hosted(), []
    monkeypatch.setattr(at.worker, "_look_around", lambda: looks.append(clock.now))
    for _ in range(30):
        at.worker._tidy()
        clock.now += 0.1 * seats.LOOK_EVERY
    assert 2 <= len(looks) <= 3


def test_of_a_run_that_is_trained_elsewhere_the_news_are_told_until_it_is_free(clock, monkeypatch):
    at, watched = Hosted(), []
    monkeypatch.setattr(at.worker, "on_watch", lambda *given: watched.append(given))
    look = SimpleNamespace(
        watchers=3, holder=lambda: "a lab", news=lambda: iter([("keyframe", b"1"), ("state", {})])
    )
    at.worker.looks["a"] = look
    at.worker._look_around()
    assert at.told() == [("keyframe", "a", b"1"), ("state", "a", {})]
    assert watched == []
    look.holder = lambda: ""
    at.worker._look_around()
    assert at.told() == []
    assert watched == [("a", 3)]


def test_of_a_run_that_others_train_each_newcomer_is_told_and_no_picture_is_forgotten(clock, monkeypatch):
    at, run_id = Hosted(), store.create(SETTING).name
    monkeypatch.setattr(seats, "Run", lambda at: (_ for _ in ()).throw(Elsewhere("It is trained.")))
    at.worker.on_watch(run_id, 1)
    look = at.worker.looks[run_id]
    store.keyframe(store.folder(run_id), 3).write_bytes(b"3")
    at.worker.on_watch(run_id, 2)
    assert at.worker.looks == {run_id: look}
    assert look.watchers == 2
    assert [one[2]["keyframes"] for one in at.told("state")] == [[], [3]]
    assert ("keyframe", b"3") in look.news()
    at.worker.on_watch(run_id, 0)
    assert at.worker.looks == {}


@pytest.mark.parametrize(
    ("state", "watchers", "changed", "again"),
    [
        ("paused", 2, True, True),
        ("paused", 2, False, False),
        ("paused", 0, True, False),
        ("training", 2, True, False),
    ],
)
def test_a_run_that_rests_here_and_goes_on_elsewhere_is_watched_anew(
    clock, monkeypatch, state, watchers, changed, again
):
    at, watched = Hosted(Stand(state=state)), []
    monkeypatch.setattr(at.worker, "on_watch", lambda *given: watched.append(given))
    monkeypatch.setattr(at.runs[0], "left_and_changed", lambda: changed)
    at.seats[0].watchers = watchers
    at.worker._look_around()
    assert watched == ([("run", watchers)] if again else [])
    assert ("run" not in at.worker.seats) == again


def test_who_watches_a_run_that_is_gone_is_told_once(clock, monkeypatch):
    at = Hosted()
    at.worker.looks["a"] = 1
    for error, told in [(Refused("There is no run a."), 1), (RuntimeError("strange"), 0)]:
        monkeypatch.setattr(at.worker, "on_watch", lambda *_, error=error: (_ for _ in ()).throw(error))
        at.worker._watch("b" * 12, 1)
        assert at.worker.looks.keys() == {"a"}
        assert len(at.told("state")) == told


def test_a_look_that_fails_is_taken_again(clock, monkeypatch):
    at, run_id, watched = Hosted(), store.create(SETTING).name, []
    monkeypatch.setattr(at.worker, "on_watch", lambda *_: 1 / 0)
    at.worker._watch(run_id, 3)
    monkeypatch.setattr(at.worker, "on_watch", lambda *given: watched.append(given))
    at.worker._look_around()
    assert watched == [(run_id, 3)]


def test_who_saw_others_train_a_run_sees_it_go_on_here(clock):
    """It may be opened by an order before anybody has looked whether it is free."""
    at, run_id = Hosted(), store.create(SETTING).name
    look = at.worker.looks[run_id] = seats.Look(store.folder(run_id))
    look.watchers = 3
    at.worker.on_do(run_id, {"do": "play"})
    assert at.worker.looks == {}
    assert (at.worker.seats[run_id].watchers, at.worker.seats[run_id].viewers) == (3, 3)


def test_a_run_that_cannot_be_opened_says_why(monkeypatch):
    at = Hosted()
    run_id = store.create(SETTING).name
    monkeypatch.setattr(seats, "Run", lambda at: 1 / 0)
    with pytest.raises(Refused, match="cannot be opened: It stopped with an error, ZeroDivisionError"):
        at.worker._seat(run_id)
    (told,) = at.told("state")
    assert (told[1], told[2]["state"]) == (run_id, "failed")
    assert "cannot be opened" in told[2]["why"]


def test_a_run_of_nobody_that_rests_is_not_told_that_it_was_cut_off():
    at = Hosted()
    run = trained(new(), 3)
    run.settle("ended", "It made the 3 rounds asked for.")
    run.close()
    at.worker.looks[run.at.name] = SimpleNamespace(watchers=1)
    assert at.worker._seat(run.at.name).run.info.why == "It made the 3 rounds asked for."
    assert at.worker.looks == {}


def test_the_process_speaks_on_its_own_channel_only_and_ends_with_it(monkeypatch, tmp_path):
    """In this process: descriptors 0 and 1 are pipes for a while, and 2 is a file."""
    told, tell = os.pipe()
    heard, hear = os.pipe()
    kept = os.dup(0), os.dup(1), os.dup(2)
    log = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    threads, ends = torch.get_num_threads(), []
    monkeypatch.setattr(worker, "Channel", lambda *files: ends.extend(files) or Channel(*files))
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setenv("GENLAB_THREADS", "2")
    os.write(tell, pickle.dumps(("odd", "run", 7)))
    os.close(tell)
    for i, end in enumerate((told, hear, log)):
        os.dup2(end, i)
        os.close(end)
    try:
        worker.main()
        assert sys.stdout is sys.stderr
        assert torch.get_num_threads() == 2
        os.write(1, b"a stray word of a library\n")
        assert os.read(0, 1) == b""
    finally:
        for i, own in enumerate(kept):
            os.dup2(own, i)
            os.close(own)
        torch.set_num_threads(threads)
        for end in ends:
            end.close()
    assert b"a stray word of a library\n" in (tmp_path / "log").read_bytes()
    with os.fdopen(heard, "rb") as channel:
        messages = []
        while channel.peek(1):
            messages.append(pickle.load(channel))
    assert messages[0] == ("ready",)
    assert [one[:2] for one in messages if one[0] == "done"] == [("done", 7)]
