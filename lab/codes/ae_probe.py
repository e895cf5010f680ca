"""What a page may ask an autoencoder: how a linear one lies to PCA."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.codes.ae import AE
from engine.config import Refused
from engine.data import Dataset, floats
from engine.space import Picture
from lab.probes import Answer
from lab.scenes.arrays import pictures

__all__ = ["against_pca"]


def against_pca(model: AE, data: Dataset) -> Answer:
    """A linear autoencoder beside PCA of the training data: the principal angles between their subspaces,
    in degrees; how far the axes of the code are from orthogonal; test errors; and, of pictures, the axes
    themselves. Raises `Refused` if the autoencoder is not linear."""
    if model.config.activation != "linear" or model.config.convolves(data.space):
        raise Refused("Only a linear autoencoder has a subspace: choose the linear activation and the MLP.")
    x, test = data.take(slice(None)).flatten(1), floats(data.test_x).flatten(1)
    z = model.config.z
    if z > x.shape[1]:
        raise Refused(f"{x.shape[1]} numbers have no {z} principal directions; choose fewer dimensions.")
    V, mean = principal(x, z), x.mean(0)
    W = axes(model)
    cosines = torch.linalg.svdvals(torch.linalg.qr(W.T)[0].T @ V).clamp(max=1)
    unit = W / W.norm(dim=1, keepdim=True)
    centered = test - mean
    found: Answer = {
        "angles": torch.rad2deg(cosines.acos()).tolist(),
        "lean": (unit @ unit.T - torch.eye(z).to(unit)).abs().max().item(),
        "error": (test - model.d(model.e(floats(data.test_x))).flatten(1)).square().sum(1).mean().item(),
        "error of PCA": (centered - centered @ V @ V.T).square().sum(1).mean().item(),
    }
    if isinstance(data.space, Picture):
        found |= {"axes": shown(unit, data), "principal axes": shown(V.T, data)}
    return found


def axes(model: AE) -> Tensor:
    """What one unit of each number of the code adds to x, (z, numbers of x)."""
    z = model.config.z
    one = torch.eye(z, **model.like)
    return (model.d(one) - model.d(torch.zeros(1, z, **model.like))).flatten(1)


def principal(x: Tensor, k: int) -> Tensor:
    """The k leading principal directions of x (n, d), as columns (d, k)."""
    centered = x - x.mean(0)
    return torch.linalg.eigh(centered.T @ centered / len(x))[1][:, -k:].flip(1)


def shown(directions: Tensor, data: Dataset) -> np.ndarray:
    """Directions (k, d) as pictures in which grey is 0."""
    scaled = directions / directions.abs().amax(1, keepdim=True).clamp(min=1e-12)
    return pictures(scaled.unflatten(1, data.space.shape))
