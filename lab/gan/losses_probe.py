"""G's losses as functions of D(G(z)): the very `LOSSES` that train, with derivatives by torch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.func import grad

from engine.gan.losses import LOSSES

SHOWN = ("minimax", "non-saturating", "least squares", "hinge")  # a Wasserstein critic has no D(x) in [0, 1]


def scores(belief: Tensor, loss: str) -> Tensor:
    """The score a at which D believes D(x): the inverse of `engine.gan.losses.belief`."""
    return belief if loss == "least squares" else torch.logit(belief, eps=1e-6)


def slope(belief: Tensor, loss: str) -> Tensor:
    """|dL_G / da| at each D(G(z)), (n,): how hard this loss pulls at D's score of a fake."""
    return grad(lambda a: LOSSES[loss].G(a).sum())(scores(belief, loss)).abs()


def curves(nodes: int = 199) -> dict[str, np.ndarray]:
    """Each loss as rows (D(G(z)), L_G, |dL_G / da|), float64 (3, nodes)."""
    belief = torch.linspace(0, 1, nodes + 2, dtype=torch.float64)[1:-1]
    return {
        loss: torch.stack([belief, LOSSES[loss].G(scores(belief, loss)), slope(belief, loss)]).numpy()
        for loss in SHOWN
    }
