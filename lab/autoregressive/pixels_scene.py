"""The scene of models of pixels: samples, which are written pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterator

from engine.autoregressive.pixels import Pixels
from engine.data import Dataset
from lab.scenes.arrays import Arrays, Pointer, pictures

IMAGES, LABELLED = 36, 40  # pictures; the second where they have all labels in turn


def draw(model: Pixels, data: Dataset, full: bool, pointer: Pointer) -> Arrays:
    """Nothing that is quick."""
    return {}


def rarely(model: Pixels, data: Dataset, pointer: Pointer) -> Iterator[Arrays]:
    """Samples, a step for each pixel."""
    n = LABELLED if model.conditional else IMAGES
    for now in model.written(n, model.asked(n, None)):
        k = now.k
        yield {}
    yield {"images/samples": pictures(model.shown(k))}
