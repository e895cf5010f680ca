r"""Variational autoencoder (Kingma and Welling, 2014, https://arxiv.org/abs/1312.6114).

A decoder turns a latent z ~ N(0, I) into p(x | z). An encoder proposes q(z | x) = N(mu(x), sigma^2(x) I) in
place of the posterior p(z | x). Both ascend the bound

    log p(x) - KL[q(z|x) || p(z|x)]  =  E_q[log p(x | z)] - KL[q(z|x) || p(z)]  =  ELBO      eq. (2), (3)

with z = mu + sigma * eps, eps ~ N(0, I), so that the gradient passes through mu and sigma    eq. (10)

The beta-VAE (Higgins et al. 2017) weights the KL term by beta. With free bits (Kingma et al. 2016), no
dimension pays for its first nats. KL warm-up (Bowman et al. 2016) lets beta grow from 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Normal

from engine.codes.base import Variational, kl, log_prob, normal
from engine.codes.config import VariationalConfig
from engine.config import knob
from engine.family import Batch, Terms
from engine.metrics.measure import term
from engine.space import Space

RESTORE = term("-E[log p(x|z)]", "model")
DIVERGE = term("β KL[q(z|x) || p(z)]", "latent")


class VAEConfig(VariationalConfig):
    """The weight of the KL term, over rounds and over dimensions."""

    warm_up: int = knob(
        0, 0, 10_000, label="KL warm-up, rounds", live=True, advanced=True,
        says="rounds during which the weight of the KL term grows from 0 to beta",
    )  # fmt: skip
    free_bits: float = knob(
        0.0, 0, 4, label="Free bits", symbol=r"\lambda", live=True, advanced=True,
        says="nats of KL that each latent dimension may use at no cost",
    )  # fmt: skip


class VAE(Variational):
    """The variational autoencoder, and the beta-VAE."""

    name = "vae"
    title = "Variational autoencoder"
    source = "Kingma and Welling, 2014, https://arxiv.org/abs/1312.6114"
    Config = VAEConfig
    algorithm = ("terms",)
    stackable = ("lr", "beta", "sigma", "free_bits")
    stacked = ("terms", "weighed", "summed")
    warmth: Tensor

    def __init__(self, config: VAEConfig, space: Space) -> None:
        super().__init__(config, space)
        self.register_buffer("warmth", torch.ones(()))  # share of beta reached so far

    def q(self, x: Tensor, y: Tensor | None = None) -> Normal:
        """The approximate posterior of z given x, over (n, z)."""
        return normal(self.E(x))  #: encoder

    def p(self, z: Tensor, y: Tensor | None = None) -> Distribution:
        """The distribution of x given z, over (n, *shape)."""
        return self.likelihood(self.D(z))  #: decoder

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:  #: x
        """Algorithm 1 (AEVB): one minibatch, one eps for each example."""
        m, c = self.count(batch.x), self.config
        self.warmth.fill_(min(1.0, (batch.round + 1) / (c.warm_up + 1)))
        yield self, self.terms(batch.x, self.p_eps(m), self.p_u(m))  #: eps

    def terms(self, x: Tensor, eps: Tensor, u: Tensor | None = None) -> Terms:
        """The negative ELBO of x (m, *shape), estimated with one eps (m, z) for each example: eq. (10)."""
        c = self.config
        seen, target = self.target(x, u)  #: x
        q = self.q(seen)  #: encoder code
        z = q.mean + q.stddev * eps  #: z
        each = kl(q).mean(0).clamp(min=c.free_bits)  #: kl loss
        return {  #: elbo elbo_mean loss
            RESTORE: -log_prob(self.p(z), target).mean(),  #: decoder reconstruction log_p
            DIVERGE: c.beta * self.warmth * each.sum(),
        }
