"""What a row of a run tells of the model: all that its family, its subject and the data allow to be
measured."""

from __future__ import annotations

import torch

from engine.data import Dataset
from engine.dispatch import serving
from engine.family import Family
from engine.metrics.ruler import SAMPLES, measurable, ruler

SHARES = "shares"
"""How samples are divided among the modes, or among the squares of the box: what a detector reads."""

Values = dict[str, float | list[float]]


def held_out(model: Family, data: Dataset, n: int = 64) -> Values:
    """What the family measures on n test examples, always the same ones."""
    return model.evaluate(*data.some(n, test=True))


def observe(model: Family, data: Dataset) -> Values:
    """The quality of the samples, the signs of the training, what is measured on test examples, what the
    `measures.py` of the subject finds; and SHARES."""
    told: Values = dict(model.signs(*data.some(128)))
    told |= held_out(model, data)
    with torch.no_grad():
        for measure in serving("measures", "engine", "measure", type(model)):
            told |= measure(model, data)
        if not measurable(data):
            return told
        quality, shares = ruler(data).look(model.sample(SAMPLES))
    return quality | told | {SHARES: [round(s, 4) for s in shares.tolist()]}
