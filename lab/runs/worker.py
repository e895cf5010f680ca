"""The worker process: `python -m lab.runs.worker`. Hosts many runs and gives each a time slice in turn.

Its messages come and go on its own standard input and output (lab/runs/pipe.py); when that channel closes
it stores its runs and ends. What happens to one run is told and ends no other. Before it works on a run it
says so: if that kills this process, the supervisor knows which run it was.
"""

from __future__ import annotations

import math
import os
import sys
import time
from contextlib import suppress
from copy import deepcopy
from typing import Any, BinaryIO

import torch

from engine.config import Refused
from engine.device import is_lost, prepare
from engine.families import find
from lab import scenes
from lab.runs import files, slow, store
from lab.runs.lock import Elsewhere
from lab.runs.log import as_told
from lab.runs.look import Look
from lab.runs.pipe import Channel
from lab.runs.questions import Questions
from lab.runs.seat import Seat
from lab.runs.seats import LOOK_EVERY, Seats
from lab.runs.state import apart

FULL_FRAME_EVERY = 8  # curves and other slow things, about three times a second
SLICE = 0.05  # seconds of training before the next run has its turn
CHATTY, SHORT = 0.3, 0.01  # seconds after a question, and of a slice then
LEAD = 10  # rounds that a run may be ahead of the slowest of its pace


