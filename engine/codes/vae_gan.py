r"""VAE-GAN (Larsen et al., 2016, https://arxiv.org/abs/1512.09300).

A VAE judges its pictures pixel by pixel, and a blurred stroke costs less than a sharp one in the wrong place.
Here a discriminator learns the difference, and its hidden layer l measures how alike two pictures are:

    L_prior  =  beta KL[q(z|x) || p(z)]                     L_like  =  || Dis_l(x) - Dis_l(x~) ||^2 / 2
    L_GAN    =  log Dis(x) + log(1 - Dis(x~)) + log(1 - Dis(Dec(z_p))),   x~ = Dec(z), z ~ q(z|x), z_p ~ p(z)

    Enc descends L_prior + L_like,  Dec descends gamma L_like - L_GAN,  Dis descends -L_GAN        algorithm 1

Dec's part of -L_GAN is the non-saturating loss. R1 (Mescheder et al. 2018) keeps Dis from running ahead.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import leaky_relu, softplus

from engine.codes.base import Coder, CoderConfig, kl, normal
from engine.config import knob
from engine.family import Batch, Terms, adam
from engine.gan.losses import r1
from engine.metrics.measure import term
from engine.space import Picture, Space

PRIOR = term("β KL[q(z|x) || p(z)]", "latent")
LIKE = term("L_like", "model")
LIKE_DEC = term("γ L_like", "model")
FOOL = term("-E[log Dis(x~)]", "")
REAL = term("-E[log Dis(x)]", "critic")
FAKE = term("-E[log(1 - Dis(x~))]", "critic")
SLOPE = term("λ E[|∇Dis(x)|²]/2", "gradient")


class VAEGANConfig(CoderConfig):
    beta: float = knob(
        1.0, 0, 20, label="Weight of the KL term", symbol=r"\beta", step=0.1, live=True,
        says="weight of the KL term",
    )  # fmt: skip
    gamma: float = knob(
        1.0, 0, 20, label="Likeness against reality", symbol=r"\gamma", step=0.1, live=True,
        says="how much more the decoder cares to be like x than to look real",
    )  # fmt: skip
    lr_D: float = knob(
        4e-4, 1e-5, 0.1, label="Learning rate of Dis", symbol=r"\eta_D", log=True, live=True,
        says="learning rate of the discriminator",
    )  # fmt: skip
    weight: float = knob(
        0.1, 0, 100, label="Weight of R1", symbol=r"\lambda", live=True, advanced=True,
        says="weight of the penalty on the slope of Dis at real x",
    )  # fmt: skip


class Judge(nn.Module):
    """Dis: a hidden layer l, and the score that it leads to."""

    def __init__(self, config: VAEGANConfig, space: Space) -> None:
        super().__init__()
        self.layers, self.last = config.encoder(space, config.width), nn.Linear(config.width, 1)

    def features(self, x: Tensor) -> Tensor:
        return leaky_relu(self.layers(x), 0.2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.features(x)).squeeze(1)


class VAEGAN(Coder):
    name = "vae-gan"
    title = "VAE-GAN"
    source = "Larsen et al., 2016, https://arxiv.org/abs/1512.09300"
    branch = "implicit"
    Config = VAEGANConfig
    players = ("Enc", "Dec", "Dis")
    algorithm = ("L_prior", LIKE, "fool", "judge")
    recipes = {Picture: {"z": 16, "width": 192, "lr": 4e-4, "beta": 0.1}}

    def __init__(self, config: VAEGANConfig, space: Space) -> None:
        super().__init__(config, space)
        self.Enc = config.encoder(space, 2 * config.z)
        last = nn.Tanh() if isinstance(space, Picture) else nn.Identity()
        self.Dec = nn.Sequential(config.decoder(space), last)
        self.Dis = Judge(config, space)

    def q(self, x: Tensor) -> Normal:
        """q(z | x), of (n, z)."""
        return normal(self.Enc(x))

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """Algorithm 1; each player's loss is computed with the weights that the others have by then."""
        x, c = batch.x, self.config
        m = len(x)
        eps, z_p = self.p_eps(m), self.p_eps(m)
        q = self.q(x)
        restored = self.Dec(q.mean + q.stddev * eps)
        yield self.Enc, {PRIOR: self.L_prior(q), LIKE: self.L_like(x, restored)}

        fakes = self.fakes(x, eps, z_p)
        yield self.Dec, {LIKE_DEC: c.gamma * self.L_like(x, fakes[:m]), FOOL: self.fool(fakes)}

        with torch.no_grad():
            fakes = self.fakes(x, eps, z_p)
        yield self.Dis, self.judge(x, fakes)

    def fakes(self, x: Tensor, eps: Tensor, z_p: Tensor) -> Tensor:
        """x restored from its code, then pictures of the prior's z_p: (2 m, *shape)."""
        with torch.no_grad():
            q = self.q(x)
        return self.Dec(torch.cat([q.mean + q.stddev * eps, z_p]))

    def L_prior(self, q: Normal) -> Tensor:
        return self.config.beta * kl(q).sum(1).mean()

    def L_like(self, x: Tensor, restored: Tensor) -> Tensor:
        return (self.Dis.features(x) - self.Dis.features(restored)).square().sum(1).mean() / 2

    def fool(self, fakes: Tensor) -> Tensor:
        return softplus(-self.Dis(fakes)).mean()

    def judge(self, x: Tensor, fakes: Tensor) -> Terms:
        """What Dis descends: -log Dis(x) - log(1 - Dis(x~)), and R1."""
        return {
            REAL: softplus(-self.Dis(x)).mean(),
            FAKE: softplus(self.Dis(fakes)).mean(),
            SLOPE: self.config.weight * r1(self.Dis, x),
        }

    def optimizer(self, player: str) -> torch.optim.Optimizer:
        lr = self.config.lr_D if player == "Dis" else self.config.lr
        return adam(self.player(player), lr, (0.5, 0.999))

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        q = self.q(x)
        return q.mean, q.stddev

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.Dec(z)
