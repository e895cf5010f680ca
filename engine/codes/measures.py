"""Measures of codes and of samples: gaps in the latent space, and the sharpness of pictures."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.codes.base import Coder
from engine.data import Dataset
from engine.metrics.measure import Measure
from engine.space import Picture

EXAMPLES, DRAWS = 3000, 1000  # codes, and places at which the gaps between them are measured

HOLES = Measure("holes", label="gaps between codes, 1 = as in the prior", draw="number")
SHARPNESS = Measure("sharpness", label="sharpness of samples, 1 = real", draw="number")


def measure(model: Coder, data: Dataset) -> dict[str, float]:
    """The HOLES of this model on these data; for pictures also the SHARPNESS of its samples."""
    mu, sigma = model.encode(*data.some(EXAMPLES))
    n = len(mu)
    codes = mu + sigma * torch.randn_like(mu)
    row: dict[str, float] = {HOLES: holes(codes, model.p_z(DRAWS), model.p_z(n))}
    if isinstance(data.space, Picture):
        samples = model.sample(256)
        row[SHARPNESS] = sharpness(samples) / sharpness(data.some(256, test=True)[0])
    return row


def holes(codes: Tensor, z: Tensor, others: Tensor) -> float:
    """The size of the gaps between codes (n, d), relative to the gaps between draws from the prior.

    It divides the distance from draws z (m, d) of the prior to the nearest code by their distance to the
    nearest of n `others` (n, d), which are draws from the prior too; both distances are 90 % quantiles. It is
    1 if codes are distributed like the prior, and more if parts of the prior have no code nearby. It tells
    most in few dimensions, because in many dimensions all points lie far apart.
    """
    far, usual = (torch.cdist(z, points).amin(1).quantile(0.9) for points in (codes, others))
    return (far / usual.clamp(min=1e-12)).item()


def sharpness(x: Tensor) -> float:
    """The mean squared difference of neighbouring pixels of pictures (n, C, H, W), over their variance.

    The variance is taken about the mean of each picture. A blurred edge makes small differences.
    """
    steps = x.diff(dim=-1).square().mean() + x.diff(dim=-2).square().mean()
    return (steps / (x - x.mean((-1, -2), keepdim=True)).square().mean().clamp(min=1e-12)).item()
