"""What each visitor takes of the lab, and that it stays within the limits (lab/runs/limits.py).

Who wants one run more than may train makes room with those that nobody looks at, the oldest first. Who has
too much on the disk makes room with what has rested the longest. Only where that does not help they are
refused.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from engine.config import Refused
from lab.runs import budget, inventory, limits, store, wall
from lab.runs.limits import Bucket, Limits
from lab.runs.placing import Placing

FORGOTTEN, SWEEP_EVERY = 12 * 3600.0, 3600.0  # seconds that a run waits for Train; between two sweeps
MOST_KNOWN = 4096  # visitors of whom it is known what they did of late
NO_KEY = (
    "Your browser keeps no cookie of this lab, so the lab could not tell that a run is yours. Allow cookies "
    "for this address and reload the page."
)


class Shares(Placing):
    def __init__(self) -> None:
        super().__init__()
        self.limits: Limits = limits.AT_HOME
        self.buckets: dict[tuple[str, str], Bucket] = {}
        self.new_of_all = Bucket(limits.NEW_OF_ALL / 60, limits.NEW_OF_ALL)
        self.in_training: dict[str, tuple[str, int]] = {}  # owner and members of a run, in the order of play
        self.at_rest: dict[str, list[str]] = {}  # runs of a visitor that have not trained yet
        self.unwanted: set[str] = set()  # runs to remove when nobody looks at them, unless they have trained
        self.swept = -math.inf
        self.sockets = Counter[tuple[str, str]]()  # of ("of", visitor), ("at", run) and ("all", "")

    # --- what is done in a minute ---------------------------------------------------------------

    def _bucket(self, what: str, who: str) -> Bucket:
        rate = self.limits.new if what == "new" else self.limits.questions
        with self._lock:
            bucket = self.buckets.pop((what, who), None) or Bucket(rate / 60, rate)
            self.buckets[what, who] = bucket
            while len(self.buckets) > MOST_KNOWN:
                self.buckets.pop(next(iter(self.buckets)))
            return bucket

    def _question(self, who: str) -> None:
        """Raises `Refused` for one who asks too often."""
        if not self._bucket("questions", who).take():
            raise Refused("You have asked the models too much in the last minute; wait a few seconds.")

    def pause(self, who: str) -> float:
        """Seconds until this visitor may ask again."""
        return self._bucket("questions", who).wait()

    def _another(self, who: str) -> None:
        """Make room for one more run of this visitor. Raises `Refused`."""
        if not who:
            raise Refused(NO_KEY)
        if not self._bucket("new", who).take():
            most = f"{self.limits.new:g} in a minute are the most"
            raise Refused(f"You have started too many runs at once: {most}. Wait a little, then try again.")
        if not self.new_of_all.take():
            raise Refused("Too many runs are started here at this moment. Wait a little, then try again.")
        if excess := self._excess(who):
            threading.Thread(target=self._throw, args=(excess, who), daemon=True).start()

    # --- runs in training -----------------------------------------------------------------------

    def _admit(self, run_id: str, who: str) -> None:
        """Count a run that is about to train. Raises `Refused` if there is no room for it."""
        axes = store.read_info(store.folder(run_id)).wall
        paused: list[str] = []
        with self._lock:
            self.in_training.pop(run_id, None)
            members = wall.count(axes)
            unseen = [run for run in self._own(who) if not self.listeners.get(run)]
            while unseen and not self._fits(who, members):
                paused.append(unseen.pop(0))
                self.in_training.pop(paused[-1], None)
            if not self._fits(who, members):
                most = f"{self.limits.training} runs"
                most += f" and {self.limits.members} members of walls" if members else ""
                raise Refused(
                    f"You may have {most} in training at once. Pause one that you are looking at, or close "
                    "its tab; then train this one."
                )
            self.in_training[run_id] = who, members
        for other in paused:
            with suppress(Refused):  # it has been deleted by hand
                self.place(other).ask("do", other, {"do": "pause"})

    def _own(self, who: str) -> dict[str, int]:
        """The members of each run that this visitor trains."""
        return {run: n for run, (owner, n) in list(self.in_training.items()) if owner == who}

    def _fits(self, who: str, members: int) -> bool:
        own = self._own(who).values()
        return len(own) < self.limits.training and (not members or sum(own) + members <= self.limits.members)

    def _forget(self, run_id: str) -> None:
        super()._forget(run_id)
        self.in_training.pop(run_id, None)

    def _stated(self, run_id: str, state: dict[str, Any]) -> None:
        """A worker tells the state of a run."""
        if state.get("state", "training") != "training":
            self.in_training.pop(run_id, None)
        elif "state" in state and run_id not in self.in_training:  # it went on after its worker had died
            with suppress(Refused):
                info = store.read_info(store.folder(run_id))
                self.in_training[run_id] = info.owner, wall.count(info.wall)

    # --- runs that wait for Train ------------------------------------------------------------------

    def ready(self, owner: str, **info: Any) -> str:
        """Make a run that waits at round 0 for its owner to press Train; its id. Raises `Refused`."""
        if time.monotonic() > self.swept + SWEEP_EVERY:
            self.swept = time.monotonic()
            threading.Thread(target=store.sweep, args=(FORGOTTEN, self.listeners), daemon=True).start()
        if not owner:
            raise Refused(NO_KEY)
        budget.check(**info)
        run_id = store.create(info | {"owner": owner, "state": "ready"}).name
        self._waits(run_id, owner)
        return run_id

    def discard(self, run_id: str) -> None:
        """Remove a run that has never trained, as soon as nobody looks at it."""
        self.unwanted.add(run_id)
        self._clear(run_id)

    def _clear(self, run_id: str) -> None:
        if run_id not in self.unwanted or self.listeners.get(run_id):
            return
        self.unwanted.discard(run_id)

        def remove(_: Any = None) -> None:
            with suppress(Refused):
                if store.here(run_id):
                    store.remove_ready(store.folder(run_id))

        if worker := self.places.get(run_id):
            self._forget(run_id)
            worker.ask("close", run_id).add_done_callback(remove)
        else:
            remove()

    def _waits(self, run_id: str, who: str) -> None:
        """A run waits for Train. Of those that nobody looks at only the newest do."""
        with self._lock:
            mine = [one for one in self.at_rest.pop(who, []) if one not in self.in_training]
            unseen = [one for one in mine if not self.listeners.get(one)]
            old = unseen[: max(0, len(unseen) + 1 - self.limits.waiting)]
            self.at_rest[who] = [one for one in mine if one not in old] + [run_id]
            while len(self.at_rest) > MOST_KNOWN:
                self.at_rest.pop(next(iter(self.at_rest)))
        for one in old:
            self.discard(one)

    # --- what is stored -------------------------------------------------------------------------

    def _excess(self, who: str) -> Sequence[str]:
        """The runs that go to the trash when one more comes. Raises `Refused` if that makes no room."""
        runs, disk = self.limits.stored - 1, self.limits.disk
        if math.isinf(runs) and math.isinf(disk):
            return []
        sizes = inventory.sizes(who)
        rested = [run for run in sizes if run not in self.in_training and not self.listeners.get(run)]
        gone: list[str] = []
        held, size = len(sizes), sum(sizes.values())
        while rested and (held > runs or size > disk):
            gone.append(rested.pop(0))
            held, size = held - 1, size - sizes[gone[-1]]
        if held > runs or size > disk:
            raise Refused(
                f"You may keep {self.limits.stored:g} runs and {disk / limits.GB:g} GB here, and the runs "
                "that you look at or train need all of it. Close some of them and throw them away on the "
                "page Runs; then try again."
            )
        return gone

    def _throw(self, runs: Sequence[str], who: str) -> None:
        for run_id in runs:
            with suppress(Refused):  # somebody has opened it meanwhile
                self.delete(run_id, who)

    def delete(self, run_id: str, who: str) -> None:
        """Move a run to the trash."""
        raise NotImplementedError

    # --- sockets --------------------------------------------------------------------------------

    def enter(self, run_id: str, who: str) -> None:
        """Count a socket that opens. Raises `Refused` if there are too many; else it must `depart`."""
        with self._lock:
            if self.sockets["of", who] >= self.limits.sockets:
                raise Refused(
                    f"You have {self.limits.sockets} pictures of this lab open at once, which is the most. "
                    "Close some of its tabs, then reload this one."
                )
            if self.sockets["at", run_id] >= limits.SOCKETS_OF_A_RUN:
                raise Refused("Too many people look at this run at once. Fork it, or come back later.")
            if self.sockets["all", ""] >= limits.SOCKETS_OF_ALL:
                raise Refused("The lab is full at the moment. Reload the page in a while.")
            self.sockets.update(_counted(run_id, who))

    def depart(self, run_id: str, who: str) -> None:
        """A socket that was counted is closed."""
        with self._lock:
            self.sockets.subtract(_counted(run_id, who))
            self.sockets = +self.sockets

    def rest(self) -> float:
        """Seconds that a socket waits after a picture, so that all of them leave the server time."""
        seconds = self.sockets["all", ""] / limits.PICTURES_OF_ALL
        return seconds if seconds > 0.05 else 0.0


def _counted(run_id: str, who: str) -> list[tuple[str, str]]:
    return [("of", who), ("at", run_id), ("all", "")]
