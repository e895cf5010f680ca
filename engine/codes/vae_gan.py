r"""VAE-GAN (Larsen et al., 2016, https://arxiv.org/abs/1512.09300).

A VAE judges pictures pixel by pixel, where a blurred stroke costs less than a sharp one in the wrong place.
Here a discriminator learns the difference, and its hidden layer l measures how similar two pictures are:

    L_prior  =  beta KL[q(z|x) || p(z)]                     L_like  =  || Dis_l(x) - Dis_l(x^) ||^2 / 2
    L_GAN    =  log Dis(x) + log(1 - Dis(x~)),   x~ = x^ = Dec(z), z ~ q(z|x), or x_p = Dec(z_p), z_p ~ p(z)
    Enc descends L_prior + L_like,  Dec descends gamma L_like - L_GAN,  Dis descends -L_GAN        algorithm 1

Half the fakes are x^, half x_p (the paper adds a term for each; we average: fakes weigh like real x).
Dec's part of -L_GAN is the non-saturating loss. R1 (Mescheder et al. 2018) keeps Dis from running ahead.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import leaky_relu, softplus

from engine.adam import Adam
from engine.codes.base import Coder, kl, normal
from engine.codes.config import CoderConfig
from engine.config import knob
from engine.family import Batch, Terms
from engine.gan.losses import r1
from engine.metrics.measure import term
from engine.space import Picture, Space

PRIOR = term("β KL[q(z|x) || p(z)]", "latent")
LIKE, LIKE_DEC = term("L_like", "model"), term("γ L_like", "model")
FOOL = term("-E[log Dis(x~)]", "")
REAL = term("-E[log Dis(x)]", "critic")
FAKE = term("-E[log(1 - Dis(x~))]", "critic")
SLOPE = term("λ E[|∇Dis(x)|²]/2", "gradient")


class VAEGANConfig(CoderConfig):
    """The nets, and the weights of the losses."""

    beta: float = knob(
        1.0, 0, 20, label="Weight of the KL term", symbol=r"\beta", step=0.1, live=True,
        says="weight of the KL term",
    )  # fmt: skip
    gamma: float = knob(
        1.0, 0, 20, label="Similarity against realism", symbol=r"\gamma", step=0.1, live=True,
        says="how much the decoder cares about similarity to x, relative to looking real",
    )  # fmt: skip
    lr_D: float = knob(
        4e-4, 1e-5, 0.1, label="Learning rate of Dis", symbol=r"\eta_D", log=True, live=True,
        says="learning rate of the discriminator",
    )  # fmt: skip
    weight: float = knob(
        0.1, 0, 100, label="Weight of R1", symbol=r"\lambda", live=True, advanced=True,
        says="weight of the penalty on the gradient of Dis at real x",
    )  # fmt: skip


class Discriminator(nn.Module):
    """Dis: a hidden layer l, and a score computed from it."""

    def __init__(self, config: VAEGANConfig, space: Space) -> None:
        super().__init__()
        self.layers, self.last = config.encoder(space, config.width), nn.Linear(config.width, 1)

    def features(self, x: Tensor) -> Tensor:
        """The hidden layer Dis_l(x), (n, width)."""
        return leaky_relu(self.layers(x), 0.2)

    def forward(self, x: Tensor) -> Tensor:
        """The logits (n,) of x (n, *shape) being real."""
        return self.last(self.features(x)).squeeze(1)


class VAEGAN(Coder):
    """The VAE-GAN, of three players."""

    name = "vae-gan"
    title = "VAE-GAN"
    source = "Larsen et al., 2016, https://arxiv.org/abs/1512.09300"
    branch = "implicit"
    Config = VAEGANConfig
    players = ("Enc", "Dec", "Dis")
    algorithm = ("L_prior", "L_like", "fool", "discriminate")
    recipes = {Picture: {"z": 10, "width": 256, "lr": 4e-4, "beta": 0.2, "gamma": 0.1, "weight": 1.0}}

    def __init__(self, config: VAEGANConfig, space: Space) -> None:
        super().__init__(config, space)
        self.Enc = config.encoder(space, 2 * config.z)
        self.Dec = nn.Sequential(config.decoder(space), *space.ends())
        self.Dis = Discriminator(config, space)

    def q(self, x: Tensor) -> Normal:
        """The approximate posterior of z given x, over (n, z)."""
        return normal(self.Enc(x))  #: encoder

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:  #: x
        """Algorithm 1. The loss of each player is computed with the present weights of the others."""
        x, c, m = batch.x, self.config, len(batch.x)  #: x
        eps, z_p = self.p_eps(m), self.p_eps(m)  #: z
        q = self.q(x)  #: Enc z
        restored = self.Dec(q.mean + q.stddev * eps)  #: Dec reconstruction
        yield self.Enc, {PRIOR: self.L_prior(q), LIKE: self.L_like(x, restored)}  #: loss
        fakes = self.fakes(x, eps, z_p)  #: Dec reconstruction
        yield self.Dec, {LIKE_DEC: c.gamma * self.L_like(x, fakes[:m]), FOOL: self.fool(fakes)}  #: loss
        with torch.no_grad():
            fakes = self.fakes(x, eps, z_p)  #: Dec reconstruction
        yield self.Dis, self.discriminate(x, fakes)  #: loss

    def fakes(self, x: Tensor, eps: Tensor, z_p: Tensor) -> Tensor:
        """The fakes x~: first x^, restored from its code, then x_p, decoded from z_p: (2 m, *shape)."""
        with torch.no_grad():
            q = self.q(x)  #: encoder
        return self.Dec(torch.cat([q.mean + q.stddev * eps, z_p]))  #: z decoder

    def L_prior(self, q: Normal) -> Tensor:
        """The KL term of q (n, z), weighted by beta."""
        return self.config.beta * kl(q).sum(1).mean()  #: kl loss

    def L_like(self, x: Tensor, restored: Tensor) -> Tensor:
        """Half the squared difference between x and the restored x^, summed over the features of Dis."""
        return (self.Dis.features(x) - self.Dis.features(restored)).square().sum(1).mean() / 2  #: Dis loss

    def fool(self, fakes: Tensor) -> Tensor:
        """What Dec descends of -L_GAN, in the non-saturating form: -log Dis(x~), over all fakes."""
        return softplus(-self.Dis(fakes)).mean()  #: Dis loss

    def discriminate(self, x: Tensor, fakes: Tensor) -> Terms:
        """What Dis descends: -log Dis(x) - log(1 - Dis(x~)), and R1."""
        return {  #: Dis loss
            REAL: softplus(-self.Dis(x)).mean(),
            FAKE: softplus(self.Dis(fakes)).mean(),
            SLOPE: self.config.weight * r1(self.Dis, x),
        }

    def optimizer(self, player: str) -> torch.optim.Optimizer:
        """Adam with beta_1 = 0.5; Dis has a learning rate of its own."""
        lr = self.config.lr_D if player == "Dis" else self.config.lr
        return Adam(self.player(player).parameters(), lr, (0.5, 0.999))

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:  #: x
        """Mean and standard deviation of q(z | x), both (n, z)."""
        q = self.q(x)  #: encoder
        return q.mean, q.stddev

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Dec(z), (n, *shape), for z (n, z)."""
        return self.Dec(z)  #: decoder reconstruction
