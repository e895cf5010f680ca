"""The scene of WaveNet: waves, written sample by sample."""

from __future__ import annotations

from collections.abc import Iterator

from engine.autoregressive.wavenet import WaveNet
from engine.data import Dataset
from lab.scenes.arrays import Arrays, Pointer, halves

CLIPS = 6  # sounds that are shown


def draw(model: WaveNet, data: Dataset, full: bool, pointer: Pointer) -> Arrays:
    """Nothing that is quick."""
    return {}


def rarely(model: WaveNet, data: Dataset, pointer: Pointer) -> Iterator[Arrays]:
    """Sounds of the model, a step for each sample."""
    for now in model.written(CLIPS, model.asked(CLIPS, None)):
        k = now.k
        yield {}
    yield {"wave/samples": halves(model.shown(k))}
