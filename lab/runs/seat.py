"""A run in a worker, what its watchers are owed, and how often it is drawn for them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from lab.runs.run import Run
from lab.scenes.arrays import Arrays

FRAMES_PER_SECOND = 25
WALL_FRAMES_PER_SECOND = 10  # of many panels
FEW_FRAMES_PER_SECOND = 5  # while questions come
RARE_FRAME_EVERY = 1.5  # seconds, of what takes long to draw, while it trains
RARE_SHARE = 0.1  # of the time, that it may take

Pointers = dict[str, dict[str, float]]
"""What a page looks at, by kind: {"label": {"x": 3, "y": 0}}."""


@dataclass
class Seat:
    """A run in a worker, and what its watchers are owed."""

    run: Run
    watchers: int = 0
    due: float = 0.0  # when the next frame is, at the earliest
    earned: float = 0.0  # and the worker's processor time by which there has been training enough for it
    frames: int = 0
    cost: float = 0.0  # seconds a frame takes, without what is drawn rarely
    rare_due: float = 0.0  # when that is to be drawn again
    left: float = field(default_factory=time.monotonic)  # when the last watcher went
    told: tuple = ()
    drawing: Iterator[Arrays] | None = None  # what takes long to draw, under way
    drawn: Arrays = field(default_factory=dict)  # as far as it has come
    spent: float = 0.0  # seconds, on that

    def wait(self) -> float:
        """Seconds until the next frame, at least."""
        return max(self.due - time.monotonic(), self.earned - time.thread_time())

    def drew(self, spent: float, runs: int, rare: bool, few: bool) -> None:
        """A frame took `spent` seconds of processor time, since waiting for a core is no cost."""
        self.frames += 1
        if not rare:  # nor is what is made once, like the noise floor of new data: that takes a second
            self.cost = max(min(spent, 2 * self.cost + 0.005), 0.9 * self.cost)
        usual = WALL_FRAMES_PER_SECOND if self.run.info.wall else FRAMES_PER_SECOND
        self.due = max(self.due + 1 / (FEW_FRAMES_PER_SECOND if few else usual), time.monotonic())
        # pictures never take more than a fifth of the worker's time, however many runs are watched
        self.earned = time.thread_time() + 4 * self.cost * runs

    def drew_rare(self, spent: float, runs: int) -> None:
        """What takes long to draw took `spent` seconds: it is due again when its share of time allows."""
        self.rare_due = time.monotonic() + max(RARE_FRAME_EVERY, spent * runs / RARE_SHARE)
