"""What samples of a model are compared with: many real points, and the noise floor of the comparison.

A perfect generator does not score 0, because its samples are finite: it scores what real points score. Each
metric therefore has a floor, measured on real points that are not among the reference.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.data import Dataset, floats
from engine.family import Family
from engine.metrics import distance
from engine.metrics.coverage import coverage
from engine.metrics.measure import Floor, Measure
from engine.space import Line, Plane

SEED = 20_140_610  # of the ruler's own real points
REPEATS = {1: 1024, 2: 256}  # measurements of real points that a floor rests on, by dimension
CELLS = {1: 64, 2: 32}  # of the histogram, along each side of the box, by dimension
SAMPLES = 2000  # of the model, for one measurement
FAR = 1e6  # points further away, or not numbers, count as this far: a diverged model still has a score


MODES: Measure = Measure(
    "modes", chart="modes found", says="Modes found", better="higher", digits=0, score=4,
    floor=lambda data: floors(data).get(MODES),
    best=lambda data: None if data.target is None or data.target.modes is None else len(data.target.modes),
)  # fmt: skip
HIGH_QUALITY: Measure = Measure(
    "high-quality", chart="samples near a mode", says="Share of the samples near a mode", better="higher",
    floor=lambda data: floors(data).get(HIGH_QUALITY),
)  # fmt: skip
DISTANCE: Measure = Measure(
    "sliced Wasserstein", chart="distance from the data", says="Sliced Wasserstein distance", better="lower",
    floor=lambda data: floors(data).get(DISTANCE),
)  # fmt: skip
JS: Measure = Measure(
    "JS", chart="JS divergence, bits", says="JS divergence", unit="bits", better="lower", digits=2, score=3,
    floor=lambda data: floors(data).get(JS), best=lambda data: 0.0,
)  # fmt: skip


class DataFacts(NamedTuple):
    """What a detector of symptoms knows about the data."""

    floors: dict[str, Floor]
    shares: list[float]  # of real points, in each group
    groups: str  # what the groups are: "modes", "regions" or, of pictures, nothing but "images"
    spread: float  # root mean square distance from the mean, divided by the root of the dimension
    entropy: float | None = None  # in nats, if the density is known


class Ruler:
    """Compares n points at a time with data on the line or in the plane: with FINE n fresh samples if the
    density is known, and with the held-out test points otherwise."""

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
        """The metrics of points (n, d), and their share in each group: around each mode or, if no mode is
        known, in each of 16 squares (or 4 parts) of the box."""
        x = x.reshape(self.n, self.d).cpu().nan_to_num(nan=FAR).clamp(-FAR, FAR)
        cells = distance.histogram(x, self.box, self.cells)
        scores: dict[str, float] = {
            DISTANCE: distance.sliced_wasserstein(x, self.quantiles, self.along),
            JS: distance.jensen_shannon(cells, self.histogram),
        }
        target = self.target
        if target is None or target.modes is None or target.sigma is None:
            return scores, cells[:-1].view([4, self.cells // 4] * self.d).sum([1, 3][: self.d]).flatten()
        near = coverage(x, target.modes, target.sigma)
        return {MODES: float(near.modes), HIGH_QUALITY: near.high_quality} | scores, near.shares

    @cached_property
    def about(self) -> DataFacts:
        """What is known about the data, without any model."""
        real = self._fresh(16) if self.target else self._subsets(16)
        shares = torch.stack([self.look(x)[1] for x in real]).mean(0)
        known = self.target is not None and self.target.modes is not None
        spread = real[0].double().var(0).mean().sqrt().item()
        entropy = self.target.entropy() if self.target else None
        return DataFacts(self.floors, shares.tolist(), "modes" if known else "regions", spread, entropy)

    @cached_property
    def floors(self) -> dict[str, Floor]:
        """The floor of each metric, from repeated measurements of n real points."""
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
        """Clouds of n training points; a table of fewer gives some points twice."""
        rng, x = np.random.default_rng(SEED + 2), floats(self.data.x.cpu())
        return [x[rng.choice(len(x), self.n, replace=self.n > len(x))] for _ in range(repeats)]

    def _resampled(self, repeats: int) -> list[Tensor]:
        """Clouds of n points from tables that are themselves drawn anew from the rows, because the error must
        include the chance of having these rows, and not only that of choosing among them."""
        rng, x = np.random.default_rng(SEED + 1), floats(self.data.x.cpu())
        N = len(x)
        return [x[rng.integers(N, size=N)[rng.integers(N, size=self.n)]] for _ in range(repeats)]


_rulers: OrderedDict[tuple[str, int, torch.dtype], Ruler] = OrderedDict()


def measurable(data: Dataset) -> bool:
    """Whether samples can be compared with these data: numbers on a line, or points in the plane."""
    return isinstance(data.space, Line | Plane)


def ruler(data: Dataset, n: int = SAMPLES) -> Ruler:
    """The ruler for these data. It is kept for the next call: a name always means the same data, and torch's
    default dtype is that of its points."""
    key = data.name, n, torch.get_default_dtype()
    if key not in _rulers:
        _rulers[key] = Ruler(data, n)
    _rulers.move_to_end(key)
    while len(_rulers) > 32:
        _rulers.popitem(last=False)
    return _rulers[key]


@torch.no_grad()
def quality(model: Family, data: Dataset, n: int = SAMPLES) -> dict[str, float]:
    """The metrics of n samples of the model: MODES and HIGH_QUALITY, a share, if modes are known; DISTANCE in
    the data's unit; JS in bits. Pictures have none."""
    return ruler(data, n).measure(model.sample(n)) if measurable(data) else {}


def floors(data: Dataset) -> dict[str, Floor]:
    """The score of real points on each metric of `quality`, which takes about a second the first time."""
    return ruler(data).floors if measurable(data) else {}


def about(data: Dataset) -> DataFacts:
    """What a detector must know about the data; of pictures, only that they are pictures."""
    return ruler(data).about if measurable(data) else DataFacts({}, [], "images", 1.0)


def _error(scores: Tensor) -> float:
    """The standard error or, for a skewed metric, more: two errors must hold 95 % of the scores."""
    half = (scores - scores.mean()).abs().quantile(0.955) / 2
    return max(scores.std(), half).item()
