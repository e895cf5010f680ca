r"""Principal component analysis (Hotelling 1933), also as a density (Tipping and Bishop, 1999,
https://www.robots.ox.ac.uk/~cvrg/hilary2006/ppca.pdf).

The z orthonormal directions V that keep most of the variance, which are those that lose the least:

    min_V  E || x - m - V V^T (x - m) ||^2    =    sum of the eigenvalues of the covariance that V leaves out

No gradient is descended: each batch adds to mean m and covariance S, and one step of orthogonal iteration,
V <- orthonormal basis of S V, turns V towards the leading eigenvectors. Codes are scaled to variance 1:
z = L^(-1/2) V^T (x - m), with L the eigenvalues. As a density it is N(m, V (L - s^2) V^T + s^2 I), where s^2
is the mean of the eigenvalues that are left out (eq. 7 and 8).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import LowRankMultivariateNormal

from engine.codes.base import ERROR, CodeConfig, Coder
from engine.config import Config as BaseConfig
from engine.config import Refused
from engine.family import Batch, Terms
from engine.space import Plane, Space


class PCA(Coder):
    name = "pca"
    title = "Principal component analysis"
    source = "Tipping and Bishop, 1999, https://www.robots.ox.ac.uk/~cvrg/hilary2006/ppca.pdf"
    branch = "tractable"
    Config = CodeConfig
    algorithm = ("e", "d", "learn")
    recipes = {Plane: {"z": 1}}
    n: Tensor
    m: Tensor
    S: Tensor

    def __init__(self, config: CodeConfig, space: Space) -> None:
        super().__init__(config, space)
        size = space.size
        self.V = nn.Parameter(torch.linalg.qr(torch.randn(size, config.z))[0])
        self.register_buffer("n", torch.zeros(()))  # examples seen
        self.register_buffer("m", torch.zeros(size))  # their mean
        self.register_buffer("S", torch.zeros(size, size))  # their covariance

    @classmethod
    def configure(cls, space: Space, values: dict[str, Any] | None = None) -> BaseConfig:
        """The config, refused where there are not so many directions."""
        config = super().configure(space, values)
        if config.z > space.size:  # type: ignore[attr-defined]
            raise Refused(f"PCA of {space.size} numbers has at most {space.size} directions; choose fewer.")
        return config

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """See a batch, tell the error of the present V, and turn V a little."""
        error = (batch.x - self.d(self.e(batch.x))).square()
        yield self, {ERROR: error.flatten(1).sum(1).mean()}
        self.learn(batch.x.flatten(1))

    @torch.no_grad()
    def learn(self, x: Tensor) -> None:
        """Mean and covariance of all examples so far, then one step of orthogonal iteration."""
        n = self.n + len(x)
        gap = x.mean(0) - self.m
        inner = (x - x.mean(0)).T @ (x - x.mean(0)) / len(x)
        share = len(x) / n
        self.S.copy_((1 - share) * self.S + share * inner + share * (1 - share) * torch.outer(gap, gap))
        self.m.add_(share * gap)
        self.n.copy_(n)
        V = torch.linalg.qr(self.S @ self.V)[0]
        turn = torch.linalg.eigh(V.T @ self.S @ V)[1].flip(1)  # within the subspace: its own axes, in order
        V = V @ turn
        self.V.copy_(V * (V * self.V).sum(0).sign().where(self.n > len(x), 1))  # no axis turns around

    def spread(self) -> tuple[Tensor, Tensor]:
        """The variances along V, (z,), and the mean of those that V leaves out."""
        along = (self.V * (self.S @ self.V)).sum(0).clamp(min=1e-12)
        left = self.space.size - self.config.z
        return along, (self.S.trace() - along.sum()).clamp(min=1e-12) / max(1, left)

    def e(self, x: Tensor) -> Tensor:
        """Codes (n, z) of variance 1 in each dimension."""
        return (x.flatten(1) - self.m) @ self.V / self.spread()[0].sqrt()

    def d(self, z: Tensor) -> Tensor:
        """The point of the subspace that has this code, (n, *shape)."""
        return (self.m + (z * self.spread()[0].sqrt()) @ self.V.T).unflatten(1, self.space.shape)

    @torch.no_grad()
    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) of probabilistic PCA, (n,)."""
        along, rest = self.spread()
        W = self.V * (along - rest).clamp(min=0).sqrt()
        return LowRankMultivariateNormal(self.m, W, rest.expand(len(W))).log_prob(x.flatten(1))

    def optimizer(self, player: str) -> None:
        """No gradient is descended."""

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        z = self.e(x)
        return z, torch.zeros_like(z)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.d(z)
