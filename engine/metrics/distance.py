"""Distances between clouds of points: sliced Wasserstein, and the Jensen-Shannon divergence of histograms."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.data.targets import Box

ANGLES = 128
FINE = 16  # steps of a reference's quantile function for each point compared with it


def directions(d: int) -> Tensor:
    """Unit vectors to project on, shape (P, d). In the plane their angles are equally spaced and not random:
    so the mean over them is exact for a shift, and two measurements never differ by chance."""
    if d == 1:
        return torch.ones(1, 1)
    angle = math.pi * torch.arange(ANGLES, dtype=torch.float64) / ANGLES
    return torch.stack([angle.cos(), angle.sin()], -1)


def shadows(x: Tensor, along: Tensor) -> Tensor:
    """The projections of points (n, d) on directions (P, d), each sorted, shape (P, n)."""
    # NumPy sorts with vector instructions: seven times as fast as torch on a CPU
    return torch.from_numpy(np.sort((along.to(x) @ x.T).numpy()))


class Quantiles(NamedTuple):
    """What n sorted numbers are compared with: a reference cloud, in each direction."""

    means: Tensor  # (P, n), the reference's mean between the quantiles i / n and (i + 1) / n
    spread: float  # the mean squared deviation from these means


def quantiles(reference: Tensor, n: int) -> Quantiles:
    """The quantiles of sorted projections (P, m), for n points; exact if m divides FINE n."""
    m = reference.shape[1]
    step = ((torch.arange(FINE * n) * 2 + 1) * m) // (2 * FINE * n)
    blocks = reference[:, step].unflatten(1, (n, FINE))
    return Quantiles(blocks.mean(-1), blocks.var(-1, correction=0).mean().item())


def sliced_wasserstein(x: Tensor, reference: Quantiles, along: Tensor) -> float:
    """SW2 = sqrt(mean over directions of W2^2) between points (n, d) and a reference, in the data's unit;
    on a line, W2 itself. Bonneel et al. 2015, https://doi.org/10.1007/s10851-014-0506-3."""
    squares = (shadows(x, along) - reference.means).double().square().mean().item()
    return math.sqrt(squares + reference.spread)


def histogram(x: Tensor, box: Box, cells: int) -> Tensor:
    """The share of points (n, d) in each of cells^d cells of the box and, last, outside the box."""
    d = x.shape[1]
    low, high = torch.tensor(box, dtype=x.dtype).view(2, 2).T[:, :d]
    at = ((x - low) / (high - low) * cells).floor()
    inside = ((at >= 0) & (at < cells)).all(1)
    number = (at[inside].long() * torch.tensor([1, cells][:d])).sum(1)
    counts = torch.bincount(number, minlength=cells**d)
    return torch.cat([counts, (~inside).sum()[None]]).double() / len(x)


def jensen_shannon(p: Tensor, q: Tensor) -> float:
    """JSD(p, q) in bits, of probabilities (K,): 0 if they are equal, 1 if they have no cell in common."""
    entropy = torch.special.entr(torch.stack([(p + q) / 2, p, q])).sum(1) / math.log(2)
    return (entropy[0] - (entropy[1] + entropy[2]) / 2).clamp(0, 1).item()  # rounding must not leave [0, 1]
