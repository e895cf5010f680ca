"""Simple densities p_z, into which a flow turns the data's density."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid


class Base(nn.Module):
    """A simple density of D numbers."""

    def __init__(self, D: int) -> None:
        super().__init__()
        self.D = D
        self.register_buffer("zero", torch.zeros(()), persistent=False)
        self.zero: Tensor

    def log_prob(self, z: Tensor) -> Tensor:
        """The density log p_z (n,) of z (n, D), or of another shape with D numbers."""
        raise NotImplementedError

    def sample(self, n: int, temperature: float = 1.0) -> Tensor:
        """Draw n samples (n, D), with their spread multiplied by the temperature."""
        raise NotImplementedError


class Normal(Base):
    """The standard normal density N(0, I)."""

    def log_prob(self, z: Tensor) -> Tensor:
        """The density log p_z (n,) of z (n, ...)."""
        return -0.5 * z.flatten(1).square().sum(1) - self.D * math.log(2 * math.pi) / 2

    def sample(self, n: int, temperature: float = 1.0) -> Tensor:
        """Draw n samples (n, D)."""
        return torch.randn(n, self.D).to(self.zero) * temperature


class Uniform(Base):
    """Uniform on [-EDGE, EDGE]^D with soft edges, from added logistic noise of scale SOFT.

    The density is (sigmoid((z + a) / s) - sigmoid((z - a) / s)) / 2a. It is not 0 outside, where no gradient
    could bring data back.
    """

    EDGE, SOFT = 2.0, 0.05

    def log_prob(self, z: Tensor) -> Tensor:
        """The density log p_z (n,) of z (n, ...)."""
        # sigmoid(p) - sigmoid(q) = sigmoid(p) sigmoid(-q) (1 - e^(q - p)), where e^(q - p) is e^-80: nothing
        z, a, s = z.flatten(1), self.EDGE, self.SOFT
        log_p = logsigmoid((z + a) / s) + logsigmoid((a - z) / s)
        return (log_p - math.log(2 * a)).sum(1)

    def sample(self, n: int, temperature: float = 1.0) -> Tensor:
        """Draw n samples (n, D)."""
        u = torch.rand(2, n, self.D).to(self.zero)
        return ((2 * u[0] - 1) * self.EDGE + self.SOFT * u[1].clamp(1e-6, 1 - 1e-6).logit()) * temperature


class Mixture(Base):
    """A mixture of K normals whose weights, centres and spreads are learned: a base in several pieces."""

    K = 8

    def __init__(self, D: int) -> None:
        super().__init__(D)
        self.logits = nn.Parameter(torch.zeros(self.K))
        self.centres = nn.Parameter(torch.randn(self.K, D) * 1.5)
        self.log_sigma = nn.Parameter(torch.full((self.K,), -0.5))

    def log_prob(self, z: Tensor) -> Tensor:
        """The density log p_z (n,) of z (n, ...)."""
        far = (z.flatten(1)[:, None] - self.centres) * (-self.log_sigma).exp()[:, None]
        each = -0.5 * far.square().sum(2) - self.D * (self.log_sigma + math.log(2 * math.pi) / 2)
        return (each + self.logits.log_softmax(0)).logsumexp(1)

    def sample(self, n: int, temperature: float = 1.0) -> Tensor:
        """Draw n samples (n, D)."""
        k = torch.multinomial(self.logits.softmax(0), n, replacement=True)
        eps = torch.randn(n, self.D).to(self.zero)
        return self.centres[k] + self.log_sigma[k].exp()[:, None] * eps * temperature


BASES: dict[str, type[Base]] = {"normal": Normal, "uniform": Uniform, "mixture": Mixture}
"""The choices of the knob `base`."""
