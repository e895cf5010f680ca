r"""Conditional variational autoencoder (Sohn et al., 2015, https://papers.nips.cc/paper/5775).

A VAE whose distributions are all conditioned on the label c. The code z no longer has to say which digit it
is, only how it is written. The bound, with the lecture's choice p(z | c) = N(0, I), is

    log p(x|c) - KL[q(z|x,c) || p(z|x,c)]  =  E_q[log p(x | z, c)] - KL[q(z|x,c) || p(z|c)]

The label enters the encoder and the decoder as a one-hot vector, concatenated with their input.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Normal

from engine.codes.base import Variational, kl, log_prob, normal
from engine.codes.config import VariationalConfig
from engine.config import Refused
from engine.family import Batch, Terms
from engine.metrics.measure import term
from engine.space import Space

RESTORE = term("-E[log p(x|z,c)]", "model")
DIVERGE = term("β KL[q(z|x,c) || p(z|c)]", "latent")


class CVAE(Variational):
    """The conditional variational autoencoder."""

    name = "cvae"
    title = "Conditional VAE"
    source = "Sohn et al., 2015, https://papers.nips.cc/paper/5775"
    Config = VariationalConfig
    labelled = True
    algorithm = ("terms",)
    stackable = ("lr", "beta", "sigma")
    stacked = ("terms", "weighed", "summed")

    def __init__(self, config: VariationalConfig, space: Space) -> None:
        if not space.classes:
            raise Refused(f"{self.title} needs data with labels; choose digits, or points in groups.")
        super().__init__(config, space)

    def q(self, x: Tensor, y: Tensor | None = None) -> Normal:
        """The approximate posterior of z given x and the label c = y (n,), over (n, z)."""
        return normal(self.E(x, self.hot(self.known(y))))  #: encoder

    def p(self, z: Tensor, y: Tensor | None = None) -> Distribution:
        """The distribution of x given z and the label c = y (n,), over (n, *shape)."""
        return self.likelihood(self.D(torch.cat([z, self.hot(self.known(y))], -1)))  #: decoder

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:  #: x
        """Algorithm 1 of the VAE, with labels."""
        m = self.count(batch.x)
        yield self, self.terms(batch.x, self.known(batch.y), self.p_eps(m), self.p_u(m))  #: eps

    def terms(self, x: Tensor, y: Tensor, eps: Tensor, u: Tensor | None = None) -> Terms:
        """The negative bound on log p(x | c) of x (m, *shape), with one eps (m, z) for each example."""
        seen, target = self.target(x, u)  #: x
        q = self.q(seen, y)  #: encoder code
        z = q.mean + q.stddev * eps  #: z
        return {  #: elbo elbo_mean loss
            RESTORE: -log_prob(self.p(z, y), target).mean(),  #: decoder reconstruction log_p
            DIVERGE: self.config.beta * kl(q).sum(1).mean(),  #: kl
        }
