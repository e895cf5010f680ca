"""Covered modes and the share of high-quality samples, for known modes (VEEGAN, 2017, section 4.1)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Coverage(NamedTuple):
    """How many modes the samples reach, and what share of samples is near a mode."""

    modes: int  # modes that hold at least `share` of a fair part of the samples
    high_quality: float  # share of samples within 3 sigma of a mode; missing modes do not change it
    shares: Tensor  # (K,), the share of all samples whose nearest mode it is, however far


def coverage(samples: Tensor, modes: Tensor, sigma: float, share: float = 0.1) -> Coverage:
    """How samples (n, d) cover the modes (K, d) of a mixture of N(mode, sigma^2 I). A mode is covered by at
    least `share` of n / K high-quality samples, so that one stray point does not count."""
    distance, nearest = torch.cdist(samples, modes.to(samples)).min(dim=1)
    good = distance <= 3 * sigma
    counts = torch.bincount(nearest[good])
    enough = max(1, math.ceil(share * len(samples) / len(modes)))
    shares = torch.bincount(nearest, minlength=len(modes)).double() / len(samples)
    return Coverage(int((counts >= enough).sum()), good.double().mean().item(), shares)
