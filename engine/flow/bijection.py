"""A composition of invertible layers with a density of z, which gives a density of x."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn, stack

from engine.flow.bases import Base
from engine.flow.transforms import Pair, Transform


class Bijection(nn.Module):
    """z = f(x) = f_L(... f_1(x)) with a density of z, which gives a density of x."""

    def __init__(self, transforms: list[Transform], base: Base) -> None:
        super().__init__()
        self.transforms: Any = nn.ModuleList(transforms)
        self.base = base

    def forward(self, x: Tensor) -> Pair:
        """The image z = f(x) and log |det dz/dx| (n,)."""
        return composed(self.way(x))

    def inverse(self, z: Tensor) -> Pair:
        """The origin x = f^-1(z) and log |det dx/dz| (n,)."""
        return composed(self.back(z))

    def way(self, x: Tensor) -> list[Pair]:
        """The steps h_l and log |det dh_l / dh_{l-1}| for l = 1 ... L."""
        steps = []
        for f in self.transforms:
            x, log_det = f(x)
            steps.append((x, log_det))
        return steps

    def back(self, z: Tensor) -> list[Pair]:
        """The steps h_{l-1} and log |det dh_{l-1} / dh_l| for l = L ... 1."""
        steps = []
        for f in reversed(self.transforms):
            z, log_det = f.inverse(z)
            steps.append((z, log_det))
        return steps

    def log_prob(self, x: Tensor) -> Tensor:
        """The density log p_x(x) (n,) in nats, exact."""
        z, log_det = self(x)
        return self.base.log_prob(z) + log_det


def composed(way: list[Pair]) -> Pair:
    """The end of a way, and the sum of its log-determinants."""
    return way[-1][0], stack([log_det for _, log_det in way]).sum(0)
