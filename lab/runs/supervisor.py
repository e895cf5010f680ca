"""The supervisor, in the server process: places runs in worker processes, passes commands on, hands frames
to whoever watches, and restarts a worker that died (lab/runs/suspects.py).
"""

from __future__ import annotations

import atexit
import math
import os
import secrets
import threading
import time
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch

from engine.checks import Check
from engine.config import Refused
from engine.device import pick
from engine.families import find
from lab.runs import store
from lab.runs.pipe import WorkerProcess
from lab.runs.pointing import Pointing, private
from lab.runs.suspects import Listener

T = TypeVar("T")
NO_MODEL = "This recording has pictures but no weights. Press Train: then there is a model to ask."
ANSWER_SECONDS = 30.0
BUSY = "The model is busy and has not answered; try again."
CORES = os.cpu_count() or 2
MOST_WORKERS = 8  # each holds some 400 MB for torch alone
MOST_HEAVY = max(1, CORES // 2)
LEFT = max(1, CORES - 1)  # for workers: one core is the server's
FORGOTTEN, SWEEP_EVERY = 12 * 3600.0, 3600.0  # seconds that a run waits for Train; between two sweeps


class Supervisor(Pointing):
    def __init__(self) -> None:
        super().__init__()
        self.paces: dict[str, WorkerProcess] = {}  # where the runs of each pace are, together
        # light runs share a worker a GPU, or workers of one thread; the server and a browser here come first
        gpus = range(torch.cuda.device_count()) if pick().type == "cuda" else ()
        self.light = [self._start(gpu=gpu, nice=5) for gpu in gpus or [None] * min(MOST_WORKERS, LEFT)]
        self.warmed: set[str] = set()
        self.unwanted: set[str] = set()  # runs to remove when nobody looks at them, unless they have trained
        self.swept = -math.inf
        atexit.register(self.close)

    def _start(self, **how: Any) -> WorkerProcess:
        if not self.watching:
            self.watching = True
            threading.Thread(target=self._keep_watch, daemon=True).start()
        return WorkerProcess(self._hear, **how)

    def _hear(self, worker: WorkerProcess, message: tuple) -> None:
        match message:
            case ("ready",):
                worker.up.set()
                threading.Thread(target=self._reopen, args=(worker,), daemon=True).start()
            case ("done", token, error, result):
                worker.done(token, error, result)
            case ("at", run_id):
                worker.now = run_id
            case ("died", run_id):
                self._died(worker, run_id)
            case (kind, run_id, what):
                self._tell(run_id, kind, what)
                if kind == "state":
                    worker.trains = what.get("state") == "training"
                    self._retire(worker)

    def _reopen(self, worker: WorkerProcess) -> None:
        """After a death: watched runs are shown again, and those that trained go on."""
        for run_id in list(worker.runs):
            if not store.here(run_id):  # deleted by hand
                self._forget(run_id)
                continue
            with suppress(Refused):  # whoever watches is told why when the worker opens it
                if store.read_info(store.folder(run_id)).state == "training":
                    worker.ask("open", run_id)
            worker.ask("watch", run_id, len(self.listeners.get(run_id, ())))

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
                    worker = min(self.light, key=lambda w: len(w.runs))
                if info.pace:
                    self.paces[info.pace] = worker
                worker.runs.add(run_id)
                self.places[run_id] = worker
            return self.places[run_id]

    def _heavy(self) -> WorkerProcess:
        """The worker for another heavy run: an idle one, or a new one; when there are many, they share."""
        busy = all(worker.runs for worker in self.heavy)
        if busy and len(self.heavy) < MOST_HEAVY:
            self.heavy.append(self._start(threads=LEFT, nice=15))
        return min(self.heavy, key=lambda worker: len(worker.runs))

    def warm(self, family: str) -> None:
        """A visitor may soon start a heavy run of this family: let its worker get ready. Returns at once."""
        with self._lock:
            if family not in self.warmed:
                self.warmed.add(family)
                threading.Thread(target=self._heavy().ask, args=("warm", family), daemon=True).start()

    # --- what pages and the live route use ---------------------------------------------------

    def create(self, owner: str, **info: Any) -> str:
        """Make a run and set it going; its id."""
        at = store.create(info | {"owner": owner})
        self.do(at.name, owner, {"do": "play"})
        return at.name

    def ready(self, owner: str, **info: Any) -> str:
        """Make a run that waits at round 0 for its owner to press Train; its id."""
        if time.monotonic() > self.swept + SWEEP_EVERY:
            self.swept = time.monotonic()
            threading.Thread(target=store.sweep, args=(FORGOTTEN, self.listeners), daemon=True).start()
        return store.create(info | {"owner": owner, "state": "ready"}).name

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

    def do(self, run_id: str, who: str, command: dict[str, Any], wait: bool = False) -> None:
        """Pass a command to a run that is yours. Raises `Refused` if it is not."""
        self._owned(run_id, who)
        future = self.place(run_id).ask("do", run_id, command)
        if wait:
            _result(future)

    def fork(self, run_id: str, who: str, round: int | None = None) -> str:
        """A copy of any run, from now or from a keyframe, owned by `who`; its id."""
        at = store.folder(run_id)
        if run_id in self.places:
            with suppress(Refused):  # then it is a copy of what is stored
                _result(self.places[run_id].ask("do", run_id, {"do": "checkpoint"}))
        return store.fork(at, who, round).name

    def delete(self, run_id: str, who: str) -> None:
        """Move a run of yours to the trash. Raises `Refused` if it is not yours."""
        at = self._owned(run_id, who)
        if run_id in self.places:
            _result(self.places[run_id].ask("close", run_id))
            self._forget(run_id)
        try:
            store.delete(at)
        except Refused:
            self._watch(run_id)  # whoever watches goes on watching
            raise

    def _owned(self, run_id: str, who: str) -> Path:
        at = store.folder(run_id)
        owner = store.read_info(at).owner
        if store.is_recording(at) or not owner or owner != who:
            raise Refused("This run is not yours: you can watch it, or fork it and change the copy.")
        return at

    def listen(self, run_id: str, listener: Listener, who: str = "") -> Future[Any] | None:
        """Hear a run's frames and states; its worker opens it if needed. Of a recording, `who` hears what is
        drawn for them alone."""
        for key in (run_id, *([private(run_id, who)] if who else ())):
            self.listeners.setdefault(key, set()).add(listener)
        return self._watch(run_id)

    def leave(self, run_id: str, listener: Listener, asker: str = "", who: str = "") -> None:
        """Hear no more; this asker does not want the rest of an answer, either."""
        for key in (run_id, private(run_id, who)):
            self.listeners.get(key, set()).discard(listener)
            if not self.listeners.get(key):
                self.listeners.pop(key, None)
        self._watch(run_id)
        if worker := self.places.get(run_id):
            if asker:
                worker.ask("question", run_id, "enough", asker)
            self._retire(worker)
        self._clear(run_id)

    def _watch(self, run_id: str) -> Future[Any] | None:
        if not store.here(run_id):  # a recording, or deleted meanwhile
            return None
        return self.place(run_id).ask("watch", run_id, len(self.listeners.get(run_id, ())))

    def measure(self, run_id: str, round: int | None = None) -> list[Check]:
        """The laws measured on this run's model, or on that of the nearest kept round."""
        if not store.has_model(store.folder(run_id)):
            raise Refused(NO_MODEL)
        checks: list[Check] = _result(self.place(run_id).ask("question", run_id, "measure", round))
        return checks

    def ask(
        self, run_id: str, name: str, arguments: dict[str, Any], asker: str = "", round: int | None = None
    ) -> Future[dict[str, Any]]:
        """What the model of any run will answer to a question (lab/probes), and at which "round": it is the
        newest, or the one that is stored of the kept round `round`, or of the nearest before.

        An answer with a "part" is the first of several; the same asker, a word of its own, gets the others
        by `more`, until it asks something else.
        """
        if not store.has_model(store.folder(run_id)):
            raise Refused(NO_MODEL)
        return self.place(run_id).ask("question", run_id, "ask", name, arguments, asker, round)

    def trace(self, run_id: str, player: str | None, asker: str, round: int | None = None) -> bytes:
        """The picture and the trace of one turn of this asker's own copy of a recording's model, at first of
        that of the kept round `round`. Raises `Refused`."""
        at = store.folder(run_id)
        if not store.is_recording(at) or not store.has_model(at):
            raise Refused(NO_MODEL)
        frame: bytes = _result(self.place(run_id).ask("question", run_id, "trace", player, asker, round))
        return frame

    def more(self, run_id: str, asker: str) -> Future[dict[str, Any] | None]:
        """The next part of the answer, None after the last."""
        return self.place(run_id).ask("question", run_id, "more", asker)

    def probe(self, run_id: str, name: str, *, round: int | None = None, **arguments: Any) -> dict[str, Any]:
        """The answer to a page's question, which waits for it; of several parts the last."""
        *_, answer = self.parts(run_id, name, round=round, **arguments)
        return answer

    def parts(
        self, run_id: str, name: str, *, round: int | None = None, **arguments: Any
    ) -> Generator[dict[str, Any]]:
        """The parts of an answer as they come, until the caller closes the generator. Raises `Refused`."""
        asker, part = secrets.token_hex(8), None
        try:
            part = _result(self.ask(run_id, name, arguments, asker, round))
            while part:
                yield part
                part = _result(self.more(run_id, asker)) if "part" in part else None
        finally:
            if part:  # there may be more of them
                self.place(run_id).ask("question", run_id, "enough", asker)

    def close(self) -> None:
        self.closed.set()
        for worker in [*self.light, *self.heavy, *self.apart]:
            worker.close()


def _result(future: Future[T]) -> T:
    """What a worker answers. Raises `Refused` when it refuses, or is busy for too long."""
    try:
        return future.result(ANSWER_SECONDS)
    except TimeoutError as error:
        raise Refused(BUSY) from error


@cache
def supervisor() -> Supervisor:
    """The one supervisor of this process, started when first asked for."""
    return Supervisor()
