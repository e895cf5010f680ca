"""Models of black and white pixels as others would write them, without anything of ours: the references of
bench_autoregressive. Each takes pictures of 0 and 1 (n, 1, H, W) to the logits of white pixels."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PlainNADE(nn.Module):
    """One loop over the pixels, with the running sum."""

    def __init__(self, pixels: int, hidden: int) -> None:
        super().__init__()
        self.into = nn.Parameter(torch.randn(hidden, pixels) * pixels**-0.5)
        self.out = nn.Parameter(torch.randn(pixels, hidden) * hidden**-0.5)
        self.hidden_bias, self.out_bias = (
            nn.Parameter(torch.zeros(hidden)),
            nn.Parameter(torch.zeros(pixels)),
        )

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(1)
        total, logits = self.hidden_bias.expand(len(x), -1), []
        for d in range(flat.shape[1]):
            logits.append(torch.sigmoid(total) @ self.out[d] + self.out_bias[d])
            total = total + flat[:, d : d + 1] * self.into[:, d]
        return torch.stack(logits, 1).view_as(x)


class PlainMADE(nn.Module):
    """One hidden layer with numpy masks of random degrees."""

    def __init__(self, pixels: int, hidden: int) -> None:
        super().__init__()
        degrees = np.random.default_rng(0).integers(1, pixels, size=hidden)
        order = np.arange(1, pixels + 1)
        self.first, self.second = nn.Linear(pixels, hidden), nn.Linear(hidden, pixels)
        first = torch.from_numpy((degrees[:, None] >= order[None, :]).astype(np.float32))
        second = torch.from_numpy((order[:, None] > degrees[None, :]).astype(np.float32))
        self.register_buffer("first_mask", first)
        self.register_buffer("second_mask", second)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.relu(F.linear(x.flatten(1), self.first.weight * self.first_mask, self.first.bias))
        return F.linear(hidden, self.second.weight * self.second_mask, self.second.bias).view_as(x)


class Masked(nn.Conv2d):
    """A whole kernel whose mask is multiplied in before each use."""

    def __init__(self, kind: str, inputs: int, outputs: int, size: int) -> None:
        super().__init__(inputs, outputs, size, padding=size // 2)
        mask = torch.zeros_like(self.weight)
        mask[:, :, : size // 2] = 1
        mask[:, :, size // 2, : size // 2 + (kind == "B")] = 1
        self.register_buffer("mask", mask)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


class PlainPixelCNN(nn.Module):
    """Mask A, then residual layers of mask B, then 1 x 1."""

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.first = Masked("A", 1, channels, 7)
        self.rest = nn.ModuleList(Masked("B", channels, channels, 3) for _ in range(layers))
        self.end = nn.Sequential(
            nn.ReLU(), nn.Conv2d(channels, 2 * channels, 1), nn.ReLU(), nn.Conv2d(2 * channels, 1, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        for layer in self.rest:
            h = h + layer(F.relu(h))
        return self.end(h)


class PlainGatedLayer(nn.Module):
    """Both stacks, by padding and cropping."""

    def __init__(self, inputs: int, channels: int, size: int, first: bool) -> None:
        super().__init__()
        self.size, self.first = size, first
        self.vertical = nn.Conv2d(inputs, 2 * channels, (size // 2 + 1, size))
        width = size // 2 + (not first)
        self.horizontal = nn.Conv2d(inputs, 2 * channels, (1, width))
        self.width = width
        self.to_horizontal = nn.Conv2d(2 * channels, 2 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, v: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        half = self.size // 2
        vertical = self.vertical(F.pad(v, (half, half, half, 0)))
        above = F.pad(vertical, (0, 0, 1, 0))[:, :, :-1]
        left = F.pad(h, (half, 0))  # of the first layer the last column is cut, so that no pixel sees itself
        horizontal = self.horizontal(left)[..., : h.shape[3]] + self.to_horizontal(above)
        a, b = vertical.chunk(2, 1)
        c, d = horizontal.chunk(2, 1)
        out = self.out(torch.tanh(c) * torch.sigmoid(d))
        return torch.tanh(a) * torch.sigmoid(b), out if self.first else out + h


class PlainGated(nn.Module):
    """A stack of gated layers."""

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            PlainGatedLayer(1 if i == 0 else channels, channels, 7 if i == 0 else 3, i == 0)
            for i in range(layers)
        )
        self.end = nn.Sequential(
            nn.ReLU(), nn.Conv2d(channels, 2 * channels, 1), nn.ReLU(), nn.Conv2d(2 * channels, 1, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        v = h = x
        for layer in self.layers:
            v, h = layer(v, h)
        return self.end(h)


class PlainRow(nn.Module):
    """A Row LSTM: a loop over rows."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Masked("A", 1, channels, 7)
        self.inputs = Masked("B", channels, 4 * channels, 3)
        with torch.no_grad():
            self.inputs.mask[:, :, 0] = 0  # of its own row only
        self.states = nn.Conv1d(channels, 4 * channels, 3, padding=1)
        self.end = nn.Sequential(
            nn.ReLU(), nn.Conv2d(channels, 2 * channels, 1), nn.ReLU(), nn.Conv2d(2 * channels, 1, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        features = self.first(x)
        gates = self.inputs(features)
        h = c = torch.zeros_like(features[:, :, 0])
        rows = []
        for r in range(x.shape[2]):
            i, f, o, g = (gates[:, :, r] + self.states(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            rows.append(h)
        return self.end(features + torch.stack(rows, 2))


class PlainDiagonal(nn.Module):
    """A Diagonal BiLSTM: two loops over single pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.first = Masked("A", 1, channels, 7)
        self.inputs = nn.ModuleList(nn.Conv2d(channels, 4 * channels, 1) for _ in range(2))
        self.above = nn.ModuleList(nn.Linear(channels, 4 * channels, bias=False) for _ in range(2))
        self.left = nn.ModuleList(nn.Linear(channels, 4 * channels, bias=False) for _ in range(2))
        self.end = nn.Sequential(
            nn.ReLU(), nn.Conv2d(channels, 2 * channels, 1), nn.ReLU(), nn.Conv2d(2 * channels, 1, 1)
        )

    def one_way(self, x: Tensor, way: int) -> Tensor:
        n, _, height, width = x.shape
        gates = self.inputs[way](x)
        zero = x.new_zeros(n, self.channels)
        rows: list[list[Tensor]] = []
        for r in range(height):
            h, c, row = zero, zero, []
            for col in range(width):
                above = rows[r - 1][col] if r else zero
                i, f, o, g = (gates[:, :, r, col] + self.above[way](above) + self.left[way](h)).chunk(4, 1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
                row.append(h)
            rows.append(row)
        return torch.stack([torch.stack(row, 2) for row in rows], 2)

    def forward(self, x: Tensor) -> Tensor:
        features = self.first(x)
        left = self.one_way(features, 0)
        right = self.one_way(features.flip(3), 1).flip(3)
        return self.end(features + left + F.pad(right, (0, 0, 1, 0))[:, :, :-1])
