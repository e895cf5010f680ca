"""Layers shared by the families, so that a family's file holds only its model."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize


def mlp(
    inputs: int, width: int, depth: int, outputs: int, last: nn.Module | None = None,
    linear: type[nn.Linear] = nn.Linear,
) -> nn.Sequential:  # fmt: skip
    """`depth` hidden layers of `width` LeakyReLU(0.2) units; (B, inputs) to (B, outputs)."""
    sizes = [inputs] + [width] * depth
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [linear(before, after), nn.LeakyReLU(0.2)]
    layers.append(linear(sizes[-1], outputs))
    return nn.Sequential(*layers, *([last] if last else []))


class SpectralLinear(nn.Linear):
    """x W^T / sigma(W) + b, with sigma the largest singular value (Miyato et al. 2018, eq. 8).

    sigma = u^T W v comes from vectors u, v that power iteration keeps near the singular ones;
    `iterate` once after each step of the weights is enough, for these move little (algorithm 1).
    Its methods also take weights stacked along a first dimension.
    """

    u: Tensor
    v: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.register_buffer("u", normalize(torch.randn(outputs), dim=0))
        self.register_buffer("v", torch.zeros(inputs))
        self.iterate(20)

    def sigma(self) -> Tensor:
        """The largest singular value, differentiable by W; u and v count as constants."""
        return (self.u * (self.weight * self.v[..., None, :]).sum(-1)).sum(-1)

    @torch.no_grad()
    def iterate(self, times: int = 1) -> None:
        """Power iteration, (..., outputs, inputs) weights and (..., outputs) vectors."""
        for _ in range(times):
            self.v.copy_(normalize((self.weight.mT @ self.u[..., None])[..., 0], dim=-1))
            self.u.copy_(normalize((self.weight @ self.v[..., None])[..., 0], dim=-1))

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight / self.sigma(), self.bias)
