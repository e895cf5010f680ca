"""A run that is trained elsewhere, as its directory shows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.runs import files, lock, store


class Look:
    def __init__(self, at: Path) -> None:
        self.at, self.watchers = at, 0
        self.seen = set(store.keyframes(at))
        self.told: dict[str, Any] = {}

    def holder(self) -> str:
        """Who trains it; empty when it is free."""
        return lock.holder(self.at)

    def state(self) -> dict[str, Any]:
        """What its watchers are to know."""
        kept = store.keyframes(self.at)
        rows = files.rows(self.at / "metrics.jsonl", tail=65_536)
        round = max([row["round"] for row in rows] + kept, default=0)
        self.told = {"state": "training", "why": f"It is trained by {self.holder() or 'another process'}."}
        self.told |= {"round": round, "keyframes": kept}
        return self.told

    def news(self) -> Iterator[tuple[str, Any]]:
        """What is new since the last look: the state, and pictures."""
        before, now = self.told, self.state()
        for round in now["keyframes"]:
            if round not in self.seen:
                with suppress(OSError):  # undone meanwhile
                    yield "keyframe", store.keyframe(self.at, round).read_bytes()
        self.seen = set(now["keyframes"])
        if now != before:
            yield "state", now
