"""MADE: a net whose i-th output depends only on the inputs before i.

Germain et al. 2015, https://arxiv.org/abs/1502.03509.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear


class MaskedLinear(nn.Linear):
    """A linear layer some of whose weights are masked: x (W * mask)^T + b."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask.to(self.weight.dtype))

    @property
    def masked(self) -> Tensor:
        """The weights that the mask leaves, (outputs, inputs)."""
        return self.weight * self.mask

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs) to (n, outputs)."""
        return linear(x, self.masked, self.bias)


class MADE(nn.Module):
    """(n, D) to (n, D, k): the k outputs for x_i depend only on the x_j of lower rank.

    `rank` (D,) is the position of each number in the order, 0 ... D - 1. A hidden unit of degree d in
    0 ... D - 2 sees what has rank or degree <= d. Units are sorted by degree.
    """

    rank: Tensor

    def __init__(self, rank: Tensor, width: int, depth: int, k: int) -> None:
        super().__init__()
        self.D, self.k = len(rank), k
        self.register_buffer("rank", rank.clone())  # layers may share this tensor; safetensors may not
        degree = torch.arange(width) * max(1, self.D - 1) // width  # evenly spread, ascending
        before, layers = rank, []
        for _ in range(depth):
            layers.append(MaskedLinear(degree[:, None] >= before[None, :]))
            before = degree
        self.hidden: Any = nn.ModuleList(layers)
        self.out = MaskedLinear((rank[:, None] > before[None, :]).repeat_interleave(k, 0))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        # how many units of a layer are known once the numbers of rank <= d are
        self.known = torch.searchsorted(degree, torch.arange(self.D), right=True).tolist()

    def forward(self, x: Tensor) -> Tensor:
        """The k outputs for each number of x (n, D), in one pass."""
        for layer in self.hidden:
            x = layer(x).relu_()  # in place, which saves a quarter of the time on a large grid
        return self.out(x).unflatten(1, (self.D, self.k))

    def mask(self) -> Tensor:
        """1 where an output (first index) may see an input, else 0, (D, D): the product of all masks."""
        layers: list[MaskedLinear] = [*self.hidden, self.out]
        seen = layers[0].mask
        for layer in layers[1:]:
            seen = (layer.mask @ seen).clamp(max=1)
        return seen[:: self.k]

    def one_by_one(self, n: int) -> Generator[tuple[int, Tensor], Tensor, None]:
        """The outputs one number at a time: yields (i, o (n, k)) and is sent x_i (n,), until all are known
        and i is -1. Each unit is computed once, as soon as it can be, so that all D steps multiply as often
        as one pass."""
        order = self.rank.argsort().tolist()
        weights = [layer.masked for layer in self.hidden]
        units: list[list[Tensor]] = [[] for _ in self.hidden]
        out = self.out.masked.unflatten(0, (self.D, self.k))
        bias = self.out.bias.unflatten(0, (self.D, self.k))
        first = weights[0][:, order]  # its columns, in the order in which the numbers become known
        sums = self.hidden[0].bias.expand(n, -1)
        for d, i in enumerate(order):
            o, done = bias[i].expand(n, -1), 0
            if d:
                done = self.known[d - 1]
                o = o + torch.cat(units[-1], 1) @ out[i][:, :done].T
            x = yield i, o
            new = slice(done, self.known[d])
            sums = sums + x[:, None] * first[:, d]
            if new.stop > done:
                units[0].append(sums[:, new].relu())
                for j in range(1, len(weights)):
                    h = torch.cat(units[j - 1], 1)
                    units[j].append((h @ weights[j][new, : new.stop].T + self.hidden[j].bias[new]).relu())
        yield -1, sums
