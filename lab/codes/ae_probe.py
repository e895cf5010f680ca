"""What a page may ask an autoencoder: how a linear one compares with PCA."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.codes.ae import AE
from engine.codes.pca import principal_directions
from engine.config import Refused
from engine.data import Dataset, floats
from engine.space import Picture
from lab.probes import Answer
from lab.scenes.arrays import pictures

__all__ = ["against_pca"]


def against_pca(model: AE, data: Dataset) -> Answer:
    """A linear autoencoder beside PCA of the training data.

    The answer has the principal angles between their subspaces, in degrees; `lean`, the largest cosine
    between two axes of the code; the test errors; and, for pictures, the axes themselves. Raises `Refused` if
    the autoencoder is not linear.
    """
    if model.config.activation != "linear" or model.config.convolves(data.space):
        raise Refused("Only a linear autoencoder has a subspace: choose the linear activation and the MLP.")
    x, test = data.take(slice(None)).flatten(1), floats(data.test_x).flatten(1)
    z = model.config.z
    if z > x.shape[1]:
        raise Refused(f"{x.shape[1]} numbers have no {z} principal directions; choose fewer dimensions.")
    V, mean = principal_directions(x, z).T, x.mean(0)
    W = axes(model)
    cosines = torch.linalg.svdvals(torch.linalg.qr(W.T)[0].T @ V).clamp(max=1)
    unit = W / W.norm(dim=1, keepdim=True)
    centered = test - mean
    answer: Answer = {
        "angles": torch.rad2deg(cosines.acos()).tolist(),
        "lean": (unit @ unit.T - torch.eye(z).to(unit)).abs().max().item(),
        "error": (test - model.d(model.e(floats(data.test_x))).flatten(1)).square().sum(1).mean().item(),
        "error of PCA": (centered - centered @ V @ V.T).square().sum(1).mean().item(),
    }
    if isinstance(data.space, Picture):
        answer |= {"axes": as_pictures(unit, data), "principal axes": as_pictures(V.T, data)}
    return answer


def axes(model: AE) -> Tensor:
    """What one unit of each number of the code adds to x, (z, numbers of x)."""
    z = model.config.z
    one = torch.eye(z, **model.like)
    return (model.d(one) - model.d(torch.zeros(1, z, **model.like))).flatten(1)


def as_pictures(directions: Tensor, data: Dataset) -> np.ndarray:
    """Directions (k, d) as pictures in which grey is 0."""
    scaled = directions / directions.abs().amax(1, keepdim=True).clamp(min=1e-12)
    return pictures(scaled.unflatten(1, data.space.shape))
