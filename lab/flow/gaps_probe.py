"""Why a flow is not perfect: how much of its mass lies where the data are not."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from engine.config import Refused
from engine.data import Dataset
from engine.flow.base import Flow
from engine.space import Plane
from lab.probes import Answer
from lab.scenes.arrays import field
from lab.scenes.grid import cell, lattice

__all__ = ["bridges"]

SIDE, COARSE = 200, 64  # nodes of the grid along a side; the second where each one is expensive
HELD = 0.999  # share of the data; the data are not in the rest of the plane
DEPTH = 12.0  # nats below the largest density: the faintest shade


@torch.no_grad()
def bridges(model: Flow, data: Dataset) -> Answer:
    """How much of the model's mass lies outside the smallest region that has HELD of the data.

    Pictures of logarithms of densities on a grid over the box: `model`, `data`, and `between`, the model
    outside the region. Numbers: the `share` of the model's mass there, the least `cost` of it, and the whole
    `divergence` KL(data || model), in nats. For the region alone, data and model are two coins, and
    KL(data || model) is no less than theirs.
    """
    if not isinstance(data.space, Plane):
        raise Refused("Bridges are measured in the plane; choose points as the data.")
    assert data.box
    side = COARSE if "density" in model.slow else SIDE
    grid = lattice(data.box, side).to(**model.like)
    area = cell(data.box, side)
    log_q = model.log_prob(grid).double()
    if data.target is None:
        note = "These data are a table: nobody knows their density, nor where it is zero."
        return {"model": tones(log_q), "note": note}
    log_p = data.target.log_prob(grid.double())
    p, q = log_p.exp() * area, log_q.exp() * area
    order = p.argsort(descending=True)
    first = int((p[order].cumsum(0) < HELD * p.sum()).sum()) + 1
    outside = torch.ones_like(p, dtype=torch.bool)
    outside[order[:first]] = False
    held, kept = float(p[~outside].sum() / p.sum()), float(q[~outside].sum() / q.sum())
    return {
        "model": tones(log_q),
        "data": tones(log_p),
        "between": tones(torch.where(outside, log_q, -math.inf), top=log_q.max()),
        "share": 1 - kept,
        "held": held,
        "cost": coin(held, kept),
        "divergence": float(torch.where(p > 0, p * (log_p - log_q.clamp(min=-1e3)), 0.0).sum()),
        "note": "",
    }


def coin(p: float, q: float) -> float:
    """KL of a coin that shows heads with probability p from one with probability q, in nats."""
    return sum(a * math.log(a / max(b, 1e-300)) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0)


def tones(log_p: Tensor, top: Tensor | None = None) -> np.ndarray:
    """Logarithms (side^2,) as bytes (side, side), 0 from DEPTH below the top on."""
    top = log_p.max() if top is None else top
    return field(1 + (log_p.clamp(min=-1e6) - top) / DEPTH)
