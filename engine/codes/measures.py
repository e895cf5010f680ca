"""Measures of codes and of samples: gaps in the latent space, sharpness, and how well codes know factors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from engine.codes.base import Coder
from engine.data import Dataset
from engine.device import precise
from engine.metrics.measure import LEFT_OUT, Measure
from engine.space import Picture

EXAMPLES, DRAWS = 3000, 1000  # codes, and places at which the gaps between them are measured

HOLES = Measure("holes", label="gaps between codes, 1 = as in N(0, I)", draw="number")
SHARPNESS = Measure("sharpness", label="sharpness of samples, 1 = real", draw="number")


def measure(model: Coder, data: Dataset) -> dict[str, Any]:
    """The HOLES of this model on these data; for pictures also the SHARPNESS of its samples."""
    mu, sigma = model.codes(*data.some(EXAMPLES))
    n = len(mu)
    codes = mu + sigma * torch.randn_like(mu)
    row: dict[str, Any] = {HOLES: holes(codes, model.p_z(DRAWS), model.p_z(n))}
    if isinstance(data.space, Picture):
        samples, real = model.sample(256), sharpness(data.some(256, test=True)[0])
        flat = f"{SHARPNESS} is left out because the test pictures have no edges to compare with."
        row |= {SHARPNESS: sharpness(samples) / real} if real > 0 else {LEFT_OUT: [flat]}
    return row


def holes(codes: Tensor, z: Tensor, others: Tensor) -> float:
    """How far draws z (m, d) of N(0, I) lie from the nearest of n codes (n, d), relative to the nearest
    of n `others` (n, d), which are draws of N(0, I) too; both distances are 90 % quantiles.

    It is 1 if codes are distributed like N(0, I), and more if parts of it have no code nearby. It
    tells most in few dimensions, because in many dimensions all points lie far apart.
    """
    far, usual = (torch.cdist(z, points).amin(1).quantile(0.9) for points in (codes, others))
    return (far / usual).item()


def sharpness(x: Tensor) -> float:
    """The mean squared difference of neighbouring pixels of pictures (n, C, H, W), over the variance about
    the mean of each picture. A blurred edge makes small differences."""
    steps = x.diff(dim=-1).square().mean() + x.diff(dim=-2).square().mean()
    return (steps / (x - x.mean((-1, -2), keepdim=True)).square().mean().clamp(min=1e-12)).item()


def known(mean: Tensor, deviation: Tensor, factors: Tensor, bins: int = 20) -> Tensor:
    """The share of each factor's entropy that each latent dimension knows, (F, z), from 0 to about 1.

    This is I(v; z_j) / H(v) with z_j ~ q(z_j | x), for codes with `mean` and `deviation` (n, z) and factors
    (n, F) of n examples. The information is estimated from a histogram with `bins` equally full bins a side,
    which reads up to (bins - 1)^2 / 2n nats too high. Codes are drawn, because the mean of a sleeping
    dimension could still tell a factor in its last digits.
    """
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(0)).to(mean)
    z, v = (binned(t, bins) for t in (mean + deviation * noise, factors.to(mean)))
    joint = torch.stack([torch.bincount(one * bins + z.T[j], minlength=bins * bins)
                         for one in v.T for j in range(z.shape[1])])  # fmt: skip
    p = precise(joint).view(v.shape[1], z.shape[1], bins, bins) / len(v)
    H_v, H_z, H_both = entropy(p.sum(3)), entropy(p.sum(2)), entropy(p.flatten(2))
    return ((H_v + H_z - H_both) / H_v.clamp(min=1e-12)).to(mean)


def mig(shares: Tensor) -> float:
    """The Mutual Information Gap of the shares (F, z) that `known` returns (Chen et al. 2018, eq. 6,
    https://arxiv.org/abs/1802.04942): how far the latent dimension that knows a factor best is ahead of the
    second best, averaged over factors. 1 if each has a dimension of its own, 0 if all are shared or unknown.
    """
    first, second = torch.cat([shares, torch.zeros_like(shares[:, :1])], 1).topk(2, 1).values.unbind(1)
    return (first - second).mean().item()


def binned(v: Tensor, bins: int) -> Tensor:
    """The bin, 0 ... bins - 1, of each number of v (n, d) within its column; equally full, but for ties."""
    ends = v.quantile(torch.linspace(0, 1, bins + 1).to(v)[1:-1], dim=0)
    return torch.searchsorted(ends.T.contiguous(), v.T.contiguous(), right=True).T


def entropy(p: Tensor) -> Tensor:
    """Entropy -sum p log p over the last axis, in nats."""
    return torch.special.entr(p).sum(-1)
