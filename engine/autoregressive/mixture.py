r"""A density in the plane as a mixture of Gaussians (Graves, 2013, https://arxiv.org/abs/1308.0850).

    p(x) = sum_j pi_j N(x | mu_j, sigma_j, rho_j)                                              eq. (23)

with N a Gaussian of two numbers whose standard deviations are sigma_j and whose correlation is rho_j.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

SMALLEST = 1e-3
"""What is added to each standard deviation: without it a component that sits on one example could become
ever narrower, and the density infinite."""
STRAIGHT = 0.999
"""The largest correlation. In float32 a tanh soon is 1, where all of a Gaussian lies on a line."""
TINY = 1e-30
"""The smallest weight whose logarithm is taken; the gradient would not be finite at 0."""


class Mixture(NamedTuple):
    """M Gaussians in the plane, or many such mixtures."""

    pi: Tensor  # (..., M), weights, which sum to 1
    mu: Tensor  # (..., M, 2), means
    sigma: Tensor  # (..., M, 2), standard deviations
    rho: Tensor  # (..., M), correlations

    def log_prob(self, step: Tensor) -> Tensor:
        """log p of steps (..., 2), in nats per unit of area."""
        dx, dy = ((step[..., None, :] - self.mu) / self.sigma).unbind(-1)
        free = 1 - self.rho.square()
        Z = dx.square() + dy.square() - 2 * self.rho * dx * dy  #: eq. (25)
        area = math.log(2 * math.pi) + self.sigma.log().sum(-1) + free.log() / 2
        return (self.pi.clamp(min=TINY).log() - Z / (2 * free) - area).logsumexp(-1)

    def drawn(self) -> Tensor:
        """A step of each mixture, (..., 2)."""
        k = torch.multinomial(self.pi.flatten(0, -2), 1).view(self.pi.shape[:-1])
        # a sum with one-hot weights: what is gathered is added in any order on its way back
        one = one_hot(k, self.pi.shape[-1]).to(self.pi.dtype)
        mu, sigma = ((one[..., None] * part).sum(-2) for part in (self.mu, self.sigma))
        rho = (one * self.rho).sum(-1)
        a, b = torch.randn_like(mu).unbind(-1)
        return mu + sigma * torch.stack([a, rho * a + (1 - rho.square()).sqrt() * b], -1)

    def mean(self) -> Tensor:
        """The mean of each mixture, (..., 2)."""
        return (self.pi[..., None] * self.mu).sum(-2)

    def biased(self, b: float) -> Mixture:
        """With likely components likelier, and all of them narrower: exp(-b) times their standard deviations,
        and the power 1 + b of their weights. 0 changes nothing. Eq. (61), (62)."""
        pi = ((1 + b) * self.pi.clamp(min=TINY).log()).softmax(-1)
        return self._replace(pi=pi, sigma=self.sigma * math.exp(-b))

    def moved(self, by: Tensor) -> Mixture:
        """With all means moved by (..., 2)."""
        return self._replace(mu=self.mu + by[..., None, :])

    def at(self, t: int) -> Mixture:
        """Of mixtures (n, T, M), those (n, M) of one step."""
        return Mixture(*(part[:, t] for part in self))


def of_output(out: Tensor) -> Mixture:
    """The mixtures that the outputs (..., 6 M) of a net stand for. Eq. (19)-(22)."""
    M = out.shape[-1] // 6
    pi, mu, sigma, rho = out.split([M, 2 * M, 2 * M, M], -1)
    return Mixture(
        pi.softmax(-1),  #: eq. (19)
        mu.unflatten(-1, (M, 2)),  #: eq. (20)
        sigma.unflatten(-1, (M, 2)).exp() + SMALLEST,  #: eq. (21)
        STRAIGHT * rho.tanh(),  #: eq. (22)
    )


def of_mean(mu: Tensor) -> Mixture:
    """One round Gaussian with the standard deviation 1 around means (..., 2). Its -log p is half the squared
    error, and a constant."""
    one = torch.ones_like(mu[..., :1])
    return Mixture(one, mu[..., None, :], torch.ones_like(mu)[..., None, :], 0 * one)
