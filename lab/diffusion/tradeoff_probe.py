"""The question how good a diffusion's samples are, and what they cost, for one setting of the sampler."""

from __future__ import annotations

import time

from torch import Tensor

from engine.config import Refused
from engine.data import Dataset
from engine.device import seed as reseed
from engine.diffusion.base import Denoiser
from engine.metrics.digit_classifier import DIVERSITY, FRECHET, DigitClassifier, classifier_for, spread
from engine.metrics.ruler import DISTANCE, Floor, ruler
from engine.space import Picture
from lab.probes import Answer, seed_of, whole

__all__ = ["tradeoff"]

POINTS, PICTURES, LEAST = 2000, 100, 20  # samples: for points, for pictures, and at least
MOST = 16_000  # pictures that may go through the net for one answer: about 12 seconds
Judged = tuple[dict[str, float], dict[str, Floor]]  # the quality, and the floors


def tradeoff(
    model: Denoiser,
    data: Dataset,
    sampler: str,
    steps: int,
    guidance: float | None = None,
    n: int | None = None,
    seed: int = 0,
) -> Answer:
    """One point of the curves of quality against cost.

    "quality" and "floors" by the name of the measure, a floor as (value, error); the number of "evaluations"
    of the net for a sample; the "seconds" for all n samples.

    For points, the quality is the sliced Wasserstein distance; with `guidance` samples have the labels of
    the data, and their diversity is measured too. For digits it is the Fréchet distance; if the model knows
    labels, which then come in turn, also label accuracy and diversity. Raises `Refused`.
    """
    knobs: dict[str, object] = {"sampler": sampler, "steps": steps}
    if guidance is not None:
        if not model.conditional:
            raise Refused("Guidance needs a model trained with labels; train one on data with labels.")
        knobs["guidance"] = guidance
    config = model.config.change(knobs)  # raises Refused for values out of range
    walked = min(config.steps, config.T)
    evaluations = 2 * walked - 1 if config.sampler == "Heun" else walked
    images = isinstance(data.space, Picture)
    classifier = classifier_for(data)
    if images and classifier is None:
        raise Refused("Only generated digits can be judged here; choose digits or points as the data.")
    n = whole(n if n is not None else PICTURES if images else POINTS, "n", LEAST, POINTS)
    y = None
    if model.conditional and (images or guidance is not None):  # for points as frequent as in the data
        y = model.labels(n) if images else data.some(n)[1]
    doubled = y is not None and config.guidance not in (0, 1)
    if images and n * evaluations * (1 + doubled) > MOST:
        raise Refused(f"{n} pictures in {walked} steps would take too long; ask for fewer of either.")
    reseed(seed_of(seed), data.x.device)
    began = time.monotonic()
    x = model.sample(n, y, **knobs)
    seconds = time.monotonic() - began
    quality, floors = _of_digits(classifier, x, y) if classifier else _of_points(data, x, y)
    return {
        "quality": quality, "floors": {name: [floor.value, floor.error] for name, floor in floors.items()},
        "evaluations": evaluations, "seconds": seconds, "among": n,
    }  # fmt: skip


def _of_digits(classifier: DigitClassifier, x: Tensor, y: Tensor | None) -> Judged:
    x, floors = x.cpu(), classifier.floors(len(x))
    if y is None:
        return {FRECHET: classifier.measure(x)[FRECHET]}, {FRECHET: floors[FRECHET]}
    return classifier.measure(x, y.cpu()), floors


def _of_points(data: Dataset, x: Tensor, y: Tensor | None) -> Judged:
    measuring = ruler(data, len(x))
    quality: dict[str, float] = {DISTANCE: measuring.measure(x)[DISTANCE]}
    if y is not None:
        quality[DIVERSITY] = spread(x, y) / spread(data.some(len(x))[0], y)
    return quality, {DISTANCE: measuring.floors[DISTANCE]}
