"""The plane in which codes are shown: two axes in the space of z, through the mean of the codes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.codes.base import Coder
from engine.codes.pca import principal_directions
from lab.scenes.arrays import Pointer
from lab.scenes.grid import box_of

SHOWN = 0.99  # share of the codes in view
SPREADS = 3  # standard deviations of the prior in view


@dataclass(frozen=True)
class CodePlane:
    """The plane z = base + u across + v up; a z of one number has no `up`, and v means nothing.

    The axes are orthonormal and base is orthogonal to both, so that u and v are coordinates of z itself.
    """

    names: tuple[float, float]  # of the axes: a dimension's index; -1, -2 for principal directions
    base: Tensor  # (z,)
    across: Tensor  # (z,)
    up: Tensor | None  # (z,)

    @property
    def axes(self) -> Tensor:
        """(z, 2), or (z, 1) if there is no second axis."""
        return torch.stack([a for a in (self.across, self.up) if a is not None], 1)

    def z(self, uv: Tensor) -> Tensor:
        """The codes (n, z) at places (n, 2) of the plane."""
        axes = self.axes
        return self.base + uv[:, : axes.shape[1]] @ axes.T

    def places(self, mu: Tensor, rows: Tensor | None = None) -> Tensor:
        """Where codes mu (n, z) lie, (n, 2). Without a second axis, the codes of each label (`rows`, (n,))
        are spread in a row of their own, so that they can be told apart."""
        places = mu @ self.axes
        if self.up is not None:
            return places
        n = len(mu)
        spread = torch.arange(n, device=mu.device) * 0.618034 % 1 - 0.5  # even, and the same in each frame
        if rows is None:
            return torch.cat([places, 1.6 * spread.to(mu)[:, None]], 1)
        middle = (rows + 0.5) / (rows.max() + 1) * 2 - 1
        return torch.stack([places[:, 0], 0.9 * (middle + spread / (rows.max() + 1)).to(mu)], 1)

    def spread(self, sigma: Tensor) -> Tensor:
        """Variance across, covariance, and variance up, (n, 3), of codes with deviations sigma (n, z)."""
        var, a = sigma.square(), self.across
        b = torch.zeros_like(a) if self.up is None else self.up
        return torch.stack([var @ a.square(), var @ (a * b), var @ b.square()], 1)

    def box(self, mu: Tensor) -> list[float]:
        """The part x0, x1, y0, y1 of the plane that holds 99 % of the codes mu (n, z) and N(0, I): a square
        on a coarse grid, so that it rarely jumps. Without a second axis, y goes from -1 to 1."""
        tail, axes = (1 - SHOWN) / 2, self.axes
        ends = (mu @ axes).float().quantile(torch.tensor([tail, 1 - tail], device=mu.device), 0)
        low, high = ends[0].clamp(max=-SPREADS), ends[1].clamp(min=SPREADS)
        sides = box_of(list(zip(low.tolist(), high.tolist(), strict=True)))
        return sides if self.up is not None else [*sides, -1.0, 1.0]


def plane_of(model: Coder, mu: Tensor, pointer: Pointer) -> CodePlane:
    """The plane that the page asks for ("axes", x and y), or else that of the first two dimensions."""
    n = model.config.z
    first, second = _axes((pointer or {}).get("axes", {}), n)
    directions = torch.eye(n).to(mu)
    if n == 1:
        return CodePlane((0.0, math.nan), torch.zeros(1).to(mu), directions[0], None)
    if min(first, second) < 0:
        directions = torch.cat([directions, principal_directions(mu, 2).flip(0)])  # -1 is the first
    across, up = directions[first], directions[second]
    if (first < 0) != (second < 0):
        up = up - (up @ across) * across  # the part of a dimension orthogonal to a principal direction
        up = up / up.norm().clamp(min=1e-6)
    base = mu.mean(0)
    base = base - (base @ across) * across - (base @ up) * up
    return CodePlane((first, second), base, across, up)


def _axes(asked: dict[str, float], n: int) -> tuple[int, int]:
    """The two axes asked for (a dimension 0 ... n - 1, or a principal direction -1, -2) if they differ, or
    else 0 and 1."""
    x, y = asked.get("x", 0.0), asked.get("y", 1.0)
    known = all(-2 <= axis < n for axis in (x, y)) and int(x) != int(y)
    return (int(x), int(y)) if known else (0, 1)


def prior_circles(plane: CodePlane) -> np.ndarray:
    """Centres and radii (3, 4) of 1, 2 and 3 standard deviations of N(0, I), the same along any axes."""
    up = float(plane.up is not None)  # without a second axis its radius is 0
    return np.asarray([[0, 0, k, k * up] for k in (1, 2, 3)], np.float32)
