"""The error of a denoiser's score, where the exact score is known."""

from __future__ import annotations

from engine.data import Dataset
from engine.diffusion.base import Denoiser
from engine.diffusion.exact import exact
from engine.diffusion.schedule import groups
from engine.metrics.measure import Measure

GROUPS, EXAMPLES = 5, 400  # of a measurement
SCORE_ERROR = Measure("score error", chart="error of the score", better="lower", role="model")


def measure(model: Denoiser, data: Dataset) -> dict[str, float]:
    """SCORE_ERROR: the mean of `Exact.error` at the middles of GROUPS equal groups of t; empty where the
    exact score is not known."""
    best = exact(data)
    if best is None:
        return {}
    x0 = data.some(EXAMPLES, test=True)[0]
    middles = [(group[0] + group[-1]) // 2 for group in groups(model.config.T, GROUPS)]
    return {SCORE_ERROR: sum(best.error(model, x0, t) for t in middles) / len(middles)}
