"""The worker process: `python -m lab.runs.worker`. Hosts many runs and gives each a time slice in turn.

Its messages come and go on its own standard input and output (lab/runs/pipe.py); when that channel closes
it stores its runs and ends. What happens to one run is told and ends no other. Before it works on a run it
says so: if that kills this process, the supervisor knows which run it was.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

import torch

from engine.adam import Adam
from engine.config import Refused
from engine.device import is_lost, prepare
from engine.families import find
from lab.runs import files, slow, store
from lab.runs.jobs import Jobs
from lab.runs.lock import Elsewhere
from lab.runs.log import as_told
from lab.runs.look import Look
from lab.runs.pipe import Channel
from lab.runs.questions import Questions
from lab.runs.scheduler import Share
from lab.runs.seats import LOOK_EVERY

LOAD_EVERY = 2.0  # seconds between two reports of what runs cost
PATIENT = ("question", "pointer")  # messages that wait when their run is in debt


class Worker(Jobs):
    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        super().__init__(self.channel.tell)
        self.questions = Questions(lambda run_id: self._seat(run_id).run)
        self.askers: dict[str, Share] = {}  # of questions to what is not open here, as recordings are
        self.loaded = (time.monotonic(), dict[str, float]())

    def loop(self) -> None:
        while self._read(wait=None):
            job = self.scheduler.next([*self.survey(), *self.askers.values()])
            if job is None:
                self._at("")
                if not self._read(wait=LOOK_EVERY):
                    return
                self.scheduler.rested()
            elif job.kind == "rest":
                if not self._read(wait=min(job.seconds, LOOK_EVERY)):
                    return
            elif job.kind == "hear":
                self._hear(job.share)
            else:
                self.work(job)
            self._tidy()
            self._forget_askers()
            self._tell_load()

    def _tell_load(self) -> None:
        """Say now and then what each run costs."""
        if time.monotonic() >= self.loaded[0] + LOAD_EVERY:
            self.tell_load()

    def tell_load(self) -> None:
        now, (since, before) = time.monotonic(), self.loaded
        had = {run_id: seat.total() for run_id, seat in self.seats.items()}
        self.loaded = now, had
        self.tell("load", "", {
            run_id: {
                "state": seat.run.info.state,
                "round": seat.run.round,
                "speed": seat.run.speed,
                "a_round": seat.round_took,
                "share": (had[run_id] - before.get(run_id, 0.0)) / max(0.1, now - since),
            }
            for run_id, seat in self.seats.items()
        })  # fmt: skip

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
        """Do at once what a hand waits for. What a run asks that has had too much already waits its turn."""
        share = self._share(run_id)
        if kind in PATIENT and (share.waiting or self.scheduler.in_debt(share, self.survey())):
            share.waiting.append((kind, run_id, token, *rest))
        else:
            self._carry_out(kind, run_id, token, *rest)

    def _share(self, run_id: str) -> Share:
        """What this run has had; of one that is not open, what was asked of it."""
        if run_id in self.seats:
            return self.seats[run_id]
        return self.askers.setdefault(run_id, Share())

    def _forget_askers(self) -> None:
        """Who asks nothing and owes nothing is like one who comes for the first time."""
        for run_id, share in list(self.askers.items()):
            if not share.waiting and share.used <= self.scheduler.floor:
                del self.askers[run_id]

    def _hear(self, share: Share) -> None:
        """Go on with what waits: a message, or the next step of an answer that takes long."""
        kind, run_id, token, *rest = share.waiting.pop(0)
        if kind != "steps":
            self._carry_out(kind, run_id, token, *rest)
            return
        self._at(run_id)
        begin = self.scheduler.processor()
        self._end(run_id, token, kind, lambda: next(rest[0]), rest[0])
        self.scheduler.charge(share, "more", self.scheduler.processor() - begin)

    def _carry_out(self, kind: str, run_id: str, token: int, *rest: Any) -> None:
        self._at(run_id)
        begin = self.scheduler.processor()
        self._end(run_id, token, kind, lambda: getattr(self, f"on_{kind}")(run_id, *rest))
        job = "more" if (kind, *rest[:1]) == ("question", "more") else "hear"
        self.scheduler.charge(self._share(run_id), job, self.scheduler.processor() - begin)

    def _end(
        self, run_id: str, token: int, kind: str, work: Callable[[], Any], steps: Generator | None = None
    ) -> None:
        """Do it. Every message is answered with ("done", token, error or None, result): an answer that is
        made in steps, later, with what these return."""
        error = result = None
        try:
            result = work()
            if steps or isinstance(result, Generator):
                self._share(run_id).waiting.insert(0, ("steps", run_id, token, steps or result))
                return
        except StopIteration as end:
            result = end.value
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

    def on_allow(self, _: str, cores: float) -> None:
        """Use at most so many of the machine's cores."""
        self.scheduler.cores = cores

    def on_warm(self, family: str) -> None:
        """Make ready for runs of this family."""
        find(family).prepare()

    def on_close(self, run_id: str) -> None:
        """Let go of a run that is about to be deleted, or to be trained by another worker."""
        if run_id in self.seats and self.seats[run_id].run.info.state == "training":
            self.seats[run_id].run.checkpoint()
        self._drop(run_id)
        self._answer_none(self.askers.pop(run_id, Share()))
        for known in (self.looks, self.pointers):
            known.pop(run_id, None)

    def on_watch(self, run_id: str, watchers: int, viewers: int | None = None) -> None:
        """So many watch a run and keep it going; of these, so many can see a picture now."""
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
        seat.viewers = watchers if viewers is None else viewers
        if watchers:
            self._state(seat, again=True)
            seat.newcomers = seat.viewers > 0  # who come together have one picture

    def on_look(self, run_id: str, viewers: int) -> None:
        """So many of those who watch can see a picture now."""
        if seat := self.seats.get(run_id):
            more, seat.viewers = viewers > seat.viewers, viewers
            seat.newcomers = seat.newcomers or more

    def on_do(self, run_id: str, command: dict[str, Any]) -> None:
        if command["do"] == "checkpoint":  # what is not open is stored
            if run_id in self.seats:
                self.seats[run_id].run.whole()
                self.seats[run_id].run.checkpoint()
            return
        seat = self._seat(run_id)
        match command["do"]:
            case "play":
                seat.run.play()
                self._state(seat, again=True)
                return  # pictures come now
            case "pause":
                if seat.run.info.state == "training":  # else it rests already, and its state may say why
                    self._pause(seat, command.get("why", ""))
            case "stop":
                seat.run.settle("ended", command["why"])
            case "reset":
                seat.run.do({"do": "rewind", "round": 0})
            case "step" if command.pop("slow", False) and not seat.run.info.wall:
                seat.run.whole()
                self.tell("trace", run_id, slow.step(seat.run, command["player"]))
                self._state(seat, again=True)
                return
            case _:
                seat.run.do(command)
        self._show(seat)

    def on_question(self, run_id: str, kind: str, *rest: Any) -> Any:
        """See the methods of `Questions`."""
        self.scheduler.talked()
        return getattr(self.questions, kind)(run_id, *rest)

    def on_pointer(self, run_id: str, pointer: dict[str, Any]) -> None:
        """What a page looks at, each kind beside the others."""
        seat, before = self._seat(run_id), self.pointers.get(run_id, {})
        self.pointers[run_id] = before | {pointer["kind"]: {"x": pointer["x"], "y": pointer["y"]}}
        if self.pointers[run_id] == before:
            return
        seat.rare_due = 0.0  # what is shown is another thing
        seat.changed = True
        if seat.viewers and seat.run.info.state != "training":
            self._frame(seat, whole=True)


def work(channel: Channel) -> None:
    """Do what this channel says, in this thread, to its end."""
    prepare(int(os.environ.get("GENLAB_THREADS") or 1))
    Adam([torch.zeros(1, requires_grad=True)], 1e-3)  # the first one imports for a second
    worker = Worker(channel)
    worker.tell("ready")
    worker.loop()


def main() -> None:
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    sys.stdout = sys.stderr  # a stray print must not reach the channel, of Python or of a library in C
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    as_told()
    work(Channel(source, sink))


if __name__ == "__main__":
    main()
