r"""Principal component analysis (Hotelling 1933), also as a density (Tipping and Bishop 1999).

https://www.robots.ox.ac.uk/~cvrg/hilary2006/ppca.pdf

PCA finds the z orthonormal directions V that keep the most variance and so lose the least:

    min_V  E || x - m - V V^T (x - m) ||^2    =    sum of the eigenvalues of the covariance that V leaves out

There is no gradient descent. Each batch updates the mean m and the covariance S. One step of orthogonal
iteration, V <- orthonormal basis of S V, then turns V towards the leading eigenvectors. Codes are scaled to
variance 1: z = L^(-1/2) V^T (x - m), where L holds the eigenvalues. The density is
N(m, V (L - s^2) V^T + s^2 I), where s^2 is the mean of the eigenvalues that V leaves out (eq. 7 and 8).
`sample` decodes draws of z, without the noise of variance s^2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from engine.codes.base import ERROR, Coder
from engine.codes.config import CodeConfig
from engine.config import Config as BaseConfig
from engine.config import Refused
from engine.device import precise
from engine.family import Batch, Terms
from engine.space import Plane, Space


class PCA(Coder):
    """Principal component analysis, learned batch by batch."""

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
        self.V = nn.Parameter(torch.linalg.qr(torch.randn(space.size, config.z))[0])
        self.register_buffer("n", torch.zeros(()))  # examples seen
        self.register_buffer("m", torch.zeros(space.size))  # their mean
        self.register_buffer("S", torch.zeros(space.size, space.size))  # their covariance

    @classmethod
    def configure(cls, space: Space, values: dict[str, Any] | None = None) -> BaseConfig:
        """The config for this space. Raises `Refused` for more directions than x has numbers."""
        config = super().configure(space, values)
        if config.z > space.size:  # type: ignore[attr-defined]
            raise Refused(f"PCA of {space.size} numbers has at most {space.size} directions; choose fewer.")
        return config

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:  #: x
        """Measure the error of the present V on a batch, then turn V a little."""
        error = (batch.x - self.d(self.e(batch.x))).square()  #: loss
        yield self, {ERROR: error.flatten(1).sum(1).mean()}  #: loss
        self.learn(batch.x.flatten(1))

    @torch.no_grad()
    def learn(self, x: Tensor) -> None:
        """Update the mean and covariance with x (n, size), then take one step of orthogonal iteration."""
        n, mean = self.n + len(x), x.mean(0)
        gap = mean - self.m
        inner = (x - mean).T @ (x - mean) / len(x)
        share = len(x) / n
        S = (1 - share) * self.S + share * inner + share * (1 - share) * torch.outer(gap, gap)
        self.S.copy_((S + S.T) / 2)  # a product of matrices is symmetric only up to rounding
        self.m.add_(share * gap)
        self.n.copy_(n)
        V = torch.linalg.qr(self.S @ self.V)[0]
        axes = torch.linalg.eigh(precise(V.T @ self.S @ V))[1].to(V)  # in float32 it may fail: many are alike
        V = V @ axes.flip(1)  # the axes of the subspace, in order
        turned = ((V * self.V).sum(0) < 0) & (self.n > len(x))
        self.V.copy_(V.where(~turned, -V))  # no axis flips

    def spread(self) -> tuple[Tensor, Tensor]:
        """The variances along V, (z,), and the mean of the variances that V leaves out."""
        return variances(self.V, self.S)

    def e(self, x: Tensor) -> Tensor:  #: x
        """Encode x (n, *shape) as z (n, z), with variance 1 in each dimension."""
        return (x.flatten(1) - self.m) @ self.V / self.spread()[0].sqrt()  #: encoder z

    def d(self, z: Tensor) -> Tensor:  #: z
        """Decode z (n, z) to its point in the subspace, (n, *shape)."""
        x = self.m + (z * self.spread()[0].sqrt()) @ self.V.T  #: decoder reconstruction
        return x.unflatten(1, self.space.shape)

    @torch.no_grad()
    def log_prob(self, x: Tensor) -> Tensor:
        """The log density (n,) of x (n, *shape) under probabilistic PCA, on the CPU in float64: what float32
        rounds off would be divided by s^2, which may be small."""
        V, m, S, x = (t.cpu().double() for t in (self.V, self.m, self.S, x.flatten(1)))
        V = torch.linalg.qr(V)[0]
        V = V @ torch.linalg.eigh(V.T @ S @ V)[1]  # its axes, which float32 rounds too
        along, rest = variances(V, S)
        left, away = len(V) - V.shape[1], x - m
        inside = away @ V
        square = (inside.square() / along).sum(1) + (away - inside @ V.T).square().sum(1) / rest * (left > 0)
        log_det = along.log().sum() + left * rest.log()
        return -(square + log_det + len(V) * math.log(2 * math.pi)) / 2

    def optimizer(self, player: str) -> None:
        """None: PCA descends no gradient."""

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The codes of x (n, *shape), with standard deviation 0."""
        z = self.e(x)
        return z, torch.zeros_like(z)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """The x (n, *shape) that z (n, z) stands for."""
        return self.d(z)


def variances(V: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """The variances along orthonormal V (size, z), and the mean of the others, for a covariance S."""
    along = (V * (S @ V)).sum(0).clamp(min=1e-12)
    return along, (S.trace() - along.sum()).clamp(min=1e-12) / max(1, len(V) - V.shape[1])


def principal_directions(x: Tensor, k: int) -> Tensor:
    """The k leading principal directions of x (n, d), as rows (k, d), the largest entry of each positive."""
    centred = precise(x - x.mean(0))
    directions = torch.linalg.eigh(centred.T @ centred)[1][:, -k:].T.flip(0)
    # so that no direction flips when x changes a little
    signs = directions.gather(1, directions.abs().argmax(1, keepdim=True)).sign()
    return (directions * signs).to(x)
