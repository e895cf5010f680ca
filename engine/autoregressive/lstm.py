"""The two LSTM layers of pictures, row by row and diagonal by diagonal (van den Oord et al. 2016, section 3).

A layer takes features x (n, c, H, W) of pixels to the states (n, h, H, W) that it has there. `start`, `pixel`
and `end_row` give the same states one pixel at a time, for sampling.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, linear, pad

from engine.nets.masked import MaskedConv2d, causal

Kept = dict[str, Any]
"""What a layer keeps of the pixels before."""


def cell(z: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One step of an LSTM: from the gates z (n, 4 h, ...) and the cell c (n, h, ...) to state and cell."""
    i, f, o, g = z.chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


class RowLSTM(nn.Module):
    """A row is given the states of the row above, by a convolution three wide: a pixel sees a triangle."""

    def __init__(self, inputs: int, h: int) -> None:
        super().__init__()
        self.h = h
        self.input = MaskedConv2d(inputs, 4 * h, causal(3, True)[-1:])
        self.state = nn.Conv1d(h, 4 * h, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, H, W) to (n, h, H, W), row after row."""
        n, _, _, W = x.shape
        z = self.input(x)
        h = c = x.new_zeros(n, self.h, W)
        states = []
        for row in z.unbind(2):
            h, c = cell(row + self.state(h), c)
            states.append(h)
        return torch.stack(states, 2)

    def start(self, n: int, H: int, W: int) -> Kept:
        """What is known before the first pixel."""
        zeros = self.state.weight.new_zeros
        above = {"of above": zeros(n, 4 * self.h, W), "c": zeros(n, self.h, W), "h": zeros(n, self.h, W)}
        return above | {"left": self.input.margin(n, 1, W)}

    def pixel(self, kept: Kept, x: Tensor, r: int, c: int) -> Tensor:
        """The state (n, h) at a pixel whose features are x (n, inputs)."""
        self.input.put(kept["left"], x, 0, c)
        z = self.input.at(kept["left"], 0, c) + kept["of above"][:, :, c]
        kept["h"][:, :, c], kept["c"][:, :, c] = cell(z, kept["c"][:, :, c])
        h: Tensor = kept["h"][:, :, c].clone()
        return h

    def end_row(self, kept: Kept, r: int) -> None:
        """The row is complete."""
        kept["of above"] = self.state(kept["h"])
        kept["left"].zero_()


class Diagonal(nn.Module):
    """One direction: a pixel is given the states to its left and above it, so it sees all that is above and
    to its left. In the skewed picture, whose columns are the diagonals of x, that is one column before."""

    def __init__(self, inputs: int, h: int) -> None:
        super().__init__()
        self.h = h
        self.input = nn.Conv2d(inputs, 4 * h, 1)
        self.state = nn.Conv1d(h, 4 * h, 2, bias=False)  # of the pixel above, and of that to the left

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, H, W) to (n, h, H, W), diagonal after diagonal."""
        n, _, H, W = x.shape
        inside = skewed(x.new_ones(1, 1, H, W))
        h = c = x.new_zeros(n, self.h, H)
        states = []
        for column, here in zip(skewed(self.input(x)).unbind(3), inside.unbind(3), strict=True):
            h, c = cell(column + self.state(pad(h, (1, 0))), c)
            h, c = h * here, c * here  # beyond the edges there is nothing
            states.append(h)
        return unskewed(torch.stack(states, 3), W)

    def one(self, x: Tensor, above: Tensor, left: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """State and cell of one pixel, from its features, the states above and to the left, and the cell to
        the left."""
        z = linear(x, self.input.weight.flatten(1), self.input.bias)
        z = z + conv1d(torch.stack([above, left], 2), self.state.weight)[:, :, 0]
        return cell(z, c)


class DiagonalBiLSTM(nn.Module):
    """Both directions: what comes from the right is moved down by one row before it is added, because a pixel
    may not see what is to its right. `shift` False leaves that out, and then the future leaks in."""

    def __init__(self, inputs: int, h: int, shift: bool = True) -> None:
        super().__init__()
        self.h, self.shift = h, shift
        self.left, self.right = Diagonal(inputs, h), Diagonal(inputs, h)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, H, W) to (n, h, H, W)."""
        right = self.right(x.flip(3)).flip(3)
        return self.left(x) + (pad(right, (0, 0, 1, 0))[:, :, :-1] if self.shift else right)

    def start(self, n: int, H: int, W: int) -> Kept:
        """What is known before the first pixel: nothing."""
        zeros = self.left.state.weight.new_zeros
        return {
            "x": zeros(n, self.left.input.in_channels, W), "c": zeros(n, self.h),
            "left": zeros(n, self.h, W + 1), "right": zeros(n, self.h, W),
        }  # fmt: skip

    def pixel(self, kept: Kept, x: Tensor, r: int, c: int) -> Tensor:
        """The state (n, h) at a pixel whose features are x (n, inputs)."""
        kept["x"][:, :, c], left = x, kept["left"]  # at place c that of the pixel before, at c + 1 that above
        before = left[:, :, 0] if c == 0 else left[:, :, c]
        h, kept["c"] = self.left.one(x, left[:, :, c + 1].clone(), before.clone(), kept["c"])
        left[:, :, c + 1] = h
        # without the shift it asks for what is to the right, where nothing is drawn yet: a 0 stands for it
        return h + kept["right"][:, :, c] if self.shift else h

    def end_row(self, kept: Kept, r: int) -> None:
        """The row is complete: now the other direction can go through it."""
        h = c = torch.zeros_like(kept["c"])
        for i in reversed(range(kept["x"].shape[2])):
            h, c = self.right.one(kept["x"][:, :, i], kept["right"][:, :, i].clone(), h, c)
            kept["right"][:, :, i] = h
        kept["c"] = torch.zeros_like(kept["c"])


def skewed(x: Tensor) -> Tensor:
    """Row r of x (n, c, H, W) moved to the right by r: (n, c, H, W + H - 1), whose columns are diagonals."""
    H, W = x.shape[2:]
    return pad(x, (0, H)).flatten(2)[:, :, : H * (W + H - 1)].unflatten(2, (H, W + H - 1))


def unskewed(x: Tensor, W: int) -> Tensor:
    """The picture (n, c, H, W) from its skewed form."""
    H = x.shape[2]
    return pad(x.flatten(2), (0, H)).unflatten(2, (H, W + H))[:, :, :, :W]
