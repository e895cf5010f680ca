"""Modes covered and high-quality share, for targets whose modes are known (VEEGAN, 2017, section 4.1)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Coverage(NamedTuple):
    """How many modes samples reach, and what share of them is near one."""

    modes: int  # modes that hold at least `share` of a fair part of the samples
    high_quality: float  # share of samples within 3 sigma of a mode; blind to modes that are missing
    shares: Tensor  # (K,), the share of all samples that is nearest to each mode, near or far


def coverage(samples: Tensor, modes: Tensor, sigma: float, share: float = 0.1) -> Coverage:
    """Count the modes that samples (n, d) of a mixture of N(mode, sigma^2 I) reach.

    modes has shape (K, d). A mode is covered when its high-quality samples number at least
    `share` of n / K, so one stray point does not count.
    """
    distance, nearest = torch.cdist(samples, modes.to(samples)).min(dim=1)
    good = distance <= 3 * sigma
    counts = torch.bincount(nearest[good], minlength=len(modes))
    enough = max(1, math.ceil(share * len(samples) / len(modes)))
    shares = torch.bincount(nearest, minlength=len(modes)).double() / len(samples)
    return Coverage(int((counts >= enough).sum()), good.double().mean().item(), shares)
