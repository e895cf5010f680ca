"""Measures of how well samples match the data, each with its noise floor."""

from __future__ import annotations

from collections import OrderedDict

import torch

from engine.data import Dataset
from engine.family import Family, beside
from engine.metrics.coverage import Coverage, coverage
from engine.metrics.ruler import About, Floor, Ruler

__all__ = [
    "About",
    "Coverage",
    "Floor",
    "about",
    "coverage",
    "floors",
    "held_out",
    "observe",
    "quality",
    "ruler",
]

SAMPLES = 2000  # of the model, for one measurement
_rulers: OrderedDict[tuple[str, int], Ruler] = OrderedDict()


def ruler(data: Dataset, n: int = SAMPLES) -> Ruler:
    """The ruler for these data, kept for the next call; a name means the same data for ever."""
    key = data.name, n
    if key not in _rulers:
        _rulers[key] = Ruler(data, n)
    _rulers.move_to_end(key)
    while len(_rulers) > 32:
        _rulers.popitem(last=False)
    return _rulers[key]


@torch.no_grad()
def quality(model: Family, data: Dataset, n: int = SAMPLES) -> dict[str, float]:
    """The metrics that these data allow, of n samples of the model; none for images.

    "modes" and "high-quality" (a share) where modes are known; "sliced Wasserstein", a distance in
    the data's unit; "JS", in bits.
    """
    return {} if data.space.kind not in ("line", "points") else ruler(data, n).measure(model.sample(n))


def floors(data: Dataset, n: int = SAMPLES) -> dict[str, Floor]:
    """What n real points score on each metric of `quality`: the best a model can do.

    The first call for a data set takes about a second.
    """
    return {} if data.space.kind not in ("line", "points") else ruler(data, n).floors


def about(data: Dataset) -> About:
    """What `symptoms` must know of the data; nothing but the kind for images."""
    return About({}, [], "images", 1.0) if data.space.kind not in ("line", "points") else ruler(data).about


def held_out(model: Family, data: Dataset, n: int = 64) -> dict[str, float | list[float]]:
    """What the family measures on n test examples, always the same ones."""
    return model.evaluate(*data.some(n, test=True))


def observe(model: Family, data: Dataset) -> dict[str, float | list[float]]:
    """All that a row of a run tells of the model: its quality, the signs of its training, what `measure` of
    its detector's module finds, and under "shares" how its samples are divided among the modes (or squares
    of the box)."""
    signs: dict[str, float | list[float]] = dict(model.signs(*data.some(128)))
    signs |= held_out(model, data)
    with torch.no_grad():
        for module in beside(__name__, type(model)):
            if hasattr(module, "measure"):
                signs |= module.measure(model, data)
    if data.space.kind not in ("line", "points"):
        return signs
    with torch.no_grad():
        found, shares = ruler(data).look(model.sample(SAMPLES))
    return found | signs | {"shares": [round(s, 4) for s in shares.tolist()]}
