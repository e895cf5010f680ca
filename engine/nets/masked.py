"""MADE: a net whose i-th output sees the inputs before i only (Germain et al. 2015,
https://arxiv.org/abs/1502.03509)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear


class MaskedLinear(nn.Linear):
    """x (W * mask)^T + b."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask.to(self.weight.dtype))

    @property
    def masked(self) -> Tensor:
        """The weights that count, (outputs, inputs)."""
        return self.weight * self.mask

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.masked, self.bias)


class MADE(nn.Module):
    """(n, D) to (n, D, k): the k outputs for x_i depend on those x_j only whose rank is lower.

    `rank` (D,) is the place of each number in the order, 0 ... D - 1. A hidden unit has a degree d in
    0 ... D - 2 and sees what has rank (or degree) <= d; units lie in the order of their degrees.
    """

    rank: Tensor

    def __init__(self, rank: Tensor, width: int, depth: int, k: int) -> None:
        super().__init__()
        self.D, self.k = len(rank), k
        self.register_buffer("rank", rank.clone())  # layers may share an order; files may not share
        degree = torch.arange(width) * max(1, self.D - 1) // width  # evenly, rising
        before, layers = rank, []
        for _ in range(depth):
            layers.append(MaskedLinear(degree[:, None] >= before[None, :]))
            before = degree
        self.hidden: Any = nn.ModuleList(layers)
        self.out = MaskedLinear((rank[:, None] > before[None, :]).repeat_interleave(k, 0))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        # how many units of a layer are known when the numbers of rank <= d are
        self.known = torch.searchsorted(degree, torch.arange(self.D), right=True).tolist()

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = layer(x).relu_()  # in place: a quarter of the time of a large grid
        return self.out(x).unflatten(1, (self.D, self.k))

    def mask(self) -> Tensor:
        """Which output (first index) may see which input, (D, D): the product of all masks, as 0 and 1."""
        seen = torch.eye(self.D, dtype=self.out.mask.dtype, device=self.out.mask.device)
        for layer in (*self.hidden, self.out):
            seen = (layer.mask @ seen).clamp(max=1)
        return seen[:: self.k]

    def one_by_one(self, n: int) -> Generator[tuple[int, Tensor], Tensor, None]:
        """The outputs in their order: yields (i, o (n, k)) and is sent x_i (n,), until all are known.

        Each unit is computed once, as soon as all that it may see is known: all D steps together cost as many
        multiplications as one pass, but they must wait for each other.
        """
        order = self.rank.argsort().tolist()
        weights = [layer.masked for layer in self.hidden]
        xs: list[Tensor] = []
        units: list[list[Tensor]] = [[] for _ in self.hidden]
        out = self.out.masked.unflatten(0, (self.D, self.k))
        bias = self.out.bias.unflatten(0, (self.D, self.k))
        first = weights[0][:, order]  # its columns in the order in which numbers become known
        sums = self.hidden[0].bias.expand(n, -1)
        for d, i in enumerate(order):
            o = bias[i].expand(n, -1)
            done = 0
            if d:
                done = self.known[d - 1]
                h = torch.cat(units[-1], 1) if units[-1] else first.new_zeros(n, 0)
                o = o + h @ out[i][:, :done].T
            xs.append((yield i, o))
            start, end = done, self.known[d]
            sums = sums + xs[-1][:, None] * first[:, d]
            if end > start:
                below = sums[:, start:end].relu()
                units[0].append(below)
                for j in range(1, len(weights)):
                    h = torch.cat(units[j - 1], 1)
                    below = (h @ weights[j][start:end, :end].T + self.hidden[j].bias[start:end]).relu()
                    units[j].append(below)
        yield -1, sums
