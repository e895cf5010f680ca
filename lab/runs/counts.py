"""What has happened since the server started, counted for whoever watches over it."""

from __future__ import annotations

import threading
from collections import Counter

_counted: Counter[str] = Counter()
_lock = threading.Lock()


def count(what: str, more: int = 1) -> None:
    with _lock:
        _counted[what] += more


def counted(what: str) -> int:
    return _counted[what]
