"""The error of a denoiser's score, where the exact score is known."""

from __future__ import annotations

from engine.data import Dataset
from engine.diffusion.base import Denoiser
from engine.diffusion.exact import exact
from engine.metrics.measure import Measure

GROUPS, EXAMPLES = 5, 400  # of a measurement
SCORE_ERROR = Measure("score error", chart="error of the score", better="lower", role="model")


def measure(model: Denoiser, data: Dataset) -> dict[str, float]:
    """SCORE_ERROR: the mean of `Exact.error` over GROUPS equal groups of t; empty where it is not known."""
    best = exact(data)
    if best is None:
        return {}
    x0, T = data.some(EXAMPLES, test=True)[0], model.config.T
    errors = [best.error(model, x0, max(1, round((i + 0.5) / GROUPS * T))) for i in range(GROUPS)]
    return {SCORE_ERROR: sum(errors) / GROUPS}
