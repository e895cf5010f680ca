"""What a worker does for a run when it is its turn (lab/runs/scheduler.py): train, draw, measure."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch

from engine.device import is_lost
from lab import scenes
from lab.runs import budget
from lab.runs.scheduler import DETAILS, SLICE, Job, Scheduler
from lab.runs.seat import Seat
from lab.runs.seats import Seats
from lab.runs.state import apart

FULL_FRAME_EVERY = 8  # curves and other slow things, about three times a second
MOVING = 2.0  # seconds that a costly run waits for another worker
LEAD = 10  # rounds that a run may be ahead of the slowest of its pace


class Jobs(Seats):
    def __init__(self, tell: Callable[..., None]) -> None:
        super().__init__(tell)
        # of this thread, because a process may have others; but of all where more than one thread trains
        one = torch.get_num_threads() == 1
        self.scheduler = Scheduler(processor=time.thread_time if one else time.process_time)

    def work(self, job: Job) -> None:
        """Do a job, and charge it to its run."""
        seat, begin = job.share, self.scheduler.processor()
        self._at(seat.run.info.id)
        try:
            match job.kind:
                case "train":
                    self._train(seat, job.seconds)
                case "frame":
                    self._frame(seat)
                case "show":
                    seat.newcomers = False
                    self._show(seat, once=True)
                case "draw":
                    self._draw_on(seat)
                case "measure":
                    seat.run.measure_on()
        except Exception as error:  # a failed run fails alone
            if is_lost(error):  # with the device of all: a new process finds it again
                raise
            self._trouble(seat, error)
        self.scheduler.charge(seat, job.kind, self.scheduler.processor() - begin)

    def survey(self) -> list[Seat]:
        """All seats, with what each of them wants now."""
        for seat in self.seats.values():
            seat.training = seat.run.info.state == "training"
            seat.measuring = seat.run.measuring
            paced = seat.training and bool(seat.run.info.pace)
            seat.held = (paced and self._ahead(seat) <= 0) or self.scheduler.clock() < seat.held_until
        return list(self.seats.values())

    # --- training -----------------------------------------------------------------------------

    def _train(self, seat: Seat, seconds: float) -> None:
        if not seat.priced:
            seat.priced = True
            if seat.run.round == 0 and not seat.run.family.heavy:
                self._price(seat)
                return
        before, first = seat.run.turning, seat.run.round
        seat.run.train(seconds, self._ahead(seat))
        seat.trained(seat.run.turning - before, seat.run.round - first)
        if seat.viewers and seat.run.info.state != "training":
            self._frame(seat, whole=True)
        self._state(seat)

    def _price(self, seat: Seat) -> None:
        """Find out what a round costs, before the first. A run that costs much waits for another worker."""
        seat.round_took = budget.seconds_of(seat.run)
        if why := budget.refusal(seat.round_took):
            seat.run.settle("failed", why)
            self._show(seat)
        elif seat.round_took > budget.HEAVY:
            seat.held_until = self.scheduler.clock() + MOVING
            self.tell_load()

    @abstractmethod
    def tell_load(self) -> None:
        """Say what each run costs."""

    def _ahead(self, seat: Seat) -> float:
        """The rounds that it may make before it waits for others of its pace."""
        slowest = min((mate.run.round for mate in self._mates(seat)), default=math.inf)
        return slowest + LEAD - seat.run.round

    def _mates(self, seat: Seat) -> list[Seat]:
        """The others of its pace that train."""
        pace = seat.run.info.pace
        same = [s for s in self.seats.values() if s is not seat and pace and s.run.info.pace == pace]
        return [s for s in same if s.run.info.state == "training"]

    def _pause(self, seat: Seat, why: str = "") -> None:
        """Pause a run and those that train in step with it, all of them at one round."""
        mates = self._mates(seat)
        goal = max(s.run.round + s.run.left for s in [seat, *mates])  # a round that was left comes to its end
        for each in [*mates, seat]:
            try:
                if goal - LEAD <= each.run.round < goal:
                    each.run.train(rounds=goal - each.run.round)
                if each.run.info.state == "training":  # it may just have ended or failed
                    each.run.settle("paused", why)
                if each is not seat:
                    self._show(each)
            except Exception as error:
                self._trouble(each, error)

    # --- pictures -----------------------------------------------------------------------------

    def _frame(self, seat: Seat, *, whole: bool = False, once: bool = False) -> None:
        """Send a picture; `whole` with what takes long, `once` with what never changes, too."""
        plan = self.scheduler
        begin, now = plan.processor(), plan.clock()
        run, pointer = seat.run, self.pointers.get(seat.run.info.id)
        rare = scenes.has_rare(run.model) and (whole or now >= max(seat.rare_due, plan.chatty))
        full = whole or rare or seat.frames % FULL_FRAME_EVERY == 0
        later = rare and (scenes.takes_steps(run.model) or not once)  # a hand waits for the rest
        if later and (whole or not seat.drawing):  # of the model as it is now: it may train on
            steps = scenes.rarely_in_steps(deepcopy(run.model), run.data, pointer)
            seat.drawing, seat.drawn, seat.drawing_took = apart(steps, run.device), {}, 0.0
        detail = 1.0 if whole else DETAILS[plan.detail]
        full, seat.detail = full or detail != seat.detail, detail  # with what there is one of for each point
        how: dict[str, Any] = {"pointer": pointer, "detail": detail, "number": seat.frames}
        frame = run.frame(full=full, rare=rare and not later, once=rare and once, **how)
        self.tell(("whole" if once else "rare") if rare else "frame", run.info.id, frame)
        spent, seats = plan.processor() - begin, list(self.seats.values())
        if later:
            seat.rare_due = math.inf  # until it is drawn
        elif rare:
            plan.drew_rarely(seat, spent, len(self._training()))
        plan.drew(seat, spent, seats, rare)

    def _draw_on(self, seat: Seat) -> None:
        """A slice of what takes long to draw; when it is done, send it."""
        if not seat.drawing:
            return
        plan, done = self.scheduler, not seat.viewers
        begin = plan.processor()
        while not done and plan.processor() - begin < SLICE / 2:
            try:
                step = next(seat.drawing, None)
            except Exception:  # a picture less
                self._report()
                step = None
            done, seat.drawn = step is None, step or seat.drawn
        seat.drawing_took += plan.processor() - begin
        if not done:
            return
        seat.drawing = None
        if seat.viewers:
            pointer = self.pointers.get(seat.run.info.id)
            frame = seat.run.frame(rare=False, once=False, pointer=pointer, ready=seat.drawn)
            self.tell("rare", seat.run.info.id, frame)
        plan.drew_rarely(seat, seat.drawing_took, len(self._training()))

    def _training(self) -> list[Seat]:
        return [seat for seat in self.seats.values() if seat.run.info.state == "training"]

    def _show(self, seat: Seat, once: bool = False) -> None:
        """Tell the state and, to watchers, the whole picture."""
        self._state(seat, again=True)
        if seat.viewers:
            self._frame(seat, whole=True, once=once)
