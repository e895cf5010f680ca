"""What samples of a model are held against: many real points, and the noise floor of doing so.

A perfect generator does not score 0, because its samples are finite: it scores what real points
score. Each metric therefore has its floor, measured on real points that the ruler has not seen.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.data import Dataset, floats
from engine.metrics import distance
from engine.metrics.coverage import coverage

SEED = 20_140_610  # of the ruler's own real points
REPEATS = {1: 1024, 2: 256}  # measurements of real points that a floor rests on
CELLS = {1: 64, 2: 32}  # of the histogram, along each side of the box
FAR = 1e6  # points beyond, or not numbers, count as this far away: a diverged model still has a score


class Floor(NamedTuple):
    """What n real points score."""

    value: float  # the expectation
    error: float  # of one measurement: value +- 2 errors holds 95 % of them


class About(NamedTuple):
    """What the detector of symptoms knows of the data."""

    floors: dict[str, Floor]
    shares: list[float]  # of real points, in each group
    groups: str  # what the groups are: "modes" or "regions"
    spread: float  # root mean square distance from the mean, over the root of the dimension
    entropy: float | None = None  # in nats, where the density is known


class Ruler:
    """Measures n points at a time of a data set on the line or in the plane.

    Where the density is known the reference is FINE n fresh draws of it; else it is the held-out
    test points.
    """

    def __init__(self, data: Dataset, n: int) -> None:
        self.data, self.target, self.n = data, data.target, n
        self.d = data.space.size
        assert data.box
        self.box, self.cells = data.box, CELLS[self.d]
        self.along = distance.directions(self.d)
        reference = self._points(distance.FINE * n, SEED) if self.target else floats(data.test_x.cpu())
        self.quantiles = distance.quantiles(distance.shadows(reference, self.along), n)
        self.histogram = distance.histogram(reference, self.box, self.cells)

    def _points(self, n: int, seed: int) -> Tensor:
        assert self.target
        return floats(self.target.sample(n, np.random.default_rng(seed)))

    def measure(self, x: Tensor) -> dict[str, float]:
        """The metrics of points (n, d)."""
        return self.look(x)[0]

    def look(self, x: Tensor) -> tuple[dict[str, float], Tensor]:
        """The metrics of points (n, d), and the share of them in each group: around each mode,
        or in each of 16 squares of the box where no mode is known."""
        x = x.reshape(self.n, self.d).cpu().nan_to_num(nan=FAR).clamp(-FAR, FAR)
        cells = distance.histogram(x, self.box, self.cells)
        found = {
            "sliced Wasserstein": distance.sliced_wasserstein(x, self.quantiles, self.along),
            "JS": distance.jensen_shannon(cells, self.histogram),
        }
        target = self.target
        if target is None or target.modes is None or target.sigma is None:
            side = self.cells // 4
            squares = cells[:-1].view([4, side] * self.d).sum([1, 3][: self.d])
            return found, squares.flatten()
        near = coverage(x, target.modes, target.sigma)
        return {"modes": float(near.modes), "high-quality": near.high_quality} | found, near.shares

    @cached_property
    def about(self) -> About:
        """What is known of the data without any model."""
        real = self._fresh(16) if self.target else self._subsets(16)
        shares = torch.stack([self.look(x)[1] for x in real]).mean(0)
        known = self.target is not None and self.target.modes is not None
        spread = real[0].double().var(0).mean().sqrt().item()
        entropy = self.target.entropy() if self.target else None
        return About(self.floors, shares.tolist(), "modes" if known else "regions", spread, entropy)

    @cached_property
    def floors(self) -> dict[str, Floor]:
        """The floor of each metric, from measurements of n real points."""
        repeats = REPEATS[self.d]
        strays = self._scores(self._fresh(repeats) if self.target else self._resampled(repeats))
        centres = strays if self.target else self._scores(self._subsets(repeats // 4))
        return {name: Floor(centres[name].mean().item(), _error(strays[name])) for name in strays}

    def _scores(self, clouds: list[Tensor]) -> dict[str, Tensor]:
        scores = [self.measure(x) for x in clouds]
        return {name: torch.tensor([s[name] for s in scores]).double() for name in scores[0]}

    def _fresh(self, repeats: int) -> list[Tensor]:
        return list(self._points(repeats * self.n, SEED + 1).view(repeats, self.n, self.d))

    def _subsets(self, repeats: int) -> list[Tensor]:
        """n training points each; a table of fewer gives some of them twice."""
        rng, x = np.random.default_rng(SEED + 2), floats(self.data.x.cpu())
        return [x[rng.choice(len(x), self.n, replace=self.n > len(x))] for _ in range(repeats)]

    def _resampled(self, repeats: int) -> list[Tensor]:
        """n points each of a table that is itself drawn anew from the rows: for the error must hold
        the luck of the rows that we have, and not only of those that are taken from them."""
        rng, x = np.random.default_rng(SEED + 1), floats(self.data.x.cpu())
        N = len(x)
        return [x[rng.integers(N, size=N)[rng.integers(N, size=self.n)]] for _ in range(repeats)]


def _error(scores: Tensor) -> float:
    """The standard error, or more: a skewed metric strays further than its standard deviation says,
    and two errors must hold 95 %."""
    far = (scores - scores.mean()).abs().quantile(0.955) / 2
    return max(scores.std(), far).item()
