"""A run in a worker, and what its watchers are owed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field

from lab.runs.run import Run
from lab.runs.scheduler import Share
from lab.scenes.arrays import Arrays

SLICES = 5  # of training, from which the cost of a round is known

Pointers = dict[str, dict[str, float]]
"""What a page looks at, by kind: {"label": {"x": 3, "y": 0}}."""


@dataclass(eq=False)
class Seat(Share):
    """A run that is open in a worker, with its share of the worker's time."""

    run: Run
    _: KW_ONLY
    left: float = field(default_factory=time.monotonic)  # when the last watcher went
    told: tuple = ()
    drawing: Iterator[Arrays] | None = None
    drawn: Arrays = field(default_factory=dict)  # as far as it has come
    drawing_took: float = 0.0  # seconds
    detail: float = 1.0  # of its last picture
    priced: bool = False  # whether the cost of a round is known, or is being found out
    held_until: float = 0.0  # a costly run waits so long for another worker
    slices: deque[float] = field(default_factory=lambda: deque(maxlen=SLICES))  # seconds of a round in each
    under_way: float = 0.0  # seconds that went into a round that was left between two turns

    def __post_init__(self) -> None:
        self.run.defers = True
        self.owner, self.wall = self.run.info.owner, bool(self.run.info.wall)

    def trained(self, seconds: float, rounds: int) -> None:
        """So many rounds took so many seconds of the processor."""
        self.changed = True
        self.under_way += seconds
        if rounds:
            self.slices.append(self.under_way / rounds)
            self.under_way = 0.0
        if len(self.slices) > 1:
            self.round_took = min(self.slices)  # because a first one also loads
