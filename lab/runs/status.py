"""Who runs what, for the teacher and for monitors."""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from engine.config import Refused
from lab.runs import files, inventory, store
from lab.runs.machine import Used, used
from lab.runs.suspects import HANG, TICK, Suspects

OFTEN = 2.0  # seconds over which rounds are counted, at least
TAIL = 16_384  # bytes: the last row, also of a wall


@dataclass
class Status:
    """A run that trains in this server, or is watched."""

    owner: str
    run_id: str
    family: str
    data: str
    wall: bool
    state: store.State
    why: str
    round: int
    rate: float | None  # rounds a second; None while it rests, and at first
    watchers: int
    pid: int  # of its worker; 0 while that starts
    memory: int | None  # bytes, of its worker
    share: float | None = None  # of a processor, if the worker measures it


@dataclass
class WorkerStatus:
    """A worker process."""

    pid: int
    kind: str  # "light", "heavy" or "apart"
    runs: int
    up: bool
    silent: int  # looks since it said something
    used: Used | None


class Rates:
    """Rounds a second, from the rows that runs write: also of those that nobody watches."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[float, int, float | None]] = {}  # when, which round, how fast till then

    def look(self, run_id: str, state: str, round: int, now: float) -> float | None:
        if state != "training":
            self.seen.pop(run_id, None)
            return None
        then, before, rate = self.seen.get(run_id, (now, round, None))
        if now - then >= OFTEN:
            rate = max(0, round - before) / (now - then)
            then, before = now, round
        self.seen[run_id] = then, before, rate
        return rate

    def forget(self, others: Collection[str]) -> None:
        """Forget all runs but these."""
        for run_id in [run_id for run_id in self.seen if run_id not in others]:
            del self.seen[run_id]


def runs(lab: Suspects, rates: Rates) -> list[Status]:
    """A row a run that trains or is watched; recordings are nobody's."""
    now, rows = time.monotonic(), []
    watchers = {run_id: len(heard) for run_id, heard in list(lab.listeners.items())}
    for run_id, worker in list(lab.places.items()):
        at = store.home() / run_id
        with suppress(Refused):  # deleted, or damaged: the list of runs says so
            info = inventory.read(at)
            if info.state != "training" and not watchers.get(run_id):
                continue
            last = files.rows(at / "metrics.jsonl", TAIL)[-1:]
            round = max([row["round"] for row in last] + store.keyframes(at)[-1:], default=0)
            pid = worker.process.pid if worker.process else 0
            use = used(pid) if pid else None
            rows.append(Status(
                owner=info.owner, run_id=run_id, family=info.family, data=info.data, wall=bool(info.wall),
                state=info.state, why=info.why, round=round, rate=rates.look(run_id, info.state, round, now),
                watchers=watchers.get(run_id, 0), pid=pid, memory=use.memory if use else None,
            ))  # fmt: skip
    rates.forget({row.run_id for row in rows})
    return rows


def workers(lab: Suspects) -> list[WorkerStatus]:
    """A row a worker process."""
    rows = []
    for kind, some in (("light", lab.light), ("heavy", lab.heavy), ("apart", lab.apart)):
        for worker in list(some):
            pid = worker.process.pid if worker.process else 0
            up = worker.up.is_set()
            rows.append(
                WorkerStatus(pid, kind, len(worker.runs), up, worker.silent, used(pid) if pid else None)
            )
    return rows


def trouble(lab: Suspects) -> str:
    """Why this server cannot train what a visitor starts now; "" if it can. What a run kills or holds up in a
    worker of its own is no trouble of others."""
    if lab.closed.is_set():
        return "The server is closing."
    for worker in workers(lab):
        if worker.kind == "light" and not worker.up:
            return "A worker is starting."
        if worker.kind == "light" and worker.silent * TICK > HANG:
            return "A worker does not answer."
    return ""
