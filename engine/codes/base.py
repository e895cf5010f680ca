"""What models with a code z share: likelihoods, and the parts of the bound.

Pixels lie in [-1, 1]. A Bernoulli decoder needs pixels that are black or white. Each grey pixel is therefore
drawn afresh in every batch, white with the probability that its grey gives (dynamic binarization,
Salakhutdinov and Murray 2008). All densities are in nats, summed over the pixels of an example.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Normal

from engine.codes.config import VariationalConfig
from engine.family import Family, Terms
from engine.metrics.measure import LEFT_OUT, Measure, term
from engine.space import Picture, Plane, Space

NUMBERS = 2**23  # numbers in the largest layer, for as many examples as go through the nets at a time

RESTORED = Measure(
    "test error", chart="error on test data", says="Squared error on test examples", better="lower",
    digits=1, score=1, best=lambda data: 0.0,
)  # fmt: skip
ERROR = term("||x - d(e(x))||²", "model")
_SPLIT, _BOUND = "−ELBO on test data, split, nats", "bound on log p(x), nats"
ELBO = Measure(
    "ELBO", chart=_BOUND, says="ELBO on test examples", unit="nats", better="higher", role="model", digits=1,
    score=2,
)  # fmt: skip
RECONSTRUCTION = Measure(
    "reconstruction", chart=_SPLIT, label="−E[log p(x|z)]", role="model", draw="stack", sign=-1
)
KL = Measure("KL", chart=_SPLIT, label="KL[q(z|x) ‖ p(z)]", role="latent", draw="stack")
LOG_P = Measure(
    "log p(x)", chart=_BOUND, label="bound of 32 draws", unit="nats", better="higher", role="truth"
)
ACTIVE = Measure("active units", label="active dimensions", digits=0, draw="number")
KL_EACH = Measure("KL of each dimension", label="KL of each dimension, nats", draw="bars")


Weighed = tuple[Tensor, Tensor, Tensor]
"""Of n examples: the means of q(z | x) and the KL of each dimension, (n, z), and log weights (k, n)."""


class Pixels(Bernoulli):
    """Pixels that are 1 with probability sigma(a), for logits a."""

    def log_prob(self, x: Tensor) -> Tensor:
        """The log probability of each pixel x or, of a grey one, its mean over draws: x a - log(1 + e^a)."""
        a = self.logits
        # log(1 + e^a) = max(a, 0) - log sigma(|a|), which takes half as long as torch's own version
        return x * a - a.relu() + a.abs().sigmoid().log()


class Coder(Family):
    """A family with codes: x is encoded as z, and z is decoded to x."""

    kinds = (Plane, Picture)

    @abstractmethod
    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (0 if there is none) of the codes of x (n, *shape), both (n, z)."""

    @abstractmethod
    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """The mean of x, (n, *shape), for codes z (n, z)."""

    def p_z(self, n: int) -> Tensor:
        """Draws of z from N(0, I), (n, z): the prior, of models that have one."""
        return torch.randn(n, self.config.z, **self.like)

    def p_eps(self, n: int) -> Tensor:
        """Draws of eps ~ N(0, I), (n, z)."""
        return torch.randn(n, self.config.z, **self.like)  #: eps

    def emit(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Examples for codes z (n, z): points with the noise of p(x | z), pictures without it."""
        return self.decode(z, y)

    @property
    def at_once(self) -> int:
        """How many examples go through the nets at a time, so that memory does not grow with their number."""
        return max(1, NUMBERS // self.config.numbers(self.space))

    @torch.no_grad()
    def sample(self, n: int, y: Tensor | None = None) -> Tensor:
        """Samples (n, *shape): what `emit` makes of draws of `p_z`."""
        y = self.labels(n) if self.labelled and y is None else y
        return torch.cat([self.emit(*part) for part in parts(self.at_once, (self.p_z(n), 0), (y, 0))])

    @torch.no_grad()
    def codes(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What `encode` says of any number of x."""
        mean, deviation = zip(
            *(self.encode(*part) for part in parts(self.at_once, (x, 0), (y, 0))), strict=True
        )
        return torch.cat(mean), torch.cat(deviation)

    @torch.no_grad()
    def decoded(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """What `decode` makes of any number of z."""
        return torch.cat([self.decode(*part) for part in parts(self.at_once, (z, 0), (y, 0))])

    @torch.no_grad()
    def evaluate(self, x: Tensor, y: Tensor | None = None) -> dict[str, Any]:
        """The squared error of held-out x restored from its mean code, summed over each example's numbers."""
        restored = self.decoded(self.codes(x, y)[0], y)
        return {RESTORED: (x - restored).square().flatten(1).sum(1).mean().item()}


class Variational(Coder):
    """A family with distributions p(x | z) and q(z | x); a conditional family tells both the label y."""

    branch = "approximate"
    draws = ("p_eps", "p_u")
    recipes = {Picture: {"likelihood": "Bernoulli", "width": 256}}
    log_sigma: Tensor

    def __init__(self, config: VariationalConfig, space: Space) -> None:
        super().__init__(config, space)
        told = space.classes if self.labelled else 0
        self.E = config.encoder(space, 2 * config.z, told)
        self.D = config.decoder(space, told)
        if config.likelihood == "Gaussian, learned variance":
            self.log_sigma = nn.Parameter(torch.zeros(()))

    @abstractmethod
    def q(self, x: Tensor, y: Tensor | None = None) -> Normal:
        """The approximate posterior of z given x, over (n, z)."""

    @abstractmethod
    def p(self, z: Tensor, y: Tensor | None = None) -> Distribution:
        """The distribution of x given z, over (n, *shape); Bernoulli pixels are 0 or 1 (see `target`)."""

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of q(z | x)."""
        q = self.q(x, y)  #: encoder
        return q.mean, q.stddev

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """The mean of p(x | z), on the scale of x."""
        p = self.p(z, y)  #: decoder
        return 2 * p.mean - 1 if self.config.likelihood == "Bernoulli" else p.mean  #: reconstruction

    def emit(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """A draw from p(x | z) for points; its mean for pictures, and for a Bernoulli decoder."""
        p = self.p(z, y)
        if isinstance(self.space, Picture) or not isinstance(p, Normal):
            return self.decode(z, y)
        return p.mean + p.stddev * torch.randn_like(p.mean)

    def likelihood(self, out: Tensor) -> Distribution:
        """The distribution p(x | z) that the decoder's output stands for."""
        c = self.config
        if c.likelihood == "Bernoulli":
            return Pixels(logits=out, validate_args=False)
        mean = self.space.squashed(out)
        sigma = self.log_sigma.exp() if c.likelihood == "Gaussian, learned variance" else c.sigma
        return Normal(mean, sigma, validate_args=False)

    def p_u(self, n: int) -> Tensor | None:
        """The randomness of `target`: uniform on [-1, 1], (n, *shape), for a Bernoulli decoder, else None."""
        if self.config.likelihood != "Bernoulli":
            return None
        return torch.empty(n, *self.space.shape, **self.like).uniform_(-1, 1)

    def target(self, x: Tensor, u: Tensor | None) -> tuple[Tensor, Tensor]:
        """What the encoder sees, and what the decoder must explain: x itself, unless it is Bernoulli.

        Then u makes pixels white with the probability that their grey gives. The encoder sees {-1, 1}, and
        the decoder must explain {0, 1}. Without u, the greys themselves are the target.
        """
        if self.config.likelihood != "Bernoulli":
            return x, x
        if u is None:
            return x, (x + 1) / 2
        white = (u < x).to(x)
        return 2 * white - 1, white

    def log_w(self, x: Tensor, eps: Tensor, u: Tensor | None = None, y: Tensor | None = None) -> Tensor:
        """The log weights log p(x, z) - log q(z | x) that `bound` averages, (k, n), for eps (k, n, z)."""
        k, n = eps.shape[:2]
        seen, target = self.target(x, u)
        q = self.q(seen, y)
        z = q.mean + q.stddev * eps
        p = self.p(z.flatten(0, 1), None if y is None else y.repeat(k))
        log_p_x = log_prob(p, target.expand(k, *target.shape).flatten(0, 1)).unflatten(0, (k, n))
        return log_p_x + (standard(q).log_prob(z) - q.log_prob(z)).sum(-1)

    def weighed(self, x: Tensor, eps: Tensor, u: Tensor | None = None, y: Tensor | None = None) -> Weighed:
        """What `bounds` are taken from, for x (n, *shape) and eps (k, n, z)."""
        q = self.q(self.target(x, u)[0], y)
        return q.mean, kl(q), self.log_w(x, eps, u, y)

    def summed(self, mean: Tensor, each: Tensor, log_w: Tensor) -> Terms:
        """The ELBO, its parts, and the bound of k = len(log_w) draws, as means over examples in nats.

        A dimension is active if the variance of its mean exceeds 0.01 (Burda et al. 2016). One example has no
        variance.
        """
        each, elbo = each.mean(0), log_w.mean()
        active: Terms = {ACTIVE: (mean.var(0) > 0.01).sum()} if len(mean) > 1 else {}
        return {
            ELBO: elbo,
            RECONSTRUCTION: elbo + each.sum(),
            KL: each.sum(),
            LOG_P: bound(log_w).mean(),
            **active,
            KL_EACH: each,
        }

    def bounds(self, x: Tensor, eps: Tensor, u: Tensor | None = None, y: Tensor | None = None) -> Terms:
        """What `summed` says of x (n, *shape), for eps (k, n, z) and u; of any number of x."""
        size = max(1, self.at_once // (eps.shape[-3] * max(1, self.members)))
        axis = -1 - len(self.space.shape)  # of the examples; a stack has members before it
        given = parts(size, (x, axis), (eps, -2), (u, axis), (y, -1))
        weighed = zip(*(self.weighed(*part) for part in given), strict=True)
        return self.summed(*(torch.cat(one, at) for one, at in zip(weighed, (-2, -2, -1), strict=True)))

    @torch.no_grad()
    def evaluate(self, x: Tensor, y: Tensor | None = None, k: int = 32) -> dict[str, Any]:
        """The `bounds` on held-out x (n, *shape), with k draws, as numbers."""
        n = len(x)
        members = (self.members,) if self.members else ()
        eps = torch.randn(k, n, self.config.z, **self.like).expand(*members, -1, -1, -1)
        # not `p_u`: a stack would draw it from the streams that train its members
        u = 2 * torch.rand_like(x) - 1 if self.config.likelihood == "Bernoulli" else None
        given = (None if t is None else t.expand(*members, *t.shape) for t in (x, u, y))
        x, u, y = given  # type: ignore[assignment]
        told: dict[str, Any] = {name: value.tolist() for name, value in self.bounds(x, eps, u, y).items()}
        few = f"{ACTIVE} are left out because they need two test examples; bring more data."
        return told if ACTIVE in told else told | {LEFT_OUT: [few]}


def parts(size: int, *given: tuple[Tensor | None, int]) -> Iterator[tuple[Any, ...]]:
    """Tensors, each with its axis of n examples, `size` examples at a time; None stays None."""
    n = next(tensor.shape[axis] for tensor, axis in given if tensor is not None)
    for start in range(0, n, size):
        some = min(size, n - start)
        yield tuple(None if tensor is None else tensor.narrow(axis, start, some) for tensor, axis in given)


def normal(out: Tensor) -> Normal:
    """The distribution q(z | x) that the encoder's output (n, 2 z) stands for: mu, then log sigma^2."""
    mu, log_var = out.chunk(2, -1)  #: mu
    # clamped, so that sigma stays finite
    return Normal(mu, (log_var.clamp(-20, 10) / 2).exp(), validate_args=False)  #: sigma


def standard(q: Normal) -> Normal:
    """The prior N(0, I) in the shape of q."""
    return Normal(torch.zeros_like(q.loc), torch.ones_like(q.scale), validate_args=False)


def log_prob(p: Distribution, x: Tensor) -> Tensor:
    """The log probability of each example (n,), summed over its numbers."""
    return p.log_prob(x).flatten(1).sum(1)  #: log_p


def kl(q: Normal) -> Tensor:
    """The KL from q to N(0, I) of each example and dimension, (n, z) (Kingma and Welling 2014, app. B)."""
    variance = q.scale.square()
    return (q.loc.square() + variance - variance.log() - 1) / 2  #: kl


def bound(log_w: Tensor) -> Tensor:
    """The IWAE bound log 1/k sum_i w_i on each example (n,), from log w (k, n) (Burda et al. 2016, eq. 8).

    w = p(x, z) / q(z | x) for k draws z from q. With k = 1 it is the ELBO. As k grows it rises to log p(x).
    """
    return log_w.logsumexp(0) - math.log(len(log_w))
