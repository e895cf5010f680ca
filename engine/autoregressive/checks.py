"""Laws of autoregressive models, measured on the very model."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from engine.autoregressive.base import Ordered
from engine.autoregressive.influence import spaced, touched
from engine.autoregressive.pixels import Pixels
from engine.checks import Check, gap, slope_gap
from engine.data import Dataset, floats

PLACES = 8  # whose dependence is measured
WRITTEN = 3  # examples that are written


def measure(model: Ordered, data: Dataset) -> list[Check]:
    """The laws of a model of discrete numbers in an order, on a copy in float64."""
    model = copy.deepcopy(model).cpu().double()
    x = floats(data.test_x[:WRITTEN]).cpu().double()
    y = data.test_y[:WRITTEN].cpu() if model.conditional and data.test_y is not None else None
    k = model.coded(x)
    laws = [
        Check("No output depends on its own number or on a later one.", ahead(model, k[0], y), 0),
        Check("An example that is written number by number has the probability that one pass gives it.",
              written_gap(model, y), 1e-9),
    ]  # fmt: skip
    if isinstance(model, Pixels):
        law = "The gradient of the loss agrees with central differences."
        laws.append(Check(law, slope_gap(model, x, y), 1e-3))
    return laws


def ahead(model: Ordered, k: Tensor, y: Tensor | None) -> float:
    """The largest slope of an output in its own number or in a later one, over a few places."""
    v, worst = model.seen(k[None]), 0.0
    for i in spaced(model, PLACES):
        slopes = touched(model, v, i, None if y is None else y[:1])
        worst = max(worst, slopes[model.rank >= model.rank[i]].max().item())
    return worst


@torch.no_grad()
def written_gap(model: Ordered, y: Tensor | None) -> float:
    """How far the distributions of numbers that are written one after another are from those of one pass."""
    steps = [(now.i, now.logits, now.k) for now in model.written(WRITTEN, y)]
    whole = model.logits(model.seen(steps[-1][2]), y)
    return max(gap(logits.softmax(-1), whole[:, i].softmax(-1)) for i, logits, _ in steps)
