r"""Generative adversarial network (Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661).

A generator G maps noise z ~ p(z) to x = G(z); a discriminator D says how probable it is that x
came from the data. They play

    min_G max_D  V(D, G) = E_x[log D(x)] + E_z[log(1 - D(G(z)))]                      eq. (1)

For a fixed G the best D is p / (p + p_g), which gives V = 2 JSD(p, p_g) - log 4      prop. 1, thm. 1
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from engine.config import Config, knob
from engine.family import Batch, Family, Space, Terms, adam
from engine.nets import mlp


class GANConfig(Config):
    loss: Literal["non-saturating", "minimax"] = knob(
        "non-saturating",
        label="Generator's loss",
        says="what G descends: -log D(G(z)), or the game's own log(1 - D(G(z)))",
        live=True,
    )
    lr_D: float = knob(
        1e-3, 1e-5, 1e-1, label="Learning rate of D", symbol=r"\eta_D", says="learning rate of D",
        log=True, live=True,
    )  # fmt: skip
    lr_G: float = knob(
        1e-3, 1e-5, 1e-1, label="Learning rate of G", symbol=r"\eta_G", says="learning rate of G",
        log=True, live=True,
    )  # fmt: skip
    k: int = knob(
        1, 1, 10, label="D's turns a round", symbol="k", says="turns of D for each turn of G", live=True
    )
    z: int = knob(2, 1, 256, label="Noise dimensions", symbol=r"\dim z", says="dimensions of the noise z")
    width: int = knob(64, 4, 512, label="Width", says="units in a hidden layer of G and of D")
    depth: int = knob(3, 0, 5, label="Depth", says="hidden layers of G and of D", advanced=True)
    noise: Literal["Gaussian", "uniform"] = knob(
        "Gaussian", label="Noise", says="distribution of z: N(0, 1) or uniform on [-1, 1]", advanced=True
    )
    batch: int = knob(
        128, 2, 1024, label="Batch", symbol="m", says="examples in a minibatch", live=True, advanced=True
    )
    beta1_D: float = knob(
        0.5, 0, 0.99, label="Adam of D: memory of the gradient", symbol=r"\beta_1",
        says="how much of the old mean gradient each step of D keeps", live=True, advanced=True,
    )  # fmt: skip
    beta2_D: float = knob(
        0.999, 0, 0.9999, label="Adam of D: memory of its square", symbol=r"\beta_2",
        says="how much of the old mean squared gradient each step of D keeps", live=True, advanced=True,
    )  # fmt: skip
    beta1_G: float = knob(
        0.5, 0, 0.99, label="Adam of G: memory of the gradient", symbol=r"\beta_1",
        says="how much of the old mean gradient each step of G keeps", live=True, advanced=True,
    )  # fmt: skip
    beta2_G: float = knob(
        0.999, 0, 0.9999, label="Adam of G: memory of its square", symbol=r"\beta_2",
        says="how much of the old mean squared gradient each step of G keeps", live=True, advanced=True,
    )  # fmt: skip


def discriminator_terms(real: Tensor, fake: Tensor) -> Terms:
    """-V from D's logits a, with log D = -softplus(-a) and log(1 - D) = -softplus(a), so that a
    confident D gives no infinity."""
    return {
        "-E[log D(x)]": softplus(-real).mean(),
        "-E[log(1 - D(G(z)))]": softplus(fake).mean(),
    }


def generator_terms(fake: Tensor, loss: str) -> Terms:
    """What G descends, from D's logits on G(z). The minimax gradient fades as D wins (D -> 0);
    the non-saturating one has the same sign and is (1 - D) / D times as strong (section 3)."""
    if loss == "minimax":
        return {"E[log(1 - D(G(z)))]": -softplus(fake).mean()}
    return {"-E[log D(G(z))]": softplus(-fake).mean()}


class GAN(Family):
    name = "gan"
    title = "Generative adversarial network"
    source = "Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661"
    branch = "implicit"
    Config = GANConfig
    players = ("D", "G")
    algorithm = ("discriminator_terms", "generator_terms")
    recipes = {
        "image": {"z": 100, "width": 192, "depth": 2, "batch": 64, "lr_D": 4e-4, "lr_G": 4e-4},
    }

    def __init__(self, config: GANConfig, space: Space) -> None:
        super().__init__(config, space)
        c, n = config, space.size
        ends = nn.Tanh() if space.kind == "image" else None  # pixels are in [-1, 1]
        self.G = nn.Sequential(mlp(c.z, c.width, c.depth, n, ends), nn.Unflatten(1, space.shape))
        self.D = nn.Sequential(nn.Flatten(), mlp(n, c.width, c.depth, 1))  # logit of D(x)

    def p_z(self, n: int) -> Tensor:
        """n draws of the noise, shape (n, z)."""
        z = self.G.get_parameter("0.0.weight").new_empty(n, self.config.z)  # on G's device
        return z.normal_() if self.config.noise == "Gaussian" else z.uniform_(-1, 1)

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """Algorithm 1: k turns of D, each on fresh data and fresh noise, then one turn of G."""
        m = len(batch.x)
        for j in range(self.config.k):
            batch = batch if j == 0 else batch.again()
            with torch.no_grad():
                fake = self.G(self.p_z(m))
            # one pass over both halves: the same numbers, for no layer of D mixes examples
            real, fake = self.D(torch.cat([batch.x, fake])).chunk(2)
            yield self.D, discriminator_terms(real, fake)
        yield self.G, generator_terms(self.D(self.G(self.p_z(m))), self.config.loss)

    @torch.no_grad()
    def sample(self, n: int, y: Tensor | None = None) -> Tensor:
        return self.G(self.p_z(n))

    def optimizer(self, player: str) -> torch.optim.Optimizer:
        """Adam for each player; the paper used momentum (its Algorithm 1 allows any rule)."""
        c = self.config
        if player == "D":
            return adam(self.D, c.lr_D, (c.beta1_D, c.beta2_D))
        return adam(self.G, c.lr_G, (c.beta1_G, c.beta2_G))
