"""MADE: a net whose i-th output depends only on the inputs before i.

Germain et al. 2015, https://arxiv.org/abs/1502.03509.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear, pad


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


class MaskedConv2d(nn.Conv2d):
    """A convolution of pictures, as large as they are, that looks upwards and to both sides: the last row of
    the kernel is that of the pixel. Some of its weights are masked."""

    mask: Tensor

    def __init__(self, inputs: int, outputs: int, mask: Tensor) -> None:
        """`mask` (rows, columns) is 1 where a pixel may look, which is in the middle of the last row."""
        self.up, self.side = mask.shape[0] - 1, mask.shape[1] // 2
        super().__init__(inputs, outputs, (mask.shape[0], mask.shape[1]))
        self.register_buffer("mask", mask.to(self.weight.dtype))
        nn.init.normal_(self.weight, std=(inputs * max(1, int(mask.sum()))) ** -0.5)
        assert self.bias is not None
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, H, W) to (n, outputs, H, W)."""
        above = pad(x, (0, 0, self.up, 0))
        return conv2d(above, self.weight * self.mask, self.bias, padding=(0, self.side))

    def margin(self, n: int, H: int, W: int) -> Tensor:
        """Zeros for the input of n pictures, with the margin that their first pixels see."""
        return self.weight.new_zeros(n, self.in_channels, H + self.up, W + 2 * self.side)

    def put(self, padded: Tensor, h: Tensor, r: int, c: int) -> None:
        """Write the features h (n, inputs) of one pixel into an input with a margin."""
        padded[:, :, r + self.up, c + self.side] = h

    def row(self, padded: Tensor, new: Tensor, r: int) -> Tensor:
        """The outputs (n, outputs, 1, W) of row r, whose input `new` (n, inputs, 1, W) is written first."""
        padded[:, :, r + self.up : r + self.up + 1, self.side : padded.shape[3] - self.side] = new
        return conv2d(padded[:, :, r : r + self.up + 1], self.weight * self.mask, self.bias)

    def at(self, padded: Tensor, r: int, c: int) -> Tensor:
        """The outputs (n, outputs) of one pixel, from an input with a margin."""
        patch = padded[:, :, r : r + self.up + 1, c : c + 2 * self.side + 1]
        return linear(patch.flatten(1), (self.weight * self.mask).flatten(1), self.bias)


def causal(size: int, itself: bool) -> Tensor:
    """The mask of a pixel that sees the pixels before it, row by row, in a window of this size around it; of
    type B it sees `itself` too, of type A not (van den Oord et al. 2016)."""
    mask = torch.ones(size // 2 + 1, size)
    mask[-1, size // 2 + itself :] = 0
    return mask


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
        and i is -1. As `in_turn`."""
        hidden = [(layer.masked, layer.bias) for layer in self.hidden]
        out, bias = (t.unflatten(0, (self.D, self.k)) for t in (self.out.masked, self.out.bias))
        return in_turn(n, self.rank, [self.known] * len(hidden), hidden, out, bias)


def in_turn(
    n: int,
    rank: Tensor,
    known: list[list[int]],
    hidden: list[tuple[Tensor, Tensor]],
    out: Tensor,
    bias: Tensor,
) -> Generator[tuple[int, Tensor], Tensor, None]:
    """The outputs of a masked net, one number at a time: yields (i, o (n, k)) and is sent x_i, (n,) or
    (n, c), until all are known and i is -1. Each unit is computed once, as soon as it can be, so that all D
    steps multiply as often as one pass.

    `known[j][d]` is how many units of layer j are known once the numbers of rank <= d are: units are sorted
    so. `hidden` are masked weights and biases, the first weights (units, c D). `out` is (D, k, units), and
    `bias` (D, k).
    """
    order = rank.argsort().tolist()
    (first, begin), *others = hidden
    columns = first.unflatten(1, (-1, len(rank)))
    units: list[list[Tensor]] = [[] for _ in hidden]
    sums = begin.expand(n, -1)
    for d, i in enumerate(order):
        o = bias[i].expand(n, -1)
        if d:
            o = o + torch.cat(units[-1], 1) @ out[i][:, : known[-1][d - 1]].T
        x = yield i, o
        sums = sums + x.reshape(n, -1) @ columns[:, :, i].T
        for j in range(len(hidden)):
            new = slice(known[j][d - 1] if d else 0, known[j][d])
            if new.stop == new.start and units[j]:
                continue
            if j == 0:
                units[0].append(sums[:, new].relu())
            else:
                weight, b = others[j - 1]
                h = torch.cat(units[j - 1], 1)
                units[j].append((h @ weight[new, : known[j - 1][d]].T + b[new]).relu())
    yield -1, sums
