"""The supervisor, in the server process: places runs in worker processes, passes commands on, hands frames
to whoever watches, and restarts a worker that died (lab/runs/suspects.py).
"""

from __future__ import annotations

import atexit
import secrets
import threading
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
from lab.runs import budget, cluster, inventory, status, store
from lab.runs.cluster import Cluster
from lab.runs.counts import count
from lab.runs.pipe import WorkerProcess
from lab.runs.placing import LIGHT, WORKERS_A_GPU, answer_of
from lab.runs.pointing import private
from lab.runs.shares import Shares
from lab.runs.suspects import Listener

T = TypeVar("T")
NO_MODEL = "This recording has pictures but no weights. Press Train: then there is a model to ask."


class Supervisor(Shares):
    def __init__(self, cluster: Cluster | None = None) -> None:
        """With its workers on this machine, or in a cluster."""
        super().__init__()
        self.cluster = cluster
        # light runs share workers of one thread; the server and a browser here come first
        alike: list[int | None] = [None] * (cluster.light if cluster else LIGHT)
        if not cluster and pick().type == "cuda":
            alike = [gpu for _ in range(WORKERS_A_GPU) for gpu in range(torch.cuda.device_count())]
        self.to_come = [{"gpu": gpu, "nice": 5} for gpu in alike]
        while self.to_come and (cluster or not self.light):  # in a cluster all, before others take the room
            self._start_next()
        atexit.register(self.close)

    def _start(self, **how: Any) -> WorkerProcess:
        if not self.watching:
            self.watching = True
            threading.Thread(target=self._keep_watch, daemon=True).start()
        start = self.cluster.start if self.cluster else WorkerProcess
        return start(self._hear, **how)

    def _hear(self, worker: WorkerProcess, message: tuple) -> None:
        match message:
            case ("ready",):
                worker.up.set()
                self.lost.discard(worker)
                threading.Thread(target=self._reopen, args=(worker,), daemon=True).start()
            case ("done", token, error, result):
                worker.done(token, error, result)
            case ("at", run_id):
                worker.now = run_id
            case ("died", run_id):
                count("restarts")
                self._died(worker, run_id)
                if self.cluster:
                    self._move_all(worker)
            case ("load", _, loads):
                self._load(worker, loads)
            case (kind, run_id, what):
                self._tell(run_id, kind, what)
                if kind == "state":
                    self._stated(run_id, what)
                    worker.trains = what.get("state") == "training"
                    self._retire(worker)

    def _reopen(self, worker: WorkerProcess) -> None:
        """After a death: watched runs are shown again, and those that trained go on."""
        for run_id in list(worker.runs):
            self._resume(run_id)

    def _resume(self, run_id: str) -> None:
        if not store.here(run_id):  # deleted by hand
            self._forget(run_id)
            return
        worker = self.place(run_id)
        with suppress(Refused):  # whoever watches is told why when the worker opens it
            if store.read_info(store.folder(run_id)).state == "training":
                worker.ask("open", run_id)
        worker.ask("watch", run_id, *self._counts(run_id))

    # --- what pages and the live route use ---------------------------------------------------

    def create(self, owner: str, **info: Any) -> str:
        """Make a run and set it going; its id. Raises `Refused` for too many, and for what costs too
        much."""
        self._another(owner)
        budget.check(**info)
        at = store.create(info | {"owner": owner})
        try:
            self.do(at.name, owner, {"do": "play"})
        except Refused:
            store.change_info(at, state="ready")
            self.discard(at.name)
            raise
        return at.name

    def do(self, run_id: str, who: str, command: dict[str, Any], wait: bool = False) -> None:
        """Pass a command to a run that is yours. Raises `Refused` if it is not, or if too many train."""
        self._owned(run_id, who)
        if command["do"] == "play":
            self._admit(run_id, who)
        future = self.place(run_id).ask("do", run_id, command)
        if command["do"] == "play":
            future.add_done_callback(lambda done: done.exception() and self.in_training.pop(run_id, None))
        if wait:
            answer_of(future)

    def fork(self, run_id: str, who: str, round: int | None = None) -> str:
        """A copy of any run, from now or from a keyframe, owned by `who`; its id. Raises `Refused`."""
        at = store.folder(run_id)
        self._another(who)
        if run_id in self.places:
            with suppress(Refused):  # then it is a copy of what is stored
                answer_of(self.places[run_id].ask("do", run_id, {"do": "checkpoint"}))
        return store.fork(at, who, round).name

    def delete(self, run_id: str, who: str) -> None:
        """Move a run of yours to the trash. Raises `Refused` if it is not yours."""
        at = self._owned(run_id, who)
        if run_id in self.places:
            answer_of(self.places[run_id].ask("close", run_id))
            self._forget(run_id)
        try:
            store.delete(at)
        except Refused:
            self._watch(run_id)  # whoever watches goes on watching
            raise
        inventory.empty(who, self.limits.thrown)

    def _owned(self, run_id: str, who: str) -> Path:
        at = store.folder(run_id)
        owner = store.read_info(at).owner
        if store.is_recording(at) or not owner or owner != who:
            raise Refused("This run is not yours: you can watch it, or fork it and change the copy.")
        return at

    def listen(self, run_id: str, listener: Listener, who: str = "", sees: bool = True) -> Future[Any] | None:
        """Hear a run's states and, if one `sees` them, its pictures; its worker opens it if needed. Of a
        recording, `who` hears what is drawn for them alone."""
        if not sees:
            self.blind.add(listener)
        for key in (run_id, *([private(run_id, who)] if who else ())):
            self.listeners.setdefault(key, set()).add(listener)
        return self._watch(run_id)

    def leave(self, run_id: str, listener: Listener, asker: str = "", who: str = "") -> None:
        """Hear no more; this asker does not want the rest of an answer, either."""
        self.blind.discard(listener)
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
        return self.place(run_id).ask("watch", run_id, *self._counts(run_id))

    def look(self, run_id: str, listener: Listener, sees: bool) -> None:
        """Whether this listener can see pictures at the moment: one that no socket takes is not drawn."""
        before = self._counts(run_id)
        (self.blind.discard if sees else self.blind.add)(listener)
        if self._counts(run_id) != before and (worker := self.places.get(run_id)):
            worker.ask("look", run_id, self._counts(run_id)[1])

    def _counts(self, run_id: str) -> tuple[int, int]:
        """How many watch a run, and how many of them see pictures."""
        watchers = self.listeners.get(run_id, set())
        return len(watchers), len(watchers - self.blind)

    def measure(self, run_id: str, round: int | None = None, who: str = "") -> list[Check]:
        """The laws measured on this run's model, or on that of the nearest kept round."""
        self._question(who)
        if not store.has_model(store.folder(run_id)):
            raise Refused(NO_MODEL)
        checks: list[Check] = answer_of(self.place(run_id).ask("question", run_id, "measure", round))
        return checks

    def ask(
        self, run_id: str, name: str, arguments: dict[str, Any], asker: str = "", round: int | None = None,
        who: str = "",
    ) -> Future[dict[str, Any]]:  # fmt: skip
        """What the model of any run will answer to a question (lab/probes), and at which "round": it is the
        newest, or the one that is stored of the kept round `round`, or of the nearest before.

        An answer with a "part" is the first of several; the same asker, a word of its own, gets the others
        by `more`, until it asks something else.
        """
        self._question(who)
        if not store.has_model(store.folder(run_id)):
            raise Refused(NO_MODEL)
        return self.place(run_id).ask("question", run_id, "ask", name, arguments, asker, round)

    def trace(
        self, run_id: str, player: str | None, asker: str, round: int | None = None, who: str = ""
    ) -> bytes:
        """The picture and the trace of one turn of this asker's own copy of a recording's model, at first of
        that of the kept round `round`. Raises `Refused`."""
        self._question(who)
        at = store.folder(run_id)
        if not store.is_recording(at) or not store.has_model(at):
            raise Refused(NO_MODEL)
        frame: bytes = answer_of(self.place(run_id).ask("question", run_id, "trace", player, asker, round))
        return frame

    def more(self, run_id: str, asker: str) -> Future[dict[str, Any] | None]:
        """The next part of the answer, None after the last."""
        return self.place(run_id).ask("question", run_id, "more", asker)

    def probe(
        self, run_id: str, name: str, *, round: int | None = None, who: str = "", **arguments: Any
    ) -> dict[str, Any]:
        """The answer to a page's question, which waits for it; of several parts the last."""
        *_, answer = self.parts(run_id, name, round=round, who=who, **arguments)
        return answer

    def parts(
        self, run_id: str, name: str, *, round: int | None = None, who: str = "", **arguments: Any
    ) -> Generator[dict[str, Any]]:
        """The parts of an answer as they come, until the caller closes the generator. Raises `Refused`."""
        asker, part = secrets.token_hex(8), None
        try:
            part = answer_of(self.ask(run_id, name, arguments, asker, round, who))
            while part:
                yield part
                part = answer_of(self.more(run_id, asker)) if "part" in part else None
        finally:
            if part:  # there may be more of them
                self.place(run_id).ask("question", run_id, "enough", asker)

    def status(self) -> list[status.Status]:
        """Who runs what: all that trains or is watched."""
        return status.runs(self)

    def close(self) -> None:
        self.closed.set()
        for worker in [*self.light, *self.heavy, *self.apart]:
            worker.close()
        if self.cluster:
            self.cluster.close()


@cache
def supervisor() -> Supervisor:
    """The one supervisor of this process, started when first asked for."""
    return Supervisor(cluster.joined)
