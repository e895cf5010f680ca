"""Measures of codes and of what is decoded: holes in the latent space, and how sharp pictures are."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.codes.base import Coder
from engine.data import Dataset
from engine.metrics.measure import Measure
from engine.space import Picture

EXAMPLES, DRAWS = 3000, 1000  # codes, and places at which their gaps are measured


HOLES = Measure("holes", label="gaps between codes, 1 = as in the prior", draw="number")
SHARPNESS = Measure("sharpness", label="sharpness of samples, 1 = real", draw="number")


def measure(model: Coder, data: Dataset) -> dict[str, float]:
    """HOLES of this model on these data; for pictures also SHARPNESS."""
    mu, sigma = model.encode(*data.some(EXAMPLES))
    n = len(mu)
    codes = mu + sigma * torch.randn_like(mu)
    found: dict[str, float] = {HOLES: holes(codes, model.p_z(DRAWS), model.p_z(n))}
    if isinstance(data.space, Picture):
        made = model.sample(256)
        found[SHARPNESS] = sharpness(made) / sharpness(data.some(256, test=True)[0])
    return found


def holes(codes: Tensor, z: Tensor, others: Tensor) -> float:
    """How far draws z (m, d) of the prior lie from the nearest code (n, d), over how far they lie from the
    nearest of as many other draws of the prior (n, d); of both the 90 % quantile. 1 if the codes are
    distributed like the prior; more where parts of the prior have no code near. Tells most of few
    dimensions: in many, all points are far from one another."""
    far, usual = (torch.cdist(z, points).amin(1).quantile(0.9) for points in (codes, others))
    return (far / usual.clamp(min=1e-12)).item()


def sharpness(x: Tensor) -> float:
    """The mean squared difference of neighbouring pixels of pictures (n, C, H, W), over their variance about
    their own mean: a blurred edge is a small difference."""
    steps = x.diff(dim=-1).square().mean() + x.diff(dim=-2).square().mean()
    return (steps / (x - x.mean((-1, -2), keepdim=True)).square().mean().clamp(min=1e-12)).item()
