"""The scheduler, simulated: made-up costs, a clock that the jobs themselves move, and no model.

A second of the processor is what jobs take; a second on the wall is longer where others use the core, too.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field

import pytest

from lab.runs.scheduler import (
    ASKED_SHARE,
    CHATTY,
    CYCLE,
    DEBT,
    DETAILS,
    FEW_PICTURES,
    MEASURE_SHARE,
    MOST_PICTURE_SHARE,
    PICTURE_SHARE,
    PICTURES,
    PICTURES_OF_WALLS,
    RARE_EVERY,
    RARE_SHARE,
    SHORT,
    SHORTEST,
    SLICE,
    UNWATCHED,
    Scheduler,
    Share,
)


@dataclass(eq=False, kw_only=True)
class Model(Share):
    """A run that costs what the test says, in seconds."""

    round: float = 0.003
    picture: float = 0.002
    rounds: int = 0
    training: bool = True
    watchers: int = 1
    viewers: int = 1
    drawn: list[float] = field(default_factory=list)
    trained: list[float] = field(default_factory=list)
    in_parts: bool = False  # whether what it asks is one answer in many parts


class Class:
    """A worker whose jobs only take time; `core` is the part of a core that it gets."""

    def __init__(self, *models: Model, core: float = 1.0) -> None:
        self.now = self.used = 1000.0
        self.models, self.core = list(models), core
        self.plan = Scheduler(lambda: self.now, lambda: self.used)
        self.longest = 0.0
        self.details: list[int] = []

    def spend(self, seconds: float) -> None:
        self.used += seconds
        self.now += seconds / self.core

    def job(self) -> str:
        job = self.plan.next(self.models)
        if job is None:
            self.now += 0.001
            self.plan.rested()
            return ""
        if job.kind == "rest":
            self.now += job.seconds
            return "rest"
        one, begin = job.share, self.used
        match job.kind:
            case "show":
                self.spend(one.picture)
                one.newcomers = False
            case "train":
                while True:  # a round is never cut
                    self.spend(one.round)
                    one.rounds += 1
                    if self.used - begin >= job.seconds * self.core:
                        break
                one.changed, one.round_took = True, one.round
                one.trained.append(self.now)
            case "frame":
                self.spend(one.picture * DETAILS[self.plan.detail])
                one.drawn.append(self.now)
                self.plan.drew(one, self.used - begin, self.models)
                self.details.append(self.plan.detail)
            case "draw" | "measure":
                steps = one.drawing if job.kind == "draw" else one.measuring
                self.spend(steps.pop())
            case "hear":
                self.spend(one.waiting.pop(0))
        in_parts = job.kind == "hear" and one.in_parts
        self.plan.charge(one, "more" if in_parts else job.kind, self.used - begin)
        self.longest = max(self.longest, self.used - begin)
        return job.kind

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.job()


def rates(models: list[Model], seconds: float) -> list[float]:
    return [len(one.drawn) / seconds for one in models]


def thirty() -> list[Model]:
    """The mix of a class, as two workers halve it: what a round and a picture cost on a laptop."""
    mix = [(0.003, 0.0015)] * 10 + [(0.011, 0.002)] * 2 + [(0.015, 0.005), (0.02, 0.006), (0.015, 0.005)]
    return [Model(owner=f"{i}", round=r, picture=p) for i, (r, p) in enumerate(mix)]


# --- what is promised of a class -----------------------------------------------------------------


@pytest.mark.parametrize(("core", "least"), [(1.0, FEW_PICTURES), (0.8, 4)])
def test_each_of_a_class_has_five_pictures_a_second_and_none_stands_still(core, least):
    models = thirty()
    at = Class(*models, core=core)
    at.run(5)
    for one in models:
        one.drawn, one.trained = [], []
    at.run(20)
    assert min(rates(models, 20)) >= least
    for one in models:
        gaps = [b - a for a, b in zip(one.trained, one.trained[1:], strict=False)]
        assert max(gaps) < 1.0
    assert at.longest <= max(SLICE, max(one.round for one in models)) + 1e-9, "a hand waits for one job"


def test_equal_shares_of_the_processor_whatever_rounds_and_pictures_cost():
    models = thirty()[:14:2]
    at = Class(*models)
    at.run(30)
    had = [one.total() for one in models]
    assert max(had) / min(had) < 1.1
    assert at.used - 1000 == pytest.approx(sum(had))


def test_a_class_makes_most_of_the_rounds_that_its_runs_make_alone():
    models = thirty()
    Class(*models).run(30)
    had = [one.total() for one in models]
    work = sum(one.spent["train"] for one in models) / sum(had)
    alone = Class(Model())
    alone.run(30)
    assert work >= 0.75 * alone.models[0].spent["train"] / alone.models[0].total()


def test_a_costly_picture_costs_its_own_run_alone():
    cheap, dear, other = Model(owner="a"), Model(owner="b", picture=0.02), Model(owner="c")
    Class(cheap, dear, other).run(20)
    assert dear.spent["train"] < 0.8 * cheap.spent["train"]
    assert cheap.spent["train"] == pytest.approx(other.spent["train"], rel=0.05)


def test_a_round_that_takes_long_is_paid_back():
    light, slow = Model(owner="a"), Model(owner="b", round=0.5)
    Class(light, slow).run(30)
    assert slow.total() == pytest.approx(light.total(), rel=0.1)


# --- a part of the machine ------------------------------------------------------------------------


def test_a_worker_uses_its_part_of_the_cores_and_saves_nothing_up():
    at = Class(Model(owner="a", round=0.2), Model(owner="b", round=0.05))
    at.plan.cores = 0.25
    for _ in range(2):
        begin, used = at.now, at.used
        at.run(40)
        assert at.used - used == pytest.approx(0.25 * (at.now - begin), rel=0.03)
        at.now += 100.0  # others of its process had the core, say
    had = [one.total() for one in at.models]
    assert had[0] == pytest.approx(had[1], rel=0.1), "they share it"
    at.plan.cores = math.inf
    begin, used = at.now, at.used
    at.run(5)
    assert at.used - used == pytest.approx(at.now - begin)


def test_whoever_asks_or_comes_does_not_wait_for_its_part():
    one, other = Model(owner="a", round=0.2), Model(owner="b", training=False, viewers=0)
    at = Class(one, other)
    at.plan.cores = 0.05
    while at.plan.next(at.models).kind != "rest":
        at.job()
    other.newcomers = True
    assert at.job() == "show"
    one.waiting, other.waiting = [0.01], [0.01]
    one.used, other.used = at.plan.floor + 0.1, at.plan.floor + 0.2
    assert at.job() == "hear"
    assert (one.waiting, other.waiting) == ([], [0.01]), "who has had less comes first"
    assert at.job() == "hear"
    assert at.job() == "rest"


def test_who_comes_is_shown_first_once_unless_the_run_has_had_much_more_than_others():
    one, other = Model(), Model()
    at = Class(one, other)
    at.run(1)
    one.newcomers = True
    assert at.job() == "show"
    assert not one.newcomers
    one.newcomers, one.used = True, at.plan.floor + DEBT + 0.01
    assert at.job() != "show"
    other.training = False
    assert at.job() == "show", "nobody else wants the time"


# --- shares --------------------------------------------------------------------------------------


def test_visitors_have_equal_shares_and_not_runs():
    alone, *many = Model(owner="ann"), *(Model(owner="bob") for _ in range(4))
    nobodys = [Model(owner=""), Model(owner="")]
    Class(alone, *many, *nobodys).run(20)
    assert sum(one.total() for one in many) == pytest.approx(alone.total(), rel=0.1)
    for one in nobodys:
        assert one.total() == pytest.approx(alone.total(), rel=0.1), "nobody's runs are not one visitor's"


def test_what_nobody_watches_has_a_small_part_together_and_all_where_nothing_else_is():
    watched = Model(owner="ann")
    left = [Model(owner=f"{i}", watchers=0, viewers=0) for i in range(30)]
    at = Class(watched, *left)
    at.run(20)
    part = sum(one.total() for one in left) / (sum(one.total() for one in left) + watched.total())
    assert part == pytest.approx(UNWATCHED / (1 + UNWATCHED), rel=0.2)
    assert min(one.rounds for one in left) > 0, "they are slow, and do not stand still"
    watched.training = False
    before = [one.total() for one in left]
    at.run(10)
    had = [one.total() - was for one, was in zip(left, before, strict=True)]
    assert sum(had) == pytest.approx(10, rel=0.01)


def test_who_was_idle_saves_nothing_up_and_who_is_in_debt_pays_back():
    busy, late = Model(owner="a"), Model(owner="b", training=False)
    at = Class(busy, late)
    at.run(20)
    late.training = True
    before = busy.total(), late.total()
    at.run(5)
    assert late.total() - before[1] == pytest.approx(busy.total() - before[0], rel=0.1)
    at.plan.charge(late, "hear", 2.0)
    before = busy.total(), late.total()
    at.run(2)
    assert late.total() - before[1] < 0.1
    assert busy.total() - before[0] > 1.8
    at.run(4)
    assert late.total() - before[1] == pytest.approx(busy.total() - before[0] - 2, abs=0.1)


def test_what_is_asked_waits_only_where_others_work_and_one_had_much_more():
    one, other = Model(owner="a"), Model(owner="b")
    at = Class(one, other)
    at.run(1)
    assert not at.plan.in_debt(one, at.models)
    at.plan.charge(one, "hear", 2 * DEBT)
    assert at.plan.in_debt(one, at.models)
    assert not at.plan.in_debt(other, at.models)
    other.training = False
    assert not at.plan.in_debt(one, at.models), "nobody is held up"


def test_what_nobody_else_wanted_is_no_debt():
    asker, late = Model(owner="a", training=False), Model(owner="b", training=False)
    at = Class(asker, late)
    for _ in range(10):
        at.plan.charge(asker, "hear", 5 * DEBT)
        at.job()  # there is none
    late.training = asker.training = True
    assert not at.plan.in_debt(asker, at.models)
    at.run(5)
    assert late.total() == pytest.approx(asker.total() - 50 * DEBT, rel=0.1)


def test_a_flood_of_questions_is_answered_within_the_share_of_its_run():
    asker, other = Model(owner="a"), Model(owner="b")
    at = Class(asker, other)
    asker.waiting = [0.01] * 10_000
    at.run(10)
    assert asker.total() == pytest.approx(other.total(), rel=0.1)
    assert len(asker.waiting) < 10_000
    assert other.rounds > 1000
    assert len(other.drawn) > 10 * FEW_PICTURES


def test_one_that_waits_for_its_pace_is_not_trained():
    one, held = Model(owner="a"), Model(owner="b", held=True, viewers=0)
    Class(one, held).run(1)
    assert held.rounds == 0
    assert one.rounds > 100


# --- pictures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wall", "rate"), [(False, PICTURES), (True, PICTURES_OF_WALLS)])
def test_a_run_alone_has_as_many_pictures_as_a_screen_shows(wall, rate):
    one = Model(wall=wall)
    Class(one).run(10)
    assert len(one.drawn) / 10 == pytest.approx(rate, rel=0.1)


def test_pictures_take_a_fifth_of_the_time_and_more_only_for_five_a_second():
    dear = Model(picture=0.02)
    Class(dear).run(20)
    assert dear.spent["frame"] / dear.total() == pytest.approx(PICTURE_SHARE, rel=0.15)
    many = [Model(owner=f"{i}", picture=0.02) for i in range(12)]
    at = Class(*many)
    at.run(5)
    before = [(one.spent["frame"], len(one.drawn)) for one in many]
    at.run(20)
    part = sum(one.spent["frame"] - was for one, (was, _) in zip(many, before, strict=True)) / 20
    assert PICTURE_SHARE < part <= MOST_PICTURE_SHARE
    assert at.plan.detail == len(DETAILS) - 1, "they grow coarser first"
    assert (
        min(len(one.drawn) - n for one, (_, n) in zip(many, before, strict=True)) >= 20 * FEW_PICTURES * 0.9
    )


def test_detail_comes_back_when_there_is_room_and_does_not_flicker():
    many = [Model(owner=f"{i}", picture=0.008) for i in range(12)]
    at = Class(*many)
    at.run(10)
    assert at.plan.detail > 0
    changes = sum(a != b for a, b in zip(at.details, at.details[1:], strict=False))
    assert changes <= len(DETAILS)
    for one in many[1:]:
        one.training = False
    at.run(5)
    assert at.plan.detail == 0


def test_an_idle_worker_is_not_taken_for_a_slow_core():
    one = Model(training=False)
    at = Class(one)
    at.run(5)
    one.training = True
    at.run(3)
    assert at.plan.pace == pytest.approx(1, abs=0.05)
    slow = Class(Model(), core=0.5)
    slow.run(20)
    assert slow.plan.pace == pytest.approx(0.5, abs=0.05)


def test_nothing_is_drawn_that_nobody_sees_or_that_shows_nothing_new():
    hidden, held, seen = (Model(owner=o) for o in "abc")
    hidden.viewers, held.held, held.changed = 0, True, False
    Class(hidden, held, seen).run(2)
    assert hidden.drawn == held.drawn == []
    assert hidden.rounds > 0
    assert len(seen.drawn) > 20


def test_a_picture_comes_with_some_training_since_the_last():
    slow = Model(round=0.3, picture=0.001)
    Class(slow).run(10)
    assert len(slow.drawn) <= slow.rounds


def test_one_costly_picture_by_chance_changes_little():
    one = Model()
    at = Class(one)
    at.run(2)
    before = one.cost
    at.plan.drew(one, 5.0, at.models)
    assert before < one.cost <= 2 * before + 0.005
    at.plan.drew(one, 0.0, at.models)
    assert one.cost > 0.8 * before
    was = one.cost
    at.plan.drew(one, 9.0, at.models, rare=True)
    assert one.cost == was


def test_while_questions_come_pictures_are_few_and_slices_short():
    one = Model()
    at = Class(one)
    at.run(1)
    drawn, rounds = len(one.drawn), []
    for _ in range(200):
        at.plan.talked()
        before = one.rounds
        if at.job() == "train":
            rounds.append(one.rounds - before)
    seconds = at.now - 1001
    assert (len(one.drawn) - drawn) / seconds == pytest.approx(FEW_PICTURES, rel=0.3)
    assert statistics.median(rounds) * one.round <= SHORT + one.round
    at.now += CHATTY + 0.01
    assert at.plan.slice(one, [one], at.now, at.used) >= SHORTEST


def asked_without_end(asker, *others):
    """The part of ten seconds that a model has of which the next part is asked as soon as one has come."""
    at = Class(asker, *others)
    end = at.used + 10
    while at.used < end:
        if not asker.waiting:
            asker.waiting.append(0.02)
        at.job()
    return sum(asker.spent.get(kind, 0.0) for kind in ("hear", "more")) / 10


def test_an_answer_in_parts_leaves_others_most_of_the_time():
    light = Model()
    assert asked_without_end(Model(training=False, in_parts=True), light) == pytest.approx(0.27, abs=0.04)
    assert light.rounds * light.round > 0.9 * (1 - ASKED_SHARE - PICTURE_SHARE) * 10
    few = Model(training=False, in_parts=True)
    assert asked_without_end(few, *(Model(owner=f"{i}") for i in range(9))) == pytest.approx(0.1, abs=0.03)
    assert asked_without_end(Model(training=False), Model()) == pytest.approx(0.5, abs=0.1), "one by one"


def test_an_answer_in_parts_waits_for_nothing_where_nobody_else_works():
    assert asked_without_end(Model(training=False, in_parts=True)) == pytest.approx(1, abs=0.01)
    idle = Model(training=False)
    assert asked_without_end(Model(training=False, in_parts=True), idle) == pytest.approx(1, abs=0.01)
    both = Model(in_parts=True)
    assert asked_without_end(both) > 0.9, "one's own training waits for what one asks"


def test_what_comes_between_two_parts_waits_while_others_train():
    light, asker = Model(), Model(training=False)
    at = Class(asker, light)
    at.plan.charge(asker, "more", 0.03)
    assert at.plan.in_debt(asker, at.models)
    assert not at.plan.in_debt(asker, [asker])
    at.spend(0.03 / ASKED_SHARE)
    assert not at.plan.in_debt(asker, at.models)


# --- slices, and what goes step by step ----------------------------------------------------------


def test_slices_grow_shorter_where_many_train_so_that_each_has_its_turn():
    plan = Scheduler(lambda: 0.0, lambda: 0.0)

    def seconds(n: int) -> float:
        many = [Model(viewers=0) for _ in range(n)]
        return plan.slice(many[0], many, 0.0, 0.0)

    assert seconds(1) == SLICE
    assert seconds(15) == pytest.approx(CYCLE * (1 - PICTURE_SHARE) / 15)
    assert seconds(1000) == SHORTEST
    one = Model(due=0.005)
    assert plan.slice(one, [one], 0.0, 0.0) == pytest.approx(0.005), "the picture is next"
    one.due = -5.0
    assert plan.slice(one, [one], 0.0, 0.0) == SHORTEST


def test_what_takes_long_to_draw_goes_on_by_turns_with_training_and_at_once_where_nothing_trains():
    one, other = Model(owner="a"), Model(owner="b")
    at = Class(one, other)
    at.run(1)
    before = dict(one.spent)
    one.drawing = [0.01] * 50
    at.run(1.5)
    gone = 50 - len(one.drawing)
    assert 0 < gone < 50
    at.run(10)
    assert one.drawing == []
    assert one.spent["train"] - before["train"] > 0.3
    assert other.total() == pytest.approx(one.total(), rel=0.1), "it costs nobody else anything"
    still = Model(training=False, drawing=[0.01] * 50)
    Class(still).run(0.6)
    assert still.drawing == []


def test_measuring_has_a_twentieth_of_its_runs_own_time():
    one, other = Model(owner="a"), Model(owner="b")
    one.measuring = [0.004] * 10_000
    Class(one, other).run(30)
    assert one.spent["measure"] / one.total() == pytest.approx(MEASURE_SHARE, rel=0.1)
    assert other.total() == pytest.approx(one.total(), rel=0.05)


def test_what_takes_long_to_draw_is_due_again_when_its_part_of_the_time_allows():
    plan, one = Scheduler(lambda: 50.0, lambda: 0.0), Model()
    plan.drew_rarely(one, 0.01, 1)
    assert one.rare_due == 50 + RARE_EVERY
    plan.drew_rarely(one, 1.0, 3)
    assert one.rare_due == pytest.approx(50 + 3 / RARE_SHARE)
    plan.drew_rarely(one, 1.0, 0)
    assert one.rare_due == pytest.approx(50 + 1 / RARE_SHARE)


def test_where_nothing_is_to_be_done_there_is_no_job():
    assert Class(Model(training=False)).plan.next([Model(training=False)]) is None
    assert Class().plan.next([]) is None


def test_who_is_late_has_its_slice_if_it_is_owed_that_and_else_one_round():
    late, other = Model(owner="a", round=0.001), Model(owner="b", round=0.001)
    third = Model(owner="c", round=0.001)
    at = Class(late, other, third)
    at.run(1)
    for one in at.models:
        one.moved, one.changed, one.used = at.now, False, at.plan.floor + 1.0
    late.moved = at.now - 1.0
    job = at.plan.next(at.models)
    assert (job.share, job.kind, job.seconds) == (
        late,
        "train",
        at.plan.slice(late, at.models, at.now, at.used),
    )
    assert job.seconds > SHORTEST
    late.used += 2 * SLICE
    assert at.plan.next(at.models) == (late, "train", SHORTEST)


def test_runs_of_a_class_come_in_turn_whatever_their_rounds_take():
    models = thirty()
    at = Class(*models, core=0.8)
    at.run(5)
    for one in models:
        one.drawn = []
    at.run(20)
    had = rates(models, 20)
    assert max(had) <= 1.2 * min(had)
