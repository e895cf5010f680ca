"""Layers that families share, so that a family's file holds only its model."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, linear, max_pool2d, max_unpool2d, normalize

from engine.config import Refused

Activation = Callable[[], nn.Module]


def leaky() -> nn.Module:
    """LeakyReLU(0.2)."""
    return nn.LeakyReLU(0.2)


ACTIVATIONS: dict[str, Activation] = {
    "LeakyReLU": leaky, "ReLU": nn.ReLU, "tanh": nn.Tanh, "linear": nn.Identity,
}  # fmt: skip


def mlp(
    inputs: int, width: int, depth: int, outputs: int, linear: type[nn.Linear] = nn.Linear,
    act: Activation = leaky,
) -> nn.Sequential:  # fmt: skip
    """A net (B, inputs) to (B, outputs) of `depth` hidden layers of `width` units, with `act` after each."""
    sizes = [inputs] + [width] * depth
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [linear(before, after), act()]
    return nn.Sequential(*layers, linear(sizes[-1], outputs))


class SpectralLinear(nn.Linear):
    """x W^T / sigma(W) + b, with sigma the largest singular value (Miyato et al. 2018, eq. 8).

    sigma = u^T W v, with u and v that power iteration keeps near the singular vectors: one call of `iterate`
    after each small step of the weights is enough (algorithm 1). Weights may be stacked in a first dimension.
    """

    u: Tensor
    v: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.register_buffer("u", normalize(torch.randn(outputs), dim=0))
        self.register_buffer("v", torch.zeros(inputs))
        self.iterate(20)

    def sigma(self) -> Tensor:
        """The largest singular value, differentiable with respect to W; u and v are constants."""
        return (self.u * (self.weight * self.v[..., None, :]).sum(-1)).sum(-1)

    @torch.no_grad()
    def iterate(self, times: int = 1) -> None:
        """Power iteration, with weights (..., outputs, inputs) and vectors (..., outputs)."""
        for _ in range(times):
            self.v.copy_(normalize((self.weight.mT @ self.u[..., None])[..., 0], dim=-1))
            self.u.copy_(normalize((self.weight @ self.v[..., None])[..., 0], dim=-1))

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) to (..., outputs)."""
        return linear(x, self.weight / self.sigma(), self.bias)


class Beside(nn.Module):
    """A net whose input is x, flattened, and beside it other numbers such as a label."""

    def __init__(self, net: nn.Module, before: nn.Module | None = None) -> None:
        super().__init__()
        self.before, self.net = before or nn.Identity(), net

    def forward(self, x: Tensor, more: Tensor | None = None) -> Tensor:
        """x of shape (B, ...) and `more` of shape (B, numbers) to (B, outputs)."""
        flat = self.before(x).flatten(1)
        return self.net(flat if more is None else torch.cat([flat, more], 1))


# --- convolutions --------------------------------------------------------------------------------


def conv_encoder(shape: tuple[int, ...], width: int, outputs: int, act: Activation, more: int = 0) -> Beside:
    """Two 3 x 3 convolutions, each with 2 x 2 max-pooling, then a linear layer: (B, C, H, W), and (B, more)
    beside the features, to (B, outputs). Raises `Refused` unless 4 divides H and W."""
    channels, high, wide = _quartered(shape)
    features = nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1), act(), nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1), act(), nn.MaxPool2d(2),
    )  # fmt: skip
    return Beside(nn.Linear(2 * width * high * wide + more, outputs), features)


def conv_decoder(shape: tuple[int, ...], width: int, inputs: int, act: Activation, up: str) -> nn.Sequential:
    """(B, inputs) to (B, C, H, W): a linear layer, then twice an up-sampling and a 3 x 3 convolution."""
    channels, high, wide = _quartered(shape)
    return nn.Sequential(
        nn.Linear(inputs, 2 * width * high * wide), act(), nn.Unflatten(1, (2 * width, high, wide)),
        Up(up, 2 * width), nn.Conv2d(2 * width, width, 3, padding=1), act(),
        Up(up, width), nn.Conv2d(width, channels, 3, padding=1),
    )  # fmt: skip


def _quartered(shape: tuple[int, ...]) -> tuple[int, int, int]:
    channels, high, wide = shape
    if high % 4 or wide % 4:
        raise Refused(f"A convolutional net halves pictures twice; {high} x {wide} is not divisible by 4.")
    return channels, high // 4, wide // 4


def pool(x: Tensor) -> tuple[Tensor, Tensor]:
    """2 x 2 max-pooling of x (B, C, H, W), and the place in x of each maximum."""
    return max_pool2d(x, 2, return_indices=True)


def unpool(x: Tensor, where: Tensor) -> Tensor:
    """Max-unpooling: each number goes back to its place from `pool`; the other places are 0."""
    return max_unpool2d(x, where, [2, 2])


def spread(x: Tensor) -> Tensor:
    """Max-unpooling without remembered places: each number goes to the upper left of its 2 x 2 square."""
    holes = x.new_zeros(4, *x.shape)
    return (
        torch.stack([x, *holes[1:]], -1).unflatten(-1, (2, 2)).transpose(-2, -3).flatten(-2).flatten(-3, -2)
    )


class Up(nn.Module):
    """Doubles a feature map (B, C, H, W) in one of the lecture's four ways. "nearest" and "bilinear"
    interpolate; "transposed" is a learned 4 x 4 transposed convolution with stride 2; "max-unpooling" leaves
    holes, because a decoder of z alone knows no places of maxima."""

    def __init__(self, kind: str, channels: int) -> None:
        super().__init__()
        self.kind = kind
        self.net = nn.ConvTranspose2d(channels, channels, 4, 2, 1) if kind == "transposed" else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, 2 H, 2 W)."""
        if self.net is not None:
            return self.net(x)
        if self.kind == "max-unpooling":
            return spread(x)
        return interpolate(x, scale_factor=2, mode=self.kind)
