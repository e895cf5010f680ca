"""All data stay on one device, and a batch is a function of (seed, round)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.data.targets import Box, Target
from engine.family import Batch
from engine.space import Space


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """Examples for training, and others for testing."""

    name: str
    title: str
    x: Tensor  # (N, *shape): float32 points, or uint8 images
    y: Tensor | None = None  # what is given beside x: labels (N,) int64, or examples of another space
    test_x: Tensor
    test_y: Tensor | None = None
    space: Space
    target: Target | None = None  # the exact density, if it is known
    box: Box | None = None  # x0, x1, y0, y1 in which to draw points; on the line y is a density
    center: Tensor = field(default_factory=lambda: torch.zeros(()))
    unit: Tensor = field(default_factory=lambda: torch.ones(()))  # x = (original - center) / unit, float64
    note: str = ""  # one sentence: what was done to the data
    labels: tuple[str, ...] = ()  # the names of the classes, where they have some
    factors: Tensor | None = None  # (N, F): the numbers that x was drawn from, if they are known
    test_factors: Tensor | None = None
    factor_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.x)

    def to(self, device: torch.device | str) -> Dataset:
        """The same data on another device. Units stay on the CPU, because not every device has float64."""
        stay = "center", "unit"
        tensors = {k: t for k, t in vars(self).items() if isinstance(t, Tensor) and k not in stay}
        moved: dict[str, Any] = {k: t.to(device) for k, t in tensors.items()}
        return replace(self, **moved)

    def take(self, index: Tensor | slice) -> Tensor:
        """Training examples as a model sees them, through `floats`: shape (n, *space.shape)."""
        return floats(self.x[index])

    def some(self, n: int, test: bool = False) -> tuple[Tensor, Tensor | None]:
        """n examples and their labels, always the same, or all if there are fewer. They are spaced evenly,
        because the examples may be in the order of their labels."""
        x, y = (self.test_x, self.test_y) if test else (self.x, self.y)
        n = min(n, len(x))
        index = torch.arange(n, device=x.device) * len(x) // n
        return floats(x[index]), _given(y, index)

    def batch(self, size: int, seed: int, round: int, draw: int = 0) -> Batch:
        """`size` examples drawn with replacement: a pure function of (seed, round, draw), each from 0. Philox
        counts, so round 10^6 costs as much as round 0, and the streams of two (round, draw) never overlap."""
        among: tuple[int, ...] = (len(self.x),)
        if not self.space.paired and self.y is not None:  # y has a stream of its own
            among += (len(self.y),)
        drawn = _drawn(among, size, seed, round, draw)
        of_x, of_y = drawn[0].to(self.x.device), drawn[-1].to(self.x.device)
        return Batch(
            round, self.take(of_x), _given(self.y, of_y), lambda: self.batch(size, seed, round, draw + 1)
        )


AHEAD = 16  # rounds that are drawn at once: one after the other they cost five times as much


@lru_cache(maxsize=2048)  # of a wall each member has its own, and of each player's turns
def _ahead(*_: Any) -> dict[int, list[list[Tensor]]]:
    """What has been drawn ahead in one stream, by the chunk of rounds: only the newest."""
    return {}


def _drawn(among: tuple[int, ...], size: int, seed: int, round: int, draw: int) -> list[Tensor]:
    """The indices of the round's examples, among so many."""
    chunk, place = divmod(round, AHEAD)
    ahead = _ahead(among, size, seed, draw)
    rounds = ahead.get(chunk)
    if rounds is None:
        counters = [[0, draw, chunk * AHEAD + i, 0] for i in range(AHEAD)]
        rngs = [np.random.Generator(np.random.Philox(key=seed, counter=counter)) for counter in counters]
        rounds = [[torch.from_numpy(rng.integers(n, size=size)) for n in among] for rng in rngs]
        ahead.clear()
        ahead[chunk] = rounds
    return rounds[place]


def _given(y: Tensor | None, index: Tensor) -> Tensor | None:
    """What comes beside examples: labels, or examples of another space as a model sees them, or nothing."""
    if y is None:
        return None
    return y[index] if y.ndim == 1 else floats(y[index])


def floats(x: Tensor) -> Tensor:
    """Points as they are, and uint8 pixels mapped to [-1, 1], in torch's default dtype."""
    dtype = torch.get_default_dtype()
    return x.to(dtype) / 127.5 - 1 if x.dtype == torch.uint8 else x.to(dtype)


def batches(data: Dataset, size: Callable[[], int], seed: int, start: int = 0) -> Iterator[Batch]:
    """Batches of rounds start, start + 1, ... without end; `size` is called in each round."""
    round = start
    while True:
        yield data.batch(size(), seed, round)
        round += 1
