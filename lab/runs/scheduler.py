"""Who works next in a worker, at what, and for how long: a fair share of the processor for each run.

All that a worker does for a run is a job with a measured cost: a slice of training, a picture, a step of
what takes long to draw or to measure, an answer. The cost is charged to the run that wanted the job, and next
comes the run that has had the least (start-time fair queueing: Goyal, Vin and Cheng, 1996). A debt is paid
back; who was idle saves nothing up. Pictures come first when they are due, and they are due as seldom as
their share of the time demands.

Runs are only known as `Share`s, and time only by two clocks, so all this can be simulated
(tests/runs/test_scheduler.py).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

SLICE, SHORTEST = 0.02, 0.002  # seconds of training before the next job
CHATTY, SHORT = 0.3, 0.01  # seconds after a question, and of a slice then
CYCLE = 0.13  # seconds within which each run that is watched makes a round,
QUICK, LATE_SHARE = 0.05, 0.9  # if that takes no longer; and the most of the time for those who are late
PICTURES = 25  # a second, at most
PICTURES_OF_WALLS = 10  # of many panels
FEW_PICTURES, ROOM = 5, 1.2  # while questions come, and what a class should have at least, with some room
PICTURE_SHARE, MOST_PICTURE_SHARE = 0.2, 0.5  # of the time: as a rule, and so that there are FEW_PICTURES
DETAILS = (1.0, 0.5, 0.25)  # of a picture: it grows coarser before pictures come more rarely
LOOK_AT_DETAIL = 1.0  # seconds between two changes of it
RARE_SHARE, RARE_EVERY = 0.1, 1.5  # of the time, for what takes long to draw; and seconds between two
MEASURE_SHARE = 0.05  # of a run's own time, for measuring
UNWATCHED = 0.1  # of the time, for all runs together that nobody watches while others are watched
ASKED_SHARE = 0.3  # of the time, for an answer that comes in parts, while others train
DEBT = 0.3  # seconds more than others have had, after which a run's questions wait for their turn


@dataclass(eq=False, kw_only=True)
class Share:
    """What one run wants of its worker, and what it has had."""

    owner: str = ""
    watchers: int = 0  # who keep it going
    viewers: int = 0  # of these, who can see a picture now
    training: bool = False
    held: bool = False  # it waits for others of its pace
    changed: bool = True  # since its last picture
    newcomers: bool = False  # somebody has come who has seen no picture yet
    wall: bool = False
    used: float = 0.0  # seconds of the processor that were charged, as parts of a fair share
    spent: dict[str, float] = field(default_factory=dict)  # the same as they are, by kind of job
    cost: float = 0.0  # seconds that a picture takes, about, without what is drawn rarely
    frames: int = 0
    due: float = 0.0  # when the next picture is, at the earliest
    earned: float = 0.0  # and the processor time by which others have had theirs
    rare_due: float = 0.0  # when what takes long is to be drawn again
    drawing: Any = None  # what takes long to draw, under way
    measuring: Any = None  # likewise
    waiting: list[Any] = field(default_factory=list)  # messages for which it is too deep in debt
    next_part: float = 0.0  # the processor time from which others let it have the next part of an answer
    last: str = ""  # of training and drawing, what it did last
    round_took: float = 0.0  # seconds of the processor, about
    moved: float = 0.0  # when it was last trained

    @property
    def trains(self) -> bool:
        """Whether it can be trained now."""
        return self.training and not self.held

    @property
    def works(self) -> bool:
        return bool(self.trains or self.drawing or self.waiting)

    def total(self) -> float:
        """Seconds of the processor that it has had."""
        return sum(self.spent.values())


class Job(NamedTuple):
    share: Any
    kind: str  # "frame", "train", "show", "draw", "measure", "hear" or "rest"
    seconds: float = 0.0


class Scheduler:
    """Chooses jobs. `clock` is the time on the wall, `processor` that of the worker, both in seconds."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, processor: Callable[[], float] = time.process_time
    ) -> None:
        self.clock, self.processor = clock, processor
        self.floor = 0.0  # what the run has had that has had the least of those at work
        self.detail = 0  # of DETAILS
        self.detailed = self.chatty = -1e9  # when it was last changed; until when another question is likely
        self.pace = 1.0  # seconds of the processor that a second brings
        self.cores = math.inf  # the most that this worker may use, on average
        self._over, self._metered = 0.0, (clock(), processor())  # seconds that it used beyond that
        self._first: Share | None = None  # who comes first, because it is late
        self._late = 0.0  # the processor time from which the next who is late may come first
        self._rate = (clock(), processor())
        self._weights: dict[int, float] = {}

    # --- choosing -----------------------------------------------------------------------------

    def next(self, shares: Collection[Share]) -> Job | None:
        """The next job, or None if there is nothing to do."""
        now, used = self.clock(), self.processor()
        for share in shares:
            if share.newcomers and not self.in_debt(share, shares):
                return Job(share, "show")
        due = [s for s in shares if s.viewers and s.training and s.changed and self._wait(s, now, used) <= 0]
        if due:
            return Job(min(due, key=lambda s: max(s.due, s.earned - used + now)), "frame")
        working = [share for share in shares if share.works]
        if not working:  # all begin anew: what nobody else wanted is no debt
            self.floor = max([self.floor, *(share.used for share in shares)])
            return None
        self._weigh(working)
        ready = [s for s in working if s.trains or s.drawing or used >= s.next_part] or working
        fair = min(ready, key=lambda s: s.used)
        self.floor = max(self.floor, fair.used)
        if rest := self._rest(now, used):
            asked = [share for share in working if share.waiting]  # somebody waits for that
            return Job(min(asked, key=lambda s: s.used), "hear") if asked else Job(None, "rest", rest)
        self._first = self._latest(working, now) if used >= self._late else None
        if self._first:
            owed = self._first.used <= self.floor + SLICE
            seconds = self.slice(self._first, working, now, used) if owed else SHORTEST
            return Job(self._first, "train", seconds)
        return self._job(fair, working, now, used)

    def _rest(self, now: float, used: float) -> float:
        """Seconds for which this worker has had its part of the cores already."""
        since, had = self._metered
        self._metered = now, used
        allowed = (now - since) * self.cores if now > since else 0.0
        self._over = max(0.0, self._over + used - had - allowed)
        return self._over / self.cores

    def _latest(self, working: list[Share], now: float) -> Share | None:
        """Who has waited for a round longest, and too long: a picture in which nothing moves is none. It is
        charged for it, and has what is left of its share later."""
        quick = [s for s in working if s.trains and s.viewers and s.round_took <= QUICK]
        late = [share for share in quick if now - share.moved > CYCLE]
        return min(late, key=lambda s: s.moved, default=None)

    def _job(self, share: Share, working: list[Share], now: float, used: float) -> Job:
        if share.waiting:
            return Job(share, "hear")
        # by turns with training, so that a picture that takes long comes soon
        if share.drawing and not (share.trains and share.last == "draw"):
            return Job(share, "draw")
        if share.measuring and share.spent.get("measure", 0) < MEASURE_SHARE * share.total():
            return Job(share, "measure")
        return Job(share, "train", self.slice(share, working, now, used))

    def slice(self, share: Share, working: Collection[Share], now: float, used: float) -> float:
        """Seconds of training before the next job."""
        training = [s for s in working if s.training]
        seconds = SHORT if now < self.chatty else SLICE
        seconds = min(seconds, CYCLE * (1 - self.picture_share(training)) / max(1, len(training)))
        if len(training) == 1 and share.viewers:
            seconds = min(seconds, self._wait(share, now, used))
        return max(SHORTEST, seconds)

    def _wait(self, share: Share, now: float, used: float) -> float:
        """Seconds until its next picture, at least."""
        return max(share.due - now, share.earned - used)

    # --- charging -----------------------------------------------------------------------------

    def charge(self, share: Share, kind: str, seconds: float) -> None:
        """This run has had so many seconds of the processor."""
        share.used = max(share.used, self.floor) + seconds / self._weights.get(id(share), 1.0)
        share.spent[kind] = share.spent.get(kind, 0.0) + seconds
        if kind in ("train", "draw"):
            share.last = kind
        if kind == "train":
            if share is self._first:
                self._late = max(self._late, self.processor() - seconds) + seconds / LATE_SHARE
            share.moved = self.clock()
        if kind == "more":
            share.next_part = self.processor() + seconds * (1 / ASKED_SHARE - 1)

    def _weigh(self, working: Iterable[Share]) -> None:
        """How much of the processor each is due: visitors have equal parts, which their runs share; runs that
        nobody watches share a small one."""
        watched: dict[str, int] = {}
        alone = 0
        for share in working:
            share.used = max(share.used, self.floor)
            if share.viewers:
                watched[share.owner] = watched.get(share.owner, 0) + 1
            else:
                alone += 1
        mine = lambda s: 1 / watched[s.owner] if s.owner else 1.0  # noqa: E731
        self._weights = {id(s): mine(s) if s.viewers else UNWATCHED / alone for s in working}

    def in_debt(self, share: Share, shares: Collection[Share]) -> bool:
        """Whether it has had so much more than others that what it asks must wait for its turn."""
        others = [s for s in shares if s is not share and s.works]
        return bool(others) and (share.used > self.floor + DEBT or self.processor() < share.next_part)

    # --- pictures -----------------------------------------------------------------------------

    def picture_share(self, training: Collection[Share]) -> float:
        """The part of the time that pictures may take: more than usual if they were too few otherwise."""
        wanted = ROOM * FEW_PICTURES * sum(s.cost for s in training if s.viewers) / self.pace
        return min(MOST_PICTURE_SHARE, max(PICTURE_SHARE, wanted))

    def drew(self, share: Share, seconds: float, shares: Collection[Share], rare: bool = False) -> None:
        """A picture took so many seconds of the processor: when is the next one due?"""
        now, used = self.clock(), self.processor()
        share.frames += 1
        share.changed = False
        if not rare:  # nor is what is made once, like the noise floor of new data: that takes a second
            share.cost = max(min(seconds, 2 * share.cost + 0.005), 0.9 * share.cost)
        self._measure_pace(now, used)
        training = [s for s in shares if s.training]
        total = sum(s.cost for s in training if s.viewers) or share.cost
        self._choose_detail(now, total)
        usual = PICTURES_OF_WALLS if share.wall else PICTURES
        rate = FEW_PICTURES if now < self.chatty else usual
        share.due = max(share.due + 1 / rate, now)
        share.earned = used + total / self.picture_share(training) - share.cost

    def drew_rarely(self, share: Share, seconds: float, training: int) -> None:
        """What takes long to draw took so many seconds: it is due again when its part of the time allows."""
        share.rare_due = self.clock() + max(RARE_EVERY, seconds * max(1, training) / RARE_SHARE)

    def _measure_pace(self, now: float, used: float) -> None:
        since, was = self._rate
        if now - since > LOOK_AT_DETAIL:
            pace = min(1.0, (used - was) / (now - since))
            self.pace = max(0.05, 0.5 * self.pace + 0.5 * pace)
            self._rate = now, used

    def _choose_detail(self, now: float, total: float) -> None:
        """Coarser pictures where FEW_PICTURES of each would take more than their share; finer ones where
        there is room for some more than that."""
        load = ROOM * FEW_PICTURES * total / self.pace / PICTURE_SHARE
        if now - self.detailed < LOOK_AT_DETAIL:
            return
        coarser = load > 1 and self.detail < len(DETAILS) - 1
        finer = load < 0.4 and self.detail > 0
        if coarser or finer:
            self.detail += 1 if coarser else -1
            self.detailed = now

    def rested(self) -> None:
        """There was nothing to do: that says nothing of what a second brings."""
        self._rate = self.clock(), self.processor()

    def talked(self) -> None:
        """Somebody asked something: another question is likely, as while somebody draws."""
        self.chatty = self.clock() + CHATTY
