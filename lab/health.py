"""For monitors: `/health` says whether the lab can train, `/metrics` counts what goes on, for Prometheus.

`/health` is for everybody and tells of nobody. `/metrics` is for this machine, and for the teacher of a
class: by cookie, or as `Authorization: Bearer WORD` with the word of the teacher's link.
"""

from __future__ import annotations

import ipaddress
import os
from collections import Counter
from collections.abc import Iterator, Mapping

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from lab import classroom
from lab.door import LOOPBACK, named
from lab.runs import inventory, status
from lab.runs.counts import counted
from lab.runs.machine import used
from lab.runs.supervisor import supervisor

FORWARDED = {"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"}
FRESH = {"cache-control": "no-store"}
COUNTED = {
    "frames": "Pictures sent to browsers",
    "bytes": "Bytes of pictures sent to browsers",
    "questions": "Questions put to models",
    "refusals": "What was refused, with a sentence",
    "restarts": "Workers that died and were started again",
}
"""What grows only, and what it means."""


def health(request: Request) -> Response:
    wrong = status.trouble(supervisor())
    return PlainTextResponse(f"{wrong or 'ok'}\n", 503 if wrong else 200, headers=FRESH)


def metrics(request: Request) -> Response:
    """In a thread of its own, because it reads files."""
    if not (_local(request) or _teacher(request)):
        return PlainTextResponse("Only this machine and the teacher may read this.\n", 403, headers=FRESH)
    text = "".join(f"{line}\n" for line in _lines())
    return Response(text, headers=FRESH, media_type="text/plain; version=0.0.4")


def _local(request: Request) -> bool:
    """Whether a program of this machine asks, and no proxy of this machine for somebody else."""
    host, client = named(request.headers.get("host")), request.client
    try:
        near = bool(client) and ipaddress.ip_address(client.host).is_loopback  # type: ignore[union-attr]
    except ValueError:
        near = False
    return near and bool(host) and host.name in LOOPBACK and not FORWARDED & {*request.headers}  # type: ignore[union-attr]


def _teacher(request: Request) -> bool:
    room = classroom.here()
    kind, _, word = request.headers.get("authorization", "").partition(" ")
    by_word = room is not None and kind.lower() == "bearer" and room.role(word) == classroom.TEACHER
    return by_word or classroom.teaches(request.cookies)


def _lines() -> Iterator[str]:
    lab = supervisor()
    states = Counter(info.state for info in inventory.listing()[0])
    runs = {f'{{state="{state}"}}': number for state, number in states.items()}
    yield from _gauge("runs", "Runs in the home, by their state", runs)
    watched = sum(1 for row in lab.status() if row.watchers)
    yield from _gauge("watched_runs", "Runs that somebody watches", {"": watched})
    yield from _gauge("sockets", "Open live sockets", {"": supervisor().sockets["all", ""]})
    working = status.workers(lab)
    yield from _gauge("workers_up", "Workers that answer", {"": sum(one.up for one in working)})
    for name, says in COUNTED.items():
        yield from _metric(f"{name}_total", "counter", says, {"": counted(name)})
    uses = {"server": [used(os.getpid())], "workers": [one.used for one in working]}
    memory = {f'{{of="{who}"}}': sum(u.memory for u in some if u) for who, some in uses.items()}
    seconds = {f'{{of="{who}"}}': round(sum(u.seconds for u in some if u), 2) for who, some in uses.items()}
    yield from _gauge("memory_bytes", "Resident memory", memory)
    yield from _metric("cpu_seconds_total", "counter", "Processor time of the processes that live", seconds)


def _gauge(name: str, says: str, values: Mapping[str, float]) -> Iterator[str]:
    return _metric(name, "gauge", says, values)


def _metric(name: str, kind: str, says: str, values: Mapping[str, float]) -> Iterator[str]:
    yield f"# HELP genlab_{name} {says}."
    yield f"# TYPE genlab_{name} {kind}"
    for labels, value in values.items():
        yield f"genlab_{name}{labels} {value}"


HEALTH = Route("/health", health)
METRICS = Route("/metrics", metrics)
