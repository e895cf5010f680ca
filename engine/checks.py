"""Laws that a model must obey, each as a function that returns the measured discrepancy.

Tests assert them in float64; the Check tab of a page measures them on the model in training. The laws below
hold for every family. A subject has its own in its `checks.py`: a function `measure` for each type of model.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.data import Dataset, batches
from engine.device import seed
from engine.dispatch import serving
from engine.family import Batch, Family, Terms
from engine.fit import fit
from engine.metrics.measure import reason


class Check(NamedTuple):
    """A law, how far a model is from obeying it, and how far rounding may take it."""

    law: str  # a sentence
    discrepancy: float
    tolerance: float
    why: str = ""  # it could not be measured

    @property
    def holds(self) -> bool:
        """Whether the discrepancy is within the tolerance."""
        return self.discrepancy <= self.tolerance


def measure(model: Family, data: Dataset) -> list[Check]:
    """Every law of this family, measured on copies of this model: the model itself is not changed. Laws that
    fail with an error are told of as broken, with the reason, and the others are measured."""
    return [check for checks in measure_in_steps(model, data) for check in checks]


def measure_in_steps(model: Family, data: Dataset) -> Iterator[list[Check]]:
    """The same, some at a time."""
    for laws in [of_training, *serving("checks", "engine", "measure", type(model))]:
        if laws is measure:  # this function, which serves every family
            continue
        try:
            yield laws(model, data)
        except Exception as error:
            subject = laws.__module__.split(".")[-2]
            yield [Check(f"The laws of {subject} can be measured.", math.inf, 0, reason(error))]


def of_training(model: Family, data: Dataset) -> list[Check]:
    """The laws of a round of training, for every family."""
    return [
        Check("Each player's turn leaves the other players' weights untouched.", trespass(model, data), 0),
        Check("Training twice from here with one seed gives the same numbers, bit for bit.",
              unrepeatable(model, data), 0),
    ]  # fmt: skip


def trespass(model: Family, data: Dataset) -> float:
    """The largest change of a weight in a turn of another player, over one round. What `turns` does once a
    player has stepped is of its turn, too."""
    model, worst = copy.deepcopy(model), 0.0
    turns, seen = model.turns, {p: _weights(model.player(p)) for p in model.players}

    def look(owner: nn.Module | None) -> None:
        nonlocal worst, seen
        now = {p: _weights(model.player(p)) for p in model.players}
        others = [p for p in now if model.player(p) is not owner]
        worst = max([worst, *((now[p] - seen[p]).abs().max().item() for p in others)])
        seen = now

    def watched(batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        owner = None
        for player, terms in turns(batch):
            look(owner)
            yield player, terms
            look(owner := player)
        look(owner)

    model.turns = watched  # type: ignore[method-assign]
    for _turn in fit(model, islice(batches(data, lambda: model.config.batch, 0), 1)):
        pass
    return worst


def unrepeatable(model: Family, data: Dataset, rounds: int = 3) -> float:
    """The largest difference between two short trainings from the same weights and seed."""
    ends = []
    for _ in range(2):
        one = copy.deepcopy(model)
        torch.manual_seed(0)
        for _turn in fit(one, islice(batches(data, lambda one=one: one.config.batch, 0), rounds)):  # type: ignore[misc]
            pass
        ends.append(_weights(one))
    return (ends[0] - ends[1]).abs().max().item()


@torch.no_grad()
def _weights(module: nn.Module) -> Tensor:
    return torch.cat([w.flatten() for w in module.parameters()])


def slope_gap(model: Family, x: Tensor, y: Tensor | None, h: float = 1e-6) -> float:
    """How far the gradient of the first turn's loss is from a central difference with steps of h, relative.
    Both give the slope, with the same noise, along one direction: half the gradient's own and half random, so
    that the slope is not lost in rounding."""
    batch = Batch(0, x, y, lambda: batch)

    def loss() -> tuple[list[Tensor], Tensor]:
        seed(0)
        player, terms = next(iter(model.turns(batch)))
        return list(player.parameters()), torch.stack(list(terms.values())).sum()

    weights, value = loss()
    gradients = torch.autograd.grad(value, weights, allow_unused=True)
    pairs = zip(weights, gradients, strict=True)
    g = torch.cat([(torch.zeros_like(w) if d is None else d).flatten() for w, d in pairs])
    chance = torch.randn(g.shape, generator=torch.Generator().manual_seed(1), dtype=g.dtype)
    way = g / g.norm().clamp(min=1e-300) + chance / chance.norm()
    start = torch.nn.utils.parameters_to_vector(weights)

    @torch.no_grad()
    def at(step: float) -> float:
        torch.nn.utils.vector_to_parameters(start + step * way, weights)
        return loss()[1].item()

    slope = (at(h) - at(-h)) / (2 * h)
    torch.nn.utils.vector_to_parameters(start, weights)
    # the loss itself is rounded, and so is the slope: about 1e-16 |loss| / h
    return abs(slope - (g @ way).item()) / (g.norm().item() + 1e-5 * (1 + abs(value.item())))


def gap(a: Tensor, b: Tensor) -> float:
    """The largest difference, relative for numbers above 1; infinite if any number is not finite."""
    largest = (a - b).abs().max() / (1 + b.abs().max())
    return largest.item() if largest.isfinite() else float("inf")
