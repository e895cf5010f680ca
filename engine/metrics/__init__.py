"""Measures of how well samples match the data, each with its noise floor."""

from __future__ import annotations

import torch

from engine.data import Dataset
from engine.family import Family
from engine.metrics.coverage import Coverage, coverage, perfect

__all__ = ["Coverage", "coverage", "perfect", "quality"]


@torch.no_grad()
def quality(model: Family, data: Dataset, n: int = 1000) -> dict[str, float]:
    """The measures that these data allow, of n samples of the model; none where no mode is known."""
    target = data.target
    if target is None or target.modes is None or target.sigma is None:
        return {}
    found = coverage(model.sample(n), target.modes, target.sigma)
    return {"modes": float(found.modes), "high-quality": found.high_quality}
