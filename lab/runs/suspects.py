"""What the supervisor does about workers that die or hang.

A worker that died is started again. The run that it worked on is the suspect: it goes on in a worker of its
own, after pauses that grow with its deaths. It is given up when it dies again and again before it has stored
anything new, because then it is the run that kills. A worker that works on one of its runs for minutes
without a word is ended, because the others wait: that run goes on apart, too, as long as it likes. After ten
minutes without a death a run lives with others again.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from engine.config import Refused
from lab.runs import store
from lab.runs.pipe import DIED, Deaths, WorkerProcess

Listener = Callable[[str, Any], None]
"""Called with ("state", dict) or with a picture: ("frame" or "rare" or "whole", bytes)."""
LOG = logging.getLogger(__name__)
TRIES = 5  # deaths of a run that stored nothing new between them, after which it waits for its owner
MOST_APART, TRIES_TOGETHER = 4, 2  # workers for such runs; tries of one more among the others
TICK, HANG = 5.0, 120.0  # seconds between two looks at a worker, and for which it may be silent
GIVEN_UP = f"{DIED} Either the run kills it or the machine has too little memory. Train on to try again."


class Suspects(ABC):
    def __init__(self) -> None:
        self.listeners: dict[str, set[Listener]] = {}
        self.blind: set[Listener] = set()  # of these, who sees no pictures now
        self.light: list[WorkerProcess] = []
        self.heavy: list[WorkerProcess] = []
        self.apart: list[WorkerProcess] = []
        self.places: dict[str, WorkerProcess] = {}
        self.paces: dict[str, WorkerProcess] = {}  # where the runs of each pace are, together
        self.deaths: dict[str, Deaths] = {}  # of runs that were worked on when their worker died
        self.lost: set[WorkerProcess] = set()  # in a cluster: they died, and have not started again
        self.closed, self.watching = threading.Event(), False
        self._lock = threading.RLock()

    @abstractmethod
    def _start(self, **how: Any) -> WorkerProcess:
        """A new worker."""

    @abstractmethod
    def _bring_back(self, worker: WorkerProcess) -> None:
        """Let the runs of a worker apart live with others again."""

    @abstractmethod
    def _resume(self, run_id: str) -> None:
        """Open a run again that trained, and show it to whoever watches."""

    def _tell(self, run_id: str, kind: str, what: Any) -> None:
        for listener in list(self.listeners.get(run_id, ())):
            try:
                listener(kind, what)
            except Exception:  # one who cannot hear keeps nobody from hearing
                LOG.exception("Somebody who watches a run could not be told.", extra={"run": run_id})

    def _forget(self, run_id: str) -> None:
        if worker := self.places.pop(run_id, None):
            worker.runs.discard(run_id)

    def _put(self, run_id: str, worker: WorkerProcess) -> None:
        """From now on this worker has the run."""
        worker.runs.add(run_id)
        self.places[run_id] = worker

    def _died(self, worker: WorkerProcess, run_id: str) -> None:
        """The worker died while it worked on this run, if it is one."""
        with self._lock:
            if run_id not in worker.runs:
                return
            deaths = self.deaths.setdefault(run_id, Deaths())
            deaths.add(_stored(run_id))
            room = worker.apart or len(self.apart) < MOST_APART
            if deaths.vain >= (TRIES if room else TRIES_TOGETHER):
                why = GIVEN_UP
                self._give_up(run_id)
            elif not room:
                why = f"{DIED} It is starting again."
            else:
                why = f"{DIED} It is tried again in {deaths.pause():g} s, apart from the others."
                if worker.apart:
                    worker.pause = deaths.pause()
                else:
                    self._forget(run_id)
                    self._put_apart(run_id, worker, deaths.pause())
        LOG.warning("A worker died.", extra={"run": run_id})
        self._tell(run_id, "state", {"why": why})

    def _move_all(self, worker: WorkerProcess) -> None:
        """Give the runs of a light worker to those that have not died: its machine may be gone."""
        with self._lock:
            self.lost.add(worker)
            if worker not in self.light or self.lost.issuperset(self.light):
                return
            moved = list(worker.runs)
            for run_id in moved:
                self._forget(run_id)
            self.paces = {pace: one for pace, one in self.paces.items() if one is not worker}
        # in a thread of its own, because the others may be starting
        threading.Thread(target=lambda: [*map(self._resume, moved)], daemon=True).start()

    def _put_apart(self, run_id: str, like: WorkerProcess, pause: float = 0.0) -> WorkerProcess:
        """A worker of its own for a run, of the kind of this one."""
        how = {"threads": like.threads, "nice": like.nice, "gpu": like.gpu}
        worker = self._start(**how, apart=self.deaths[run_id], pause=pause)
        self._put(run_id, worker)
        self.apart.append(worker)
        return worker

    def _give_up(self, run_id: str) -> None:
        worker = self.places[run_id]
        self._forget(run_id)
        if worker.apart:
            self._end(worker)
        with suppress(Refused, OSError):
            store.stop(store.folder(run_id), GIVEN_UP)

    def _retire(self, worker: WorkerProcess) -> None:
        """A worker apart ends when its run rests and nobody watches."""
        with self._lock:
            runs = list(worker.runs)
            in_use = runs and (worker.trains or any(map(self.listeners.get, runs)))
            if worker in self.apart and not in_use:
                for run_id in runs:
                    self._forget(run_id)
                self._end(worker)

    def _end(self, worker: WorkerProcess) -> None:
        self.apart.remove(worker)
        # in a thread of its own, because this one may be the worker's
        threading.Thread(target=worker.close, daemon=True).start()

    def _keep_watch(self) -> None:
        while not self.closed.wait(TICK):
            for worker in [*self.light, *self.heavy]:
                self._watch_over(worker)
            for worker in list(self.apart):
                if worker.apart and not worker.apart.count():
                    self._bring_back(worker)

    def _watch_over(self, worker: WorkerProcess) -> None:
        """End a worker that hangs in one of its runs. What counts is how often we looked: a machine that was
        asleep has not looked."""
        worker.silent += 1
        if worker.now in worker.runs and len(worker.runs) > 1 and worker.silent * TICK > HANG:
            worker.kill()


def _stored(run_id: str) -> object:
    """What tells one checkpoint of a run from the next."""
    with suppress(Refused, OSError):
        about = store.checkpoint(store.folder(run_id)).stat()
        return about.st_ino, about.st_mtime_ns
    return None
