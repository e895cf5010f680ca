"""Laws of principal component analysis (Tipping and Bishop, 1999)."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from engine.checks import Check
from engine.codes.pca import PCA
from engine.data import Dataset


@torch.no_grad()
def measure(model: PCA, data: Dataset) -> list[Check]:
    """Laws of PCA's axes, measured in float64; they hold at any stage of training."""
    model = copy.deepcopy(model).cpu().double()
    return [
        Check("The axes V are orthogonal and have length 1.", skew(model.V), 1e-5),
        Check("V leaves out at least as much variance as the smallest eigenvalues hold.", below(model), 1e-5),
    ]


def skew(V: Tensor) -> float:
    """The largest absolute element of V^T V - I, for V (size, z)."""
    return (V.T @ V - torch.eye(V.shape[1]).to(V)).abs().max().item()


def below(model: PCA) -> float:
    """How far the variance that V leaves out lies below the least possible, relative to all variance."""
    left = model.S.trace() - (model.V.T @ model.S @ model.V).trace()
    least = torch.linalg.eigvalsh(model.S)[: model.space.size - model.config.z].sum()
    return max(0.0, ((least - left) / model.S.trace().clamp(min=1e-12)).item())
