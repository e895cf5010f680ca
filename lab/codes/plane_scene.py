"""The plane in which codes are shown: two axes of the space of z, through the mean of the codes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.codes.base import Coder
from lab.scenes.arrays import Pointer
from lab.scenes.grid import box_of

SHOWN = 0.99  # of the codes
SPREADS = 3  # standard deviations of the prior that are in sight, too


@dataclass(frozen=True)
class CodePlane:
    """z = base + u across + v up. The axes are orthonormal, and base is orthogonal to both, so that u and v
    are coordinates of z itself. Of a z that is one number there is no `up`: then v means nothing."""

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
        """Where codes mu (n, z) lie, (n, 2). Without a second axis the codes of each label (`rows`, (n,))
        make a row of their own, and within it are spread for the eye."""
        found = mu @ self.axes
        if self.up is not None:
            return found
        n = len(mu)
        spread = torch.arange(n, device=mu.device) * 0.618034 % 1 - 0.5  # even, and the same in each frame
        if rows is None:
            return torch.cat([found, 1.6 * spread.to(mu)[:, None]], 1)
        middle = (rows + 0.5) / (rows.max() + 1) * 2 - 1
        return torch.stack([found[:, 0], 0.9 * (middle + spread / (rows.max() + 1)).to(mu)], 1)

    def spread(self, sigma: Tensor) -> Tensor:
        """Variance across, covariance and variance up (n, 3) of codes with deviations sigma (n, z)."""
        var, a = sigma.square(), self.across
        b = torch.zeros_like(a) if self.up is None else self.up
        return torch.stack([var @ a.square(), var @ (a * b), var @ b.square()], 1)

    def box(self, mu: Tensor) -> list[float]:
        """x0, x1, y0, y1 around 99 % of the codes mu (n, z) and around N(0, I): a square on a coarse
        grid, so that it jumps seldom. Without a second axis y goes from -1 to 1."""
        tail, axes = (1 - SHOWN) / 2, self.axes
        ends = (mu @ axes).float().quantile(torch.tensor([tail, 1 - tail], device=mu.device), 0)
        low, high = ends[0].clamp(max=-SPREADS), ends[1].clamp(min=SPREADS)
        sides = box_of(list(zip(low.tolist(), high.tolist(), strict=True)))
        return sides if self.up is not None else [*sides, -1.0, 1.0]


def plane_of(model: Coder, mu: Tensor, pointer: Pointer) -> CodePlane:
    """The plane that the page has asked for ("axes", x and y), else that of the first two dimensions."""
    n = model.config.z
    first, second = _axes((pointer or {}).get("axes", {}), n)
    directions = torch.eye(n).to(mu)
    if n == 1:
        return CodePlane((0.0, math.nan), torch.zeros(1).to(mu), directions[0], None)
    if min(first, second) < 0:
        directions = torch.cat([directions, principal(mu).flip(0)])  # -1 is the first
    across, up = directions[first], directions[second]
    if (first < 0) != (second < 0):
        up = up - (up @ across) * across  # a dimension beside a principal direction: what is left of it
        up = up / up.norm().clamp(min=1e-6)
    base = mu.mean(0)
    base = base - (base @ across) * across - (base @ up) * up
    return CodePlane((first, second), base, across, up)


def _axes(asked: dict[str, float], n: int) -> tuple[int, int]:
    """What was asked for, if it is two different axes: each a dimension 0 ... n - 1, or a principal direction
    -1, -2."""
    x, y = asked.get("x", 0.0), asked.get("y", 1.0)
    known = all(-2 <= axis < n for axis in (x, y)) and int(x) != int(y)
    return (int(x), int(y)) if known else (0, 1)


def principal(mu: Tensor) -> Tensor:
    """The first two principal directions of codes mu (n, z), (2, z); the largest entry of each is positive,
    so that they do not turn round from frame to frame."""
    centred = (mu - mu.mean(0)).double()
    vectors = torch.linalg.eigh(centred.T @ centred)[1][:, -2:].T.flip(0)
    signs = vectors.gather(1, vectors.abs().argmax(1, keepdim=True)).sign()
    return (vectors * signs).to(mu)


def prior_circles(plane: CodePlane) -> np.ndarray:
    """Centre and radii (3, 4) of 1, 2 and 3 standard deviations of the prior N(0, I), which are the same
    along any axes; radius 0 where there is no second axis."""
    up = float(plane.up is not None)
    return np.asarray([[0, 0, k, k * up] for k in (1, 2, 3)], np.float32)
