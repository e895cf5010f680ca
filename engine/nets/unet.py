"""Nets that a diffusion trains: they see x_t, t and perhaps a label.

Each maps x (n, *shape), t (n,) or (1,) in [0, 1] and labels y (n,) to (n, *shape). Labels are 0 ...
classes - 1; the label `classes` stands for none.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, scaled_dot_product_attention, silu

from engine.config import Refused
from engine.space import Space

WAVES = 64  # numbers that encode t
FASTEST = 1000.0  # radians of the fastest wave at t = 1


def waves(t: Tensor) -> Tensor:
    """Sines and cosines of t (n,) at geometric frequencies, (n, WAVES) (Vaswani et al. 2017, section 3.5)."""
    pace = torch.exp(-math.log(10_000) * torch.arange(WAVES // 2).to(t) / (WAVES // 2))
    angle = FASTEST * t[:, None] * pace
    return torch.cat([angle.sin(), angle.cos()], 1)


class Conditioning(nn.Module):
    """What a net sees beside x: t and, where there are labels, y; as a vector (n, width)."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.Linear(WAVES, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(classes + 1, width) if classes else None

    def forward(self, t: Tensor, y: Tensor | None) -> Tensor:
        """The vector (n, width) for t (n,) and y (n,)."""
        c = self.time(waves(t.reshape(-1)))
        if self.label is not None:
            c = c + (self.label.weight[-1] if y is None else self.label(y))
        return silu(c)


class PointNet(nn.Module):
    """For points: `depth` residual layers, each of which sees t and the label."""

    def __init__(self, space: Space, width: int, depth: int, classes: int) -> None:
        super().__init__()
        self.about = Conditioning(width, classes)
        self.first = nn.Linear(space.size, width)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.told = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.last = nn.Linear(width, space.size)

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        """The output for x (n, *shape), of its shape."""
        c = self.about(t, y)
        h = self.first(x.flatten(1))
        for layer, told in zip(self.layers, self.told, strict=True):
            h = h + silu(layer(h) + told(c))
        return self.last(h).reshape(x.shape)


def norm(channels: int) -> nn.GroupNorm:
    """Group normalization in eight groups, but with at least four channels in each: in a group of one
    channel, the norm would remove what t and the label have added."""
    return nn.GroupNorm(min(8, channels // 4), channels)


class Residual(nn.Module):
    """Two 3 x 3 convolutions with a shortcut; between them t and the label shift each channel."""

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = norm(inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.tell = nn.Linear(width, outputs)
        self.norm2, self.conv2 = norm(outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.past = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        for weight in self.conv2.parameters():
            nn.init.zeros_(weight)  # at first every block is its shortcut alone

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """Features (n, outputs, H, W) of x (n, inputs, H, W), shifted by c (n, width)."""
        h = self.conv1(silu(self.norm1(x))) + self.tell(c)[:, :, None, None]
        return self.past(x) + self.conv2(silu(self.norm2(h)))


class Attention(nn.Module):
    """Self-attention over the places of a feature map (Vaswani et al. 2017), with a shortcut."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads, self.norm = heads, norm(channels)
        self.qkv, self.out = nn.Conv2d(channels, 3 * channels, 1), nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Features of the shape of x (n, channels, H, W)."""
        q, k, v = self.qkv(self.norm(x)).flatten(2).unflatten(1, (3, self.heads, -1)).mT.unbind(1)
        attended = scaled_dot_product_attention(q, k, v).mT
        return x + self.out(attended.reshape(x.shape))


class UNet(nn.Module):
    """For pictures: a small U-Net (Ronneberger et al. 2015) as in Ho et al. 2020; `depth` blocks a size.

    First every 2 x 2 pixels become one place with four channels, so that there are four times fewer places to
    convolve: 28 x 28 becomes 14 x 14, then 7 x 7 with attention.
    """

    def __init__(self, space: Space, width: int, depth: int, classes: int) -> None:
        super().__init__()
        channels, high, wide = space.shape
        if high % 4 or wide % 4:
            raise Refused(f"A U-Net halves pictures twice; {high} x {wide} is not divisible by 4.")
        c, inner = width, 4 * width
        self.about = Conditioning(inner, classes)
        self.first = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * channels, c, 3, padding=1))
        self.down = nn.ModuleList(Residual(c, c, inner) for _ in range(depth))
        self.shrink = nn.Conv2d(c, 2 * c, 3, stride=2, padding=1)
        self.low = nn.ModuleList(Residual(2 * c, 2 * c, inner) for _ in range(2 * depth))
        self.look = nn.ModuleList(Attention(2 * c) for _ in range(2 * depth))
        self.up = nn.ModuleList(Residual((3 if i == 0 else 1) * c, c, inner) for i in range(depth))
        last = nn.Conv2d(c, 4 * channels, 3, padding=1)
        self.last = nn.Sequential(norm(c), nn.SiLU(), last, nn.PixelShuffle(2))

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        """The output for pictures x (n, C, H, W), of their shape."""
        c = self.about(t, y)
        h = self.first(x)
        for block in self.down:
            h = block(h, c)
        beside, h = h, self.shrink(h)
        for block, look in zip(self.low, self.look, strict=True):
            h = look(block(h, c))
        h = torch.cat([interpolate(h, scale_factor=2.0), beside], 1)
        for block in self.up:
            h = block(h, c)
        return self.last(h)
