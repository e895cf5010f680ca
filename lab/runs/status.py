"""Who runs what, for the teacher and for monitors."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from engine.config import Refused
from lab.runs import inventory, store
from lab.runs.machine import Used, used
from lab.runs.placing import Placing
from lab.runs.suspects import HANG, TICK, Suspects


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
    share: float | None = None  # of a processor; None until its worker has told


@dataclass
class WorkerStatus:
    """A worker process."""

    pid: int
    kind: str  # "light", "heavy" or "apart"
    runs: int
    up: bool
    silent: int  # looks since it said something
    used: Used | None


def runs(lab: Placing) -> list[Status]:
    """A row a run that trains or is watched; recordings are nobody's."""
    rows = []
    watchers = {run_id: len(heard) for run_id, heard in list(lab.listeners.items())}
    for run_id, worker in list(lab.places.items()):
        with suppress(Refused):  # deleted, or damaged: the list of runs says so
            info = inventory.read(store.home() / run_id)
            if info.state != "training" and not watchers.get(run_id):
                continue
            load = lab.loads.get(run_id, {})
            pid = worker.process.pid if worker.process else 0
            use = used(pid) if pid else None
            rows.append(Status(
                owner=info.owner, run_id=run_id, family=info.family, data=info.data, wall=bool(info.wall),
                state=info.state, why=info.why, round=load.get("round", 0),
                rate=load.get("speed") if info.state == "training" else None, share=load.get("share"),
                watchers=watchers.get(run_id, 0), pid=pid, memory=use.memory if use else None,
            ))  # fmt: skip
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
    light = [worker for worker in workers(lab) if worker.kind == "light"]
    if not any(worker.up for worker in light):
        return "The workers are starting."
    if any(worker.silent * TICK > HANG for worker in light):
        return "A worker does not answer."
    return ""
