"""What a row of a run says about the model: all that its family, its subject and the data can measure."""

from __future__ import annotations

import torch

from engine.data import Dataset
from engine.dispatch import serving
from engine.family import Family
from engine.metrics.ruler import SAMPLES, measurable, ruler

SHARES = "shares"
"""The shares of the samples in each mode, or in each square of the box, for the detectors."""

Values = dict[str, float | list[float]]


def held_out(model: Family, data: Dataset, n: int = 64) -> Values:
    """What the family measures on n test examples, which are always the same."""
    return model.evaluate(*data.some(n, test=True))


def observe(model: Family, data: Dataset) -> Values:
    """The quality of the samples, the signs of the training, what the family measures on test examples, what
    the `measures.py` of its subject measures, and SHARES."""
    values: Values = {**model.signs(*data.some(128)), **held_out(model, data)}
    with torch.no_grad():
        for measure in serving("measures", "engine", "measure", type(model)):
            values |= measure(model, data)
        if not measurable(data):
            return values
        quality, shares = ruler(data).look(model.sample(SAMPLES))
    return quality | values | {SHARES: [round(s, 4) for s in shares.tolist()]}
