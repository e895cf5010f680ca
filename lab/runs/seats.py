"""What a worker keeps in order: its runs, those of others that are watched here, and trouble."""

from __future__ import annotations

import logging
import os
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress

from engine.config import Refused
from engine.device import is_lost
from lab.runs import files, store
from lab.runs.lock import Elsewhere, Gone
from lab.runs.look import Look
from lab.runs.run import Run
from lab.runs.scheduler import Share
from lab.runs.seat import Pointers, Seat

LOG = logging.getLogger(__name__)
LOOK_EVERY, SAY_EVERY = 1.0, 1.0  # seconds
PATIENCE = float(os.environ.get("GENLAB_PATIENCE") or 60)  # seconds that a run goes on unwatched
CUT_OFF = "Its command was cut off. Fork it to go on."
LET_GO = "The run was closed before it could answer; ask again."


class Seats(ABC):
    def __init__(self, tell: Callable[..., None]) -> None:
        self.tell = tell
        self.seats: dict[str, Seat] = {}
        self.looks: dict[str, Look] = {}  # runs that are watched here and trained elsewhere
        self.pointers: dict[str, Pointers] = {}  # what each run's page looks at
        self.looked = self.said = 0.0
        self.now = ""  # the run that is worked on

    @abstractmethod
    def on_watch(self, run_id: str, watchers: int) -> None:
        """Show a run to so many."""

    def _seat(self, run_id: str) -> Seat:
        """The run, opened. Raises `Refused`: `Elsewhere` if others train it."""
        if run_id not in self.seats:
            at = store.folder(run_id)
            try:
                run = Run(at)
            except Elsewhere:
                raise
            except Exception as error:
                if is_lost(error):
                    raise
                why = f"This run cannot be opened: {files.why(error)}"
                self.tell("state", run_id, {"state": "failed", "why": why})
                raise Refused(why) from error
            self.seats[run_id] = seat = Seat(run)
            if look := self.looks.pop(run_id, None):  # its watchers have seen others train it
                seat.watchers = seat.viewers = look.watchers
                seat.left = time.monotonic()
            if run.info.state == "training" and not run.info.owner:  # of a command line: nobody asks for more
                run.settle("paused", CUT_OFF)
        return self.seats[run_id]

    def _at(self, run_id: str) -> None:
        """Say which run is worked on from now; and, now and then, that it still is."""
        if run_id != self.now or time.monotonic() > self.said + SAY_EVERY:
            self.now, self.said = run_id, time.monotonic()
            self.tell("at", run_id)

    def _trouble(self, seat: Seat, error: Exception) -> None:
        """A run that cannot go on says why. When the cause is gone, Train takes it up where it was stored."""
        seat.run.fail(files.why(error))
        self._state(seat, again=True)
        if isinstance(error, Gone):
            self._drop(seat.run.info.id)
            return
        with suppress(OSError):
            told = "".join(traceback.format_exception(error))
            (seat.run.at / "error.log").write_text(told, "utf-8", "backslashreplace")

    def _drop(self, run_id: str) -> None:
        if seat := self.seats.pop(run_id, None):
            seat.run.close()
            self._answer_none(seat)

    def _answer_none(self, share: Share) -> None:
        """Refuse what it has been asked and has not answered yet, because somebody waits."""
        for _, _, token, *_ in share.waiting:
            self.tell("done", token, LET_GO, None)

    def _report(self) -> None:
        with suppress(OSError, ValueError):  # the log of the server, on a full disk
            LOG.exception("A run is in trouble.", extra={"run": self.now})

    def _state(self, seat: Seat, again: bool = False) -> None:
        """Tell of a run's state when it has changed."""
        run = seat.run
        state = (run.info.state, run.info.why, len(run.keyframes))
        if again or state != seat.told:
            seat.told = state
            told = {"round": run.round, "keyframes": run.keyframes}
            self.tell("state", run.info.id, run.info.model_dump(include={"state", "why"}) | told)

    def _tidy(self) -> None:
        """Pause what nobody has watched for long, and let go of what nobody watches or trains."""
        now = time.monotonic()
        for run_id, seat in list(self.seats.items()):
            if not seat.watchers and seat.run.info.state != "training":
                if not seat.waiting:
                    self._drop(run_id)
            elif not seat.watchers and now - seat.left > PATIENCE:
                try:
                    seat.run.settle("paused", "It paused because nobody was watching.")
                except Exception as error:
                    self._trouble(seat, error)
        if now > self.looked + LOOK_EVERY:
            self.looked = now
            self._look_around()

    def _look_around(self) -> None:
        """Follow what others do: to the runs that they train, and to those that rest here."""
        for run_id, look in list(self.looks.items()):
            with suppress(Refused):
                for kind, what in look.news() if look.holder() else ():
                    self.tell(kind, run_id, what)
            if not look.holder():
                self._watch(run_id, look.watchers)
        for run_id, seat in list(self.seats.items()):
            if seat.run.info.state != "training" and seat.watchers and seat.run.left_and_changed():
                self._drop(run_id)
                self._watch(run_id, seat.watchers)

    def _watch(self, run_id: str, watchers: int) -> None:
        """Watch a run of which something has become known. It may be gone."""
        try:
            self.on_watch(run_id, watchers)
        except Refused as error:
            self.looks.pop(run_id, None)
            self.tell("state", run_id, {"state": "failed", "why": str(error)})
        except Exception:
            self._report()
            with suppress(Refused):  # look again, unless it is open or gone
                if run_id not in self.seats:
                    self.looks.setdefault(run_id, Look(store.folder(run_id))).watchers = watchers
