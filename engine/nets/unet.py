"""Nets that look at x_t, t and perhaps a label: what a diffusion trains.

Each maps x (n, *shape), t (n,) in [0, 1] or one number for all, and y (n,) to (n, *shape). Labels are 0 ...
classes - 1; the label `classes` stands for none.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, scaled_dot_product_attention, silu

from engine.config import Refused
from engine.space import Space

WAVES = 64  # numbers in which t is written
FASTEST = 1000.0  # t = 1 is 1,000 radians of the fastest wave


def waves(t: Tensor) -> Tensor:
    """t (n,) as sines and cosines of geometric frequencies, (n, WAVES) (Vaswani et al. 2017, section 3.5)."""
    pace = torch.exp(-math.log(10_000) * torch.arange(WAVES // 2).to(t) / (WAVES // 2))
    angle = FASTEST * t[:, None] * pace
    return torch.cat([angle.sin(), angle.cos()], 1)


class About(nn.Module):
    """What a net is told beside x: t, and the label where there are labels; (n, width)."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.Linear(WAVES, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(classes + 1, width) if classes else None

    def forward(self, t: Tensor, y: Tensor | None) -> Tensor:
        told = self.time(waves(t.reshape(-1)))
        if self.label is not None:
            told = told + (self.label.weight[-1] if y is None else self.label(y))
        return silu(told)


class PointNet(nn.Module):
    """For points: `depth` layers, each of which adds to what came before it and is told t and the label."""

    def __init__(self, space: Space, width: int, depth: int, classes: int) -> None:
        super().__init__()
        self.about = About(width, classes)
        self.first = nn.Linear(space.size, width)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.told = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.last = nn.Linear(width, space.size)

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        told = self.about(t, y)
        h = self.first(x.flatten(1))
        for layer, tell in zip(self.layers, self.told, strict=True):
            h = h + silu(layer(h) + tell(told))
        return self.last(h).reshape(x.shape)


def norm(channels: int) -> nn.GroupNorm:
    """In eight groups, but of no fewer than four channels each: in a group of one, the norm would take away
    what t and the label have added."""
    return nn.GroupNorm(min(8, channels // 4), channels)


class Residual(nn.Module):
    """Two 3 x 3 convolutions that add to their input; between them t and the label shift each channel."""

    def __init__(self, inputs: int, outputs: int, told: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = norm(inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.tell = nn.Linear(told, outputs)
        self.norm2, self.conv2 = norm(outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.past = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        for weight in self.conv2.parameters():
            nn.init.zeros_(weight)  # at first every block passes on what it gets

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        h = self.conv1(silu(self.norm1(x))) + self.tell(told)[:, :, None, None]
        return self.past(x) + self.conv2(silu(self.norm2(h)))


class Attention(nn.Module):
    """Every place of a feature map looks at every other (Vaswani et al. 2017), and adds what it finds."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads, self.norm = heads, norm(channels)
        self.qkv, self.out = nn.Conv2d(channels, 3 * channels, 1), nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm(x)).flatten(2).unflatten(1, (3, self.heads, -1)).mT.unbind(1)
        found = scaled_dot_product_attention(q, k, v).mT.flatten(1, 2)
        return x + self.out(found.reshape(x.shape))


class UNet(nn.Module):
    """For pictures: a U-Net (Ronneberger et al. 2015) as in Ho et al. 2020, small.

    Four pixels make a place of four numbers first, which is four times fewer places to convolve: 28 x 28 is
    14 x 14, then 7 x 7, where attention looks at all of them. `depth` blocks at each size.
    """

    def __init__(self, space: Space, width: int, depth: int, classes: int) -> None:
        super().__init__()
        channels, high, wide = space.shape
        if high % 4 or wide % 4:
            raise Refused(f"A U-Net halves pictures twice; {high} x {wide} is not divisible by 4.")
        c, told = width, 4 * width
        self.about = About(told, classes)
        self.first = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * channels, c, 3, padding=1))
        self.down = nn.ModuleList(Residual(c, c, told) for _ in range(depth))
        self.shrink = nn.Conv2d(c, 2 * c, 3, stride=2, padding=1)
        self.low = nn.ModuleList(Residual(2 * c, 2 * c, told) for _ in range(2 * depth))
        self.look = nn.ModuleList(Attention(2 * c) for _ in range(2 * depth))
        self.up = nn.ModuleList(Residual((3 if i == 0 else 1) * c, c, told) for i in range(depth))
        self.last = nn.Sequential(
            norm(c), nn.SiLU(), nn.Conv2d(c, 4 * channels, 3, padding=1), nn.PixelShuffle(2)
        )

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        told = self.about(t, y)
        h = self.first(x)
        for block in self.down:
            h = block(h, told)
        beside, h = h, self.shrink(h)
        for block, look in zip(self.low, self.look, strict=True):
            h = look(block(h, told))
        h = torch.cat([interpolate(h, scale_factor=2.0), beside], 1)
        for block in self.up:
            h = block(h, told)
        return self.last(h)
