"""What a page may ask a denoiser of its samples: how good they are, and what they cost, under one setting of
the sampler."""

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

POINTS, PICTURES, LEAST = 2000, 100, 20  # of the model
MOST = 16_000  # pictures that may go through the net for one answer: some 12 seconds


def tradeoff(
    model: Denoiser,
    data: Dataset,
    sampler: str,
    steps: int,
    guidance: float | None = None,
    n: int | None = None,
    seed: int = 0,
) -> Answer:
    """A point of the curves: "quality" {name: number}, of each that has one its floor as (value, error), the
    number of the net's "evaluations" a sample needs, and the "seconds" for all n.

    Points: the sliced Wasserstein distance of 2,000; with `guidance` of points with the data's labels, and
    then also their diversity. Digits: label accuracy, Fréchet distance and diversity, of n with labels in
    turn if the model is told labels (`guidance` None is the model's own), else the distance alone.
    """
    if not isinstance(model, Denoiser):
        raise Refused(f"A {model.title} takes no steps from noise to data; ask a diffusion.")
    knobs: dict[str, object] = {"sampler": sampler, "steps": steps}
    if guidance is not None:
        if not model.conditional:
            raise Refused(
                "Guidance needs a model that is told labels; train one that is, on data with labels."
            )
        knobs["guidance"] = guidance
    config = model.config.change(knobs)  # which refuses what cannot be
    walked = min(config.steps, config.T)
    evaluations = 2 * walked - 1 if config.sampler == "Heun" else walked
    images = isinstance(data.space, Picture)
    classifier = classifier_for(data)
    if images and classifier is None:
        raise Refused("Only generated digits can be judged here; choose digits or points as the data.")
    n = whole(n if n is not None else PICTURES if images else POINTS, "n", LEAST, POINTS)
    y = _labels(model, data, n) if images or guidance is not None else None
    doubled = y is not None and config.guidance not in (0, 1)
    if images and n * evaluations * (1 + doubled) > MOST:
        raise Refused(f"{n} pictures in {walked} steps would take too long; ask for fewer of either.")
    reseed(seed_of(seed), data.x.device)
    began = time.monotonic()
    x = model.sample(n, y, **knobs)
    seconds = time.monotonic() - began
    quality, floors = _of_digits(classifier, x, y) if classifier else _of_points(data, x, y)
    return {
        "quality": quality, "floors": {name: list(floor) for name, floor in floors.items()},
        "evaluations": evaluations, "seconds": seconds, "among": n,
    }  # fmt: skip


def _labels(model: Denoiser, data: Dataset, n: int) -> Tensor | None:
    """Digits in turn; of points the labels of n examples, as often as they are in the data."""
    if not model.conditional:
        return None
    return model.labels(n) if isinstance(data.space, Picture) else data.some(n)[1]


def _of_digits(
    classifier: DigitClassifier, x: Tensor, y: Tensor | None
) -> tuple[dict[str, float], dict[str, Floor]]:
    x = x.cpu()
    floors = classifier.floors(len(x))
    if y is None:
        return {FRECHET: classifier.measure(x)[FRECHET]}, {FRECHET: floors[FRECHET]}
    return classifier.measure(x, y.cpu()), floors


def _of_points(data: Dataset, x: Tensor, y: Tensor | None) -> tuple[dict[str, float], dict[str, Floor]]:
    held, name = ruler(data, len(x)), DISTANCE
    quality: dict[str, float] = {name: held.measure(x)[name]}
    if y is not None:
        quality[DIVERSITY] = spread(x, y) / spread(data.some(len(x))[0], y)
    return quality, {name: held.floors[name]}
