"""What a row of a run says about the model: all that its family, its subject and the data can measure."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from engine.data import Dataset
from engine.dispatch import serving
from engine.family import Family
from engine.metrics.measure import Source, Steps, at_once, taken_in_steps
from engine.metrics.ruler import DISTANCE, HIGH_QUALITY, JS, MODES, SAMPLES, measurable, ruler

SHARES = "shares"
"""The shares of the samples in each mode, or in each square of the box, for the detectors."""

Values = dict[str, Any]


def held_out(model: Family, data: Dataset, n: int = 64) -> Values:
    """What the family measures on n test examples, which are always the same."""
    return dict(model.evaluate(*data.some(n, test=True)))


def observe(model: Family, data: Dataset) -> Values:
    """The quality of the samples, the signs of the training, what the family measures on test examples, what
    the `measures.py` of its subject measures, and SHARES; under LEFT_OUT what could not be measured."""
    return at_once(observe_in_steps(model, data))


def observe_in_steps(model: Family, data: Dataset) -> Steps:
    """The same step by step, because sampling alone may take a long time."""
    sources: list[Source] = [
        ("The signs of the training", lambda: model.signs(*data.some(128))),
        ("What the model makes of test examples", lambda: held_out(model, data)),
    ]
    for measure in serving("measures", "engine", "measure", type(model)):
        subject = measure.__module__.split(".")[-2]
        sources.append((f"What measures.py of {subject} has", partial(torch.no_grad()(measure), model, data)))
    if measurable(data):
        sources.append(("The quality of the samples", lambda: _quality(model, data)))
    values = yield from taken_in_steps(sources)
    first = [name for name in (MODES, HIGH_QUALITY, DISTANCE, JS) if name in values]
    return {name: values[name] for name in first} | values


@torch.no_grad()
def _quality(model: Family, data: Dataset) -> Steps:
    for step in model.walk(SAMPLES):
        x = step.x
        yield
    quality, shares = ruler(data).look(x)
    return quality | {SHARES: [round(s, 4) for s in shares.tolist()]}
