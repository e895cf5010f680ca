"""Where runs are trained: which worker has which run, and how one whose rounds take long moves on."""

from __future__ import annotations

import math
import os
import threading
from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from engine.config import Refused
from engine.families import find
from lab.runs import store
from lab.runs.budget import HEAVY
from lab.runs.cluster import Cluster
from lab.runs.pipe import WorkerProcess
from lab.runs.pointing import Pointing
from lab.runs.scheduler import UNWATCHED

T = TypeVar("T")
ANSWER_SECONDS = 30.0
BUSY = "The model is busy and has not answered; try again."
CORES = os.cpu_count() or 2
MOST_WORKERS = 8  # each holds some 400 MB for torch alone
MOST_HEAVY = max(1, CORES // 2)
LEFT = max(1, CORES - 1)  # threads of a heavy run: one core is the server's
WORKERS_A_GPU = min(4, LEFT)  # each waits more for Python than for the GPU: a class drew 1.8 times as much
LIGHT = min(MOST_WORKERS, max(LEFT, min(2, CORES)))  # workers: of two cores the server needs little


class Placing(Pointing):
    cluster: Cluster | None = None  # whose workers these are, if they are not of this machine

    def __init__(self) -> None:
        super().__init__()
        self.to_come: list[dict[str, Any]] = []  # light workers that have not been needed yet
        self.warmed: set[str] = set()
        self.loads: dict[str, dict[str, Any]] = {}  # what each open run costs, as its worker told last

    @abstractmethod
    def _watch(self, run_id: str) -> Future[Any] | None:
        """Tell the worker of a run who watches it."""

    def place(self, run_id: str) -> WorkerProcess:
        """The worker of this run: that of its pace, a shared one for light runs, or a heavy one's own."""
        with self._lock:
            if run_id not in self.places:
                info = store.read_info(store.folder(run_id))
                if run_id in self.deaths and self.deaths[run_id].count():
                    like = self._heavy() if find(info.family).heavy else self.light[0]
                    return self._put_apart(run_id, like)
                if info.pace in self.paces:
                    worker = self.paces[info.pace]
                elif find(info.family).heavy:
                    worker = self._heavy()
                else:
                    worker = min(self.light, key=self._busy)
                    if worker.runs and self.to_come:
                        worker = self._start_next()
                if info.pace:
                    self.paces[info.pace] = worker
                self._put(run_id, worker)
            return self.places[run_id]

    def _start_next(self) -> WorkerProcess:
        """One more light worker."""
        self.light.append(self._start(**self.to_come.pop(0)))
        return self.light[-1]

    def _busy(self, worker: WorkerProcess) -> tuple[bool, int, int]:
        """How much a worker has to do: the runs that are watched there, then all. Who is lost comes last."""
        watched = sum(bool(self.listeners.get(run_id)) for run_id in worker.runs)
        return worker in self.lost, watched, len(worker.runs)

    def _heavy(self) -> WorkerProcess:
        """The worker for another heavy run: an idle one, or a new one; when there are many, they share."""
        busy = all(worker.runs for worker in self.heavy)
        if busy and len(self.heavy) < (self.cluster.heavy if self.cluster else MOST_HEAVY):
            self.heavy.append(self._start(threads=LEFT, nice=10))
        return min(self.heavy, key=lambda worker: len(worker.runs))

    def warm(self, family: str) -> None:
        """A visitor may soon start a heavy run of this family: let its worker get ready. Returns at once."""
        with self._lock:
            if family not in self.warmed:
                self.warmed.add(family)
                threading.Thread(target=self._heavy().ask, args=("warm", family), daemon=True).start()

    def _load(self, worker: WorkerProcess, loads: dict[str, dict[str, Any]]) -> None:
        """What runs cost. One whose rounds take long goes to a worker where it holds up nobody."""
        for run_id in worker.runs:
            self.loads.pop(run_id, None)
        self.loads |= loads
        for run_id, load in loads.items():
            if worker in self.light and load["a_round"] > HEAVY and load["state"] == "training":
                if store.read_info(store.folder(run_id)).pace:  # it waits for the others where they are
                    continue
                threading.Thread(target=self._move, args=(run_id, worker, self._heavy), daemon=True).start()
        if worker in self.heavy and not self.cluster:
            worker.ask("allow", "", self._cores(worker))

    def _cores(self, worker: WorkerProcess) -> float:
        """The cores that a heavy worker may use: its runs' part of all, and what the light ones leave. The
        system does not see to that: how it weighs niceness differs, and so do its ideas of balance."""
        wants = {
            run_id: 1.0 if self.listeners.get(run_id) else UNWATCHED
            for run_id, load in list(self.loads.items())
            if load["state"] == "training"
        }
        all_of = lambda workers: sum(wants.get(run_id, 0.0) for each in workers for run_id in each.runs)  # noqa: E731
        light, heavy = all_of(self.light), all_of(self.heavy)
        if not (light and heavy):
            return CORES
        left = CORES - min(len(self.light), light)
        return max(CORES / (light + heavy), left / heavy) * all_of([worker])

    def _bring_back(self, worker: WorkerProcess) -> None:
        """Let the runs of a worker apart live with others again: they have not killed it for long. A costly
        one stays, which may have been ended because it held up others."""
        for run_id in list(worker.runs):
            if self.loads.get(run_id, {}).get("a_round", math.inf) <= HEAVY:
                threading.Thread(target=self._move, args=(run_id, worker), daemon=True).start()

    def _move(self, run_id: str, old: WorkerProcess, to: Callable[[], WorkerProcess] | None = None) -> None:
        """Let another worker go on with this run: a chosen one, or that of a run that has just come."""
        if self.places.get(run_id) is not old:
            return
        with suppress(Refused):  # its worker is busy or has died: then it stays
            answer_of(old.ask("close", run_id))
            with self._lock:
                if self.places.get(run_id) is not old:  # deleted, moved or put apart meanwhile
                    return
                self._forget(run_id)
                if to:
                    self._put(run_id, to())
                else:
                    self.place(run_id)
            answer_of(old.ask("close", run_id))  # an order may have come meanwhile, and was carried out there
        if now := self.places.get(run_id):
            now.ask("open", run_id)
            self._watch(run_id)
        self._retire(old)


def answer_of(future: Future[T]) -> T:
    """What a worker answers. Raises `Refused` when it refuses, or is busy for too long."""
    try:
        return future.result(ANSWER_SECONDS)
    except TimeoutError as error:
        raise Refused(BUSY) from error
