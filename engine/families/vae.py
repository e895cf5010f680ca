r"""Variational autoencoder (Kingma and Welling, 2014, https://arxiv.org/abs/1312.6114).

A latent z ~ N(0, I) is decoded to p(x | z); an encoder proposes q(z | x) = N(mu(x), sigma^2(x) I) in place
of the posterior p(z | x). Both climb the bound

    log p(x) - KL[q(z|x) || p(z|x)]  =  E_q[log p(x | z)] - KL[q(z|x) || p(z)]  =  ELBO      eq. (2), (3)

with z = mu + sigma * eps, eps ~ N(0, I), so that the gradient passes through mu and sigma    eq. (10)

beta-VAE (Higgins et al. 2017) weighs the KL term with beta; free bits (Kingma et al. 2016) charge no
dimension for its first nats; KL warm-up (Bowman et al. 2016) lets beta grow from 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Normal

from engine.config import knob
from engine.family import Batch, Space, Terms
from engine.latent import LikelihoodConfig, Variational, bound, kl, log_prob, normal, standard


class VAEConfig(LikelihoodConfig):
    beta: float = knob(
        1.0, 0, 100, label="Weight of the KL term", symbol=r"\beta", live=True,
        says="weight of the KL term; 1 is the VAE",
    )  # fmt: skip
    warm_up: int = knob(
        0, 0, 10_000, label="KL warm-up, rounds", live=True, advanced=True,
        says="rounds in which the weight of the KL term grows from 0 to beta",
    )  # fmt: skip
    free_bits: float = knob(
        0.0, 0, 4, label="Free bits", symbol=r"\lambda", live=True, advanced=True,
        says="nats of KL that each latent dimension has for nothing",
    )  # fmt: skip


class VAE(Variational):
    warmth: Tensor

    name = "vae"
    title = "Variational autoencoder"
    source = "Kingma and Welling, 2014, https://arxiv.org/abs/1312.6114"
    Config = VAEConfig
    algorithm = ("terms",)
    stackable = ("lr", "sigma", "beta", "free_bits")
    stacked = ("terms", "bound_terms")
    recipes = {"image": {"likelihood": "Bernoulli", "width": 256}}

    def __init__(self, config: VAEConfig, space: Space) -> None:
        super().__init__(config, space)
        self.E = config.encoder(space, 2 * config.z)
        self.D = config.decoder(space)
        if config.likelihood == "Gaussian, learned variance":
            self.log_sigma = nn.Parameter(torch.zeros(()))
        self.register_buffer("warmth", torch.ones(()))  # the share of beta that has been reached

    def q(self, x: Tensor) -> Normal:
        """q(z | x), of (n, z)."""
        return normal(self.E(x))

    def p(self, z: Tensor) -> Distribution:
        """p(x | z), of (n, *shape)."""
        return self.likelihood(self.D(z))

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """Algorithm 1 (AEVB): one minibatch, one eps for each example."""
        m, c = self.count(batch.x), self.config
        self.warmth.fill_(min(1.0, (batch.round + 1) / (c.warm_up + 1)))
        yield self, self.terms(batch.x, self.p_eps(m), self.p_u(m) if c.likelihood == "Bernoulli" else None)

    def terms(self, x: Tensor, eps: Tensor, u: Tensor | None = None) -> Terms:
        """Minus the ELBO of x, estimated with one eps (m, z) an example: eq. (10)."""
        c = self.config
        target = self.target(x, u)
        q = self.q(x if u is None else 2 * target - 1)
        z = q.mean + q.stddev * eps
        each = kl(q).mean(0).clamp(min=c.free_bits)
        return {
            "-E[log p(x|z)]": -log_prob(self.p(z), target).mean(),
            "β KL[q(z|x) || p(z)]": c.beta * self.warmth * each.sum(),
        }

    def log_w(self, x: Tensor, eps: Tensor, u: Tensor | None = None) -> Tensor:
        """log p(x, z) - log q(z | x) for eps (k, n, z), shape (k, n): what `bound` averages."""
        target = self.target(x, u)
        q = self.q(x if u is None else 2 * target - 1)
        z = q.mean + q.stddev * eps
        k, n = eps.shape[:2]
        many = target.expand(k, *target.shape).flatten(0, 1)
        log_p_x = log_prob(self.p(z.flatten(0, 1)), many).unflatten(0, (k, n))
        return log_p_x + (standard(q).log_prob(z) - q.log_prob(z)).sum(-1)

    def bound_terms(self, x: Tensor, eps: Tensor, u: Tensor | None = None) -> Terms:
        """Of held-out x, means in nats: the ELBO and its two parts, and the bound of k = len(eps) draws."""
        q = self.q(x if u is None else 2 * self.target(x, u) - 1)
        log_w, each = self.log_w(x, eps, u), kl(q).mean(0)
        elbo = log_w.mean()
        found = {"ELBO": elbo, "KL": each.sum(), "log p(x)": bound(log_w).mean(), "each": each}
        return found | {"reconstruction": elbo + each.sum(), "active": q.mean.var(0)}

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        q = self.q(x)
        return q.mean, q.stddev

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.mean(self.p(z))
