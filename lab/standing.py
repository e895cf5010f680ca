"""What the directory of a run says of it, read once for all who look at it."""

from __future__ import annotations

import threading
from typing import Any

from lab.runs import store


class _Last(threading.local):
    """Each worker's thread tells one message to all who look at a run, one after the other."""

    message: dict[str, Any] | None = None
    known: dict[str, Any]


_LAST = _Last()


def standing(run_id: str) -> dict[str, Any]:
    """Its state, why, the keyframes, the round, its owner, whether it may be tried "again", and whether it is
    a recording. Raises `Refused`."""
    at = store.folder(run_id)
    info, kept = store.look(at), store.keyframes(at)
    return {
        "state": info.state, "why": info.why, "keyframes": kept, "round": max(kept, default=0),
        "owner": info.owner, "again": info.state == "failed" and not info.diverged,
        "recording": store.is_recording(at),
    }  # fmt: skip


def standing_at(run_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """The same when a worker tells this message of the run. Raises `Refused`."""
    if _LAST.message is not message:
        _LAST.message = None
        _LAST.known = standing(run_id)
        _LAST.message = message
    return _LAST.known
