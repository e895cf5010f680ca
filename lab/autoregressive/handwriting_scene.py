"""The scene of models of handwriting: strokes of the data, and of the model."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from engine.autoregressive.writer import Writer, places
from engine.data import Dataset
from engine.space import Pen
from lab.scenes.arrays import Arrays, Pointer, halves

DIGITS, WORDS = 30, 8  # that are shown


def many(model: Writer) -> int:
    """How many drawings are shown."""
    return DIGITS if isinstance(model.space, Pen) else WORDS


def strokes(model: Writer, steps: torch.Tensor) -> torch.Tensor:
    """Steps (n, t, 3) as places to draw, nan after the end."""
    inked = model.inked(steps) | (torch.arange(steps.shape[1], device=steps.device) == 0)
    return torch.where(inked[..., None], places(steps), torch.nan)


def draw(model: Writer, data: Dataset, full: bool, pointer: Pointer) -> Arrays:
    """Real drawings."""
    x, _y = data.some(many(model), test=True)
    return {"strokes/real": halves(strokes(model, model.steps(x)))} if full else {}


def rarely(model: Writer, data: Dataset, pointer: Pointer) -> Iterator[Arrays]:
    """Drawings of the model, step by step."""
    for now in model.written(many(model)):
        steps = now.steps
        yield {}
    yield {"strokes/samples": halves(strokes(model, steps))}
