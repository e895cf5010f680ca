"""The Mutual Information Gap: how well single latent dimensions stand for single known factors."""

from __future__ import annotations

import torch
from torch import Tensor


def known(mean: Tensor, deviation: Tensor, factors: Tensor, bins: int = 20) -> Tensor:
    """The share of each factor's entropy that each latent dimension knows, (F, z), from 0 to about 1.

    This is I(v; z_j) / H(v) with z_j ~ q(z_j | x), for codes with `mean` and `deviation` (n, z) and factors
    (n, F) of n examples. The information is estimated from a histogram with `bins` equally full bins a side,
    which reads up to (bins - 1)^2 / 2n nats too high. Codes are drawn, because the mean of a sleeping
    dimension could still tell a factor in its last digits.
    """
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(0)).to(mean)
    z, v = (binned(t, bins) for t in (mean + deviation * noise, factors.to(mean)))
    joint = torch.stack([torch.bincount(one * bins + z.T[j], minlength=bins * bins).double()
                         for one in v.T for j in range(z.shape[1])])  # fmt: skip
    p = joint.view(v.shape[1], z.shape[1], bins, bins) / len(v)
    H_v, H_z, H_both = entropy(p.sum(3)), entropy(p.sum(2)), entropy(p.flatten(2))
    return ((H_v + H_z - H_both) / H_v.clamp(min=1e-12)).to(mean)


def mig(shares: Tensor) -> float:
    """The Mutual Information Gap of the shares (F, z) that `known` returns.

    It says how far the latent dimension that knows a factor best is ahead of the second best, averaged over
    factors (Chen et al. 2018, eq. 6, https://arxiv.org/abs/1802.04942). 1 means that each factor has a
    dimension of its own; 0 means that factors are shared or unknown.
    """
    first, second = torch.cat([shares, torch.zeros_like(shares[:, :1])], 1).topk(2, 1).values.unbind(1)
    return (first - second).mean().item()


def binned(v: Tensor, bins: int) -> Tensor:
    """The bin, 0 ... bins - 1, of each number of v (n, d) within its column.

    The bins are equally full, except that equal numbers share a bin.
    """
    ends = v.quantile(torch.linspace(0, 1, bins + 1).to(v)[1:-1], dim=0)
    return torch.searchsorted(ends.T.contiguous(), v.T.contiguous(), right=True).T


def entropy(p: Tensor) -> Tensor:
    """Entropy -sum p log p over the last axis, in nats."""
    return torch.special.entr(p).sum(-1)
