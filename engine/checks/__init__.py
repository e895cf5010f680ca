"""Laws that a model must obey, each as a function that returns the measured discrepancy.

The tests assert them in float64; a page's Check tab shows them measured on the very model at hand.
A family's own laws are in the module of its name; those below hold for every family.
"""

from __future__ import annotations

import copy
from itertools import islice
from typing import NamedTuple

import torch

from engine.data import Dataset, batches
from engine.family import Family, beside
from engine.fit import fit


class Check(NamedTuple):
    """A law, how far a model is from it, and how far rounding may take it."""

    law: str  # a sentence
    discrepancy: float
    tolerance: float

    @property
    def holds(self) -> bool:
        return self.discrepancy <= self.tolerance


def measure(model: Family, data: Dataset) -> list[Check]:
    """Every law of this family on this model, on copies: the model is not changed."""
    found = [
        Check("Each player's turn leaves the other players' weights untouched.", trespass(model, data), 0),
        Check("Training twice from here with one seed gives the same numbers, bit for bit.",
              unrepeatable(model, data), 0),
    ]  # fmt: skip
    for module in beside(__name__, type(model)):
        found += module.measure(model, data)
    return found


def trespass(model: Family, data: Dataset) -> float:
    """The largest change, over one round, of a weight whose player was not taking its turn."""
    model = copy.deepcopy(model)
    worst = 0.0
    weights = {p: list(model.player(p).parameters()) for p in model.players}
    before = {p: [w.detach().clone() for w in ws] for p, ws in weights.items()}
    for turn in fit(model, islice(batches(data, lambda: model.config.batch, 0), 1)):
        for player, ws in weights.items():
            for new, old in zip(ws, before[player], strict=True):
                if player != turn.player:
                    worst = max(worst, (new - old).abs().max().item())
                old.copy_(new.detach())
    return worst


def unrepeatable(model: Family, data: Dataset, rounds: int = 3) -> float:
    """The largest difference between two short trainings from the same weights and seed."""
    ends = []
    for _ in range(2):
        one = copy.deepcopy(model)
        torch.manual_seed(0)
        for _turn in fit(one, islice(batches(data, lambda one=one: one.config.batch, 0), rounds)):  # type: ignore[misc]
            pass
        ends.append(torch.cat([p.detach().flatten() for p in one.parameters()]))
    return (ends[0] - ends[1]).abs().max().item()