class Worker(Seats):
    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self.channel = Channel(source, sink)
        super().__init__(self.channel.tell)
        self.questions = Questions(lambda run_id: self._seat(run_id).run)
        self.chatty = 0.0  # until when another question is likely, as while somebody draws

    def loop(self) -> None:
        while True:
            training = [s for s in list(self.seats.values()) if s.run.info.state == "training"]
            drawing = [s for s in list(self.seats.values()) if s.drawing and s not in training]
            if not training and not drawing:
                self._at("")
            if not training and not self._read(wait=None if drawing else LOOK_EVERY):
                return
            for seat in [*training, *drawing]:
                if not self._read(wait=None):
                    return
                if seat in training:
                    self._slice(seat, len(training))
                self._draw_on(seat, len(training))
            self._tidy()

    # --- one run's share of time ------------------------------------------------------------

    def _slice(self, seat: Seat, runs: int) -> None:
        if seat.run.info.state != "training" or seat.run.info.id not in self.seats:
            return
        slowest = min((mate.run.round for mate in self._mates(seat)), default=math.inf)
        rounds = slowest + LEAD - seat.run.round
        if rounds <= 0:  # it waits for the others
            return
        seconds = min(SHORT if time.monotonic() < self.chatty else SLICE, max(0.01, 0.25 / runs))
        if runs == 1 and seat.watchers:
            seconds = min(seconds, max(0.002, seat.wait()))
        self._at(seat.run.info.id)
        try:
            seat.run.train(seconds, rounds)
            settled = seat.run.info.state != "training"
            if seat.watchers and (settled or seat.wait() <= 0):
                self._frame(seat, runs, whole=settled)
        except Exception as error:  # a failed run fails alone
            if is_lost(error):  # with the device of all: a new process finds it again
                raise
            self._trouble(seat, error)
        else:
            self._state(seat)

    def _mates(self, seat: Seat) -> list[Seat]:
        """The others of its pace that train."""
        pace = seat.run.info.pace
        same = [s for s in self.seats.values() if s is not seat and pace and s.run.info.pace == pace]
        return [s for s in same if s.run.info.state == "training"]

    def _pause(self, seat: Seat, why: str = "") -> None:
        """Pause a run and those that train in step with it, all of them at one round."""
        mates = self._mates(seat)
        goal = max(s.run.round for s in [seat, *mates])
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

    def _frame(self, seat: Seat, runs: int = 1, *, whole: bool, once: bool = False) -> None:
        """Send a picture; `whole` with what takes long, `once` with what never changes, too."""
        begin, now = time.thread_time(), time.monotonic()
        run, pointer = seat.run, self.pointers.get(seat.run.info.id)
        rare = scenes.has_rare(run.model) and (whole or now >= max(seat.rare_due, self.chatty))
        full = whole or rare or seat.frames % FULL_FRAME_EVERY == 0
        later = rare and scenes.takes_steps(run.model)
        if later and not seat.drawing:  # of the model as it is now: it may train on
            steps = scenes.rarely_in_steps(deepcopy(run.model), run.data, pointer)
            seat.drawing, seat.drawn, seat.spent = apart(steps, run.device), {}, 0.0
        frame = run.frame(full=full, rare=rare and not later, once=rare and once, pointer=pointer)
        self.tell(("whole" if once else "rare") if rare else "frame", run.info.id, frame)
        if later:
            seat.rare_due = math.inf  # until it is drawn
        elif rare:
            seat.drew_rare(time.thread_time() - begin, runs)
        seat.drew(time.thread_time() - begin, runs, rare, few=time.monotonic() < self.chatty)

    def _draw_on(self, seat: Seat, runs: int) -> None:
        """A slice of what takes long to draw; when it is done, send it."""
        if not seat.drawing:
            return
        self._at(seat.run.info.id)
        begin, done = time.thread_time(), not seat.watchers
        while not done and time.thread_time() - begin < SLICE / 2:
            try:
                step = next(seat.drawing, None)
            except Exception:  # a picture less
                self._report()
                step = None
            done, seat.drawn = step is None, step or seat.drawn
        seat.spent += time.thread_time() - begin
        if not done:
            return
        seat.drawing = None
        if seat.watchers:
            pointer = self.pointers.get(seat.run.info.id)
            frame = seat.run.frame(rare=False, once=False, pointer=pointer, ready=seat.drawn)
            self.tell("rare", seat.run.info.id, frame)
        seat.drew_rare(seat.spent, runs)

    def _show(self, seat: Seat, once: bool = False) -> None:
        """Tell the state and, to watchers, the whole picture."""
        self._state(seat, again=True)
        if seat.watchers:
            self._frame(seat, whole=True, once=once)

    # --- messages -----------------------------------------------------------------------------

    def _read(self, wait: float | None) -> bool:
        """Handle what has arrived; wait for something if nothing trains. False: the end."""
        for message in self.channel.arrived(wait):
            if message[0] == "quit":
                for seat in self.seats.values():
                    with suppress(Exception):  # one that cannot be stored keeps none from being stored
                        seat.run.checkpoint()
                return False
            self._handle(*message)
        return True

    def _handle(self, kind: str, run_id: str, token: int, *rest: Any) -> None:
        """Every message is answered with ("done", token, error or None, result)."""
        error = result = None
        self._at(run_id)
        try:
            result = getattr(self, f"on_{kind}")(run_id, *rest)
        except Refused as refusal:
            error = str(refusal)
        except Exception as failure:
            self._report()
            if is_lost(failure):
                raise
            error = f"That did not work: {files.why(failure)}"
            if kind == "do" and run_id in self.seats:
                self._trouble(self.seats[run_id], failure)
        try:
            self.tell("done", token, error, result)
        except Exception as failure:  # an answer that no pipe can carry
            self.tell("done", token, f"That did not work: {files.why(failure)}", None)

    def on_open(self, run_id: str) -> None:
        self._state(self._seat(run_id), again=True)

    def on_warm(self, family: str) -> None:
        """Make ready for runs of this family."""
        find(family).prepare()

    def on_close(self, run_id: str) -> None:
        """Let go of a run that is about to be deleted."""
        self._drop(run_id)
        self.looks.pop(run_id, None)
        self.pointers.pop(run_id, None)

    def on_watch(self, run_id: str, watchers: int) -> None:
        if not watchers:
            self.looks.pop(run_id, None)
            if run_id not in self.seats:
                return
        try:
            seat = self._seat(run_id)
        except Elsewhere:
            look = self.looks.setdefault(run_id, Look(store.folder(run_id)))
            look.watchers = watchers
            self.tell("state", run_id, look.state())
            return
        seat.watchers, seat.left = watchers, time.monotonic()
        if watchers:
            self._show(seat, once=True)

    def on_do(self, run_id: str, command: dict[str, Any]) -> None:
        if command["do"] == "checkpoint":  # what is not open is stored
            if run_id in self.seats:
                self.seats[run_id].run.checkpoint()
            return
        seat = self._seat(run_id)
        match command["do"]:
            case "play":
                seat.run.play()
            case "pause":
                if seat.run.info.state == "training":  # else it rests already, and its state may say why
                    self._pause(seat, command.get("why", ""))
            case "stop":
                seat.run.settle("ended", command["why"])
            case "reset":
                seat.run.do({"do": "rewind", "round": 0})
            case "step" if command.pop("slow", False) and not seat.run.info.wall:
                self.tell("trace", run_id, slow.step(seat.run, command["player"]))
                self._state(seat, again=True)
                return
            case _:
                seat.run.do(command)
        self._show(seat)

    def on_question(self, run_id: str, kind: str, *rest: Any) -> Any:
        """See the methods of `Questions`."""
        self.chatty = time.monotonic() + CHATTY
        return getattr(self.questions, kind)(run_id, *rest)

    def on_pointer(self, run_id: str, pointer: dict[str, Any]) -> None:
        """What a page looks at, each kind beside the others."""
        seat, before = self._seat(run_id), self.pointers.get(run_id, {})
        self.pointers[run_id] = before | {pointer["kind"]: {"x": pointer["x"], "y": pointer["y"]}}
        if self.pointers[run_id] == before:
            return
        seat.rare_due = 0.0  # what is shown is another thing
        if seat.watchers and seat.run.info.state != "training":
            self._frame(seat, whole=True)


def main() -> None:
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    sys.stdout = sys.stderr  # a stray print must not reach the channel, of Python or of a library in C
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    as_told()
    prepare(int(os.environ.get("GENLAB_THREADS") or 1))
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])  # the first one imports for a second
    worker = Worker(source, sink)
    worker.tell("ready")
    worker.loop()


if __name__ == "__main__":
    main()
