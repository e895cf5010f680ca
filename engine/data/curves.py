"""Curves thickened by Gaussian noise: x = curve(t) + sigma * eps with t uniform."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.special import i0e, log_ndtr

from engine.data.targets import LOG_2PI, Box, Mixture, Target, turn

Path = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


class Curve(Target):
    """p(x) = 1/P sum_p int_0^1 N(x; curve_p(t), sigma^2 I) dt.

    Gauss-Legendre quadrature makes it a mixture of Gaussians along the curve. With `panels` of 64 nodes, each
    at most 20 sigma long, the error of log p is below 1e-10 everywhere in the box.
    """

    sigma: float

    def __init__(self, curves: list[Path], sigma: float, box: Box, panels: int) -> None:
        self.curves, self.sigma, self.box, self.pieces = curves, sigma, box, len(curves)
        nodes, w = np.polynomial.legendre.leggauss(64)
        t = np.concatenate([(panel + (nodes + 1) / 2) / panels for panel in range(panels)])
        centres = np.concatenate([np.stack(curve(t), -1) for curve in curves])
        self.quadrature = Mixture(centres, sigma, box, np.tile(w, panels * len(curves)))

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) of the mixture that the quadrature gives."""
        return self.quadrature.log_prob(x)

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """n samples and the curve that each lies on."""
        k, t, eps = rng.integers(self.pieces, size=n), rng.random(n), rng.standard_normal((n, 2))
        on = np.stack([np.stack(curve(t), -1) for curve in self.curves])[k, np.arange(n)]
        return torch.as_tensor(on + self.sigma * eps), torch.as_tensor(k)


class Line(Target):
    """A segment of half length a through the origin, thickened by noise.

    In its own frame (u, v), p = N(v; 0, sigma^2) (Phi((u + a)/sigma) - Phi((u - a)/sigma)) / 2a: closed form.
    """

    sigma: float

    def __init__(self, a: float, angle: float, sigma: float, box: Box) -> None:
        self.a, self.angle, self.sigma, self.box = a, angle, sigma, box

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), in closed form."""
        u, v = turn(x, x.new_tensor(-self.angle)).unbind(-1)
        u = u.abs()  # by symmetry; both distribution functions below are then taken in their accurate tail
        near, far = log_ndtr((self.a - u) / self.sigma), log_ndtr((-self.a - u) / self.sigma)
        along = near + torch.log1p(-(far - near).exp()) - math.log(2 * self.a)
        return along - 0.5 * (v / self.sigma) ** 2 - math.log(self.sigma) - LOG_2PI / 2

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """n samples, all of one piece."""
        x = torch.as_tensor(self.sigma * rng.standard_normal((n, 2)))
        x[:, 0] += torch.as_tensor(self.a * (2 * rng.random(n) - 1))
        return turn(x, torch.tensor(self.angle, dtype=torch.float64)), torch.zeros(n, dtype=torch.int64)


class Circles(Target):
    """Concentric circles of radii R_k, equally likely, thickened by noise.

    With r = |x|, each has p = exp(-(r - R)^2 / 2 sigma^2) I0e(r R / sigma^2) / 2 pi sigma^2: closed form.
    """

    sigma: float

    def __init__(self, radii: list[float], sigma: float, box: Box) -> None:
        self.radii = torch.tensor(radii, dtype=torch.float64)
        self.sigma, self.box, self.pieces = sigma, box, len(radii)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), in closed form."""
        r, R = torch.linalg.vector_norm(x, dim=-1, keepdim=True), self.radii.to(x)
        log_p = -0.5 * ((r - R) / self.sigma) ** 2 + i0e(r * R / self.sigma**2).log()
        return log_p.logsumexp(-1) - math.log(self.pieces) - 2 * math.log(self.sigma) - LOG_2PI

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """n samples and the circle that each lies on."""
        k = torch.as_tensor(rng.integers(self.pieces, size=n))
        angle = torch.as_tensor(2 * math.pi * rng.random(n))
        eps = torch.as_tensor(rng.standard_normal((n, 2)))
        return self.radii[k, None] * torch.stack([angle.cos(), angle.sin()], -1) + self.sigma * eps, k


def moons() -> list[Path]:
    """Two half circles of radius 1, placed as in scikit-learn's `make_moons`."""
    return [
        lambda t: (np.cos(math.pi * t), np.sin(math.pi * t)),
        lambda t: (1 - np.cos(math.pi * t), 0.5 - np.sin(math.pi * t)),
    ]


def spiral(inner: float, outer: float, turns: float) -> Path:
    """An Archimedean spiral from radius `inner` to `outer`, at nearly constant speed."""

    def at(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        r = np.sqrt(inner**2 + t * (outer**2 - inner**2))
        angle = 2 * math.pi * turns * (r - inner) / (outer - inner)
        return r * np.cos(angle), r * np.sin(angle)

    return at
