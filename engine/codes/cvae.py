r"""Conditional variational autoencoder (Sohn et al., 2015, https://papers.nips.cc/paper/5775).

A VAE whose distributions are all told the label c: z need no longer say which digit it is, only how it is
written. The bound, with the lecture's choice p(z | c) = N(0, I):

    log p(x|c) - KL[q(z|x,c) || p(z|x,c)]  =  E_q[log p(x | z, c)] - KL[q(z|x,c) || p(z|c)]

The label enters encoder and decoder as a one-hot vector beside their input.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Normal

from engine.codes.base import Variational, VariationalConfig, kl, log_prob, normal
from engine.config import Refused
from engine.family import Batch, Terms
from engine.metrics.measure import term
from engine.space import Picture, Space

RESTORE = term("-E[log p(x|z,c)]", "model")
DIVERGE = term("β KL[q(z|x,c) || p(z|c)]", "latent")


class CVAE(Variational):
    name = "cvae"
    title = "Conditional VAE"
    source = "Sohn et al., 2015, https://papers.nips.cc/paper/5775"
    Config = VariationalConfig
    labelled = True
    algorithm = ("terms",)
    stackable = ("lr", "beta", "sigma")
    stacked = ("terms", "bounds")
    recipes = {Picture: {"likelihood": "Bernoulli", "width": 256}}

    def __init__(self, config: VariationalConfig, space: Space) -> None:
        super().__init__(config, space)
        if not space.classes:
            raise Refused(f"{self.title} needs data with labels; choose digits, or points in groups.")
        self.E = config.encoder(space, 2 * config.z, more=space.classes)
        self.D = config.decoder(space, more=space.classes)
        if config.likelihood == "Gaussian, learned variance":
            self.log_sigma = nn.Parameter(torch.zeros(()))

    def q(self, x: Tensor, y: Tensor | None = None) -> Normal:
        """q(z | x, c) of labels c = y (n,), of (n, z)."""
        return normal(self.E(x, self.hot(self.known(y))))

    def p(self, z: Tensor, y: Tensor | None = None) -> Distribution:
        """p(x | z, c), of (n, *shape)."""
        return self.likelihood(self.D(torch.cat([z, self.hot(self.known(y))], -1)))

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """Algorithm 1 of the VAE, with labels."""
        m = self.count(batch.x)
        yield self, self.terms(batch.x, self.known(batch.y), self.p_eps(m), self.p_u(m))

    def terms(self, x: Tensor, y: Tensor, eps: Tensor, u: Tensor | None = None) -> Terms:
        """Minus the bound on log p(x | c), with one eps (m, z) an example."""
        seen, target = self.target(x, u)
        q = self.q(seen, y)
        z = q.mean + q.stddev * eps
        return {
            RESTORE: -log_prob(self.p(z, y), target).mean(),
            DIVERGE: self.config.beta * kl(q).sum(1).mean(),
        }
