r"""Generative adversarial network (Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661).

A generator G maps noise z ~ p(z) to x = G(z); a discriminator D says how probable it is that x
came from the data. They play

    min_G max_D  V(D, G) = E_x[log D(x)] + E_z[log(1 - D(G(z)))]                      eq. (1)

For a fixed G the best D is p / (p + p_g), which gives V = 2 JSD(p, p_g) - log 4      prop. 1, thm. 1

The other games (losses, penalties) are in engine/gan/base.py. Against mode collapse:
minibatch standard deviation (Karras et al. 2018), packing (Lin et al. 2018) and unrolling (Metz et
al. 2017).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from engine.config import knob
from engine.family import Batch, Terms
from engine.gan.base import D_FAKE, D_REAL, PULL, Discriminator, Game, TwoPlayers, unrolled
from engine.gan.losses import LOSSES, Score, belief, discriminator_terms, generator_terms, slopes, total
from engine.nets.layers import mlp
from engine.space import Line, Picture, Space


class GANConfig(TwoPlayers):
    diversity: Literal["none", "minibatch std", "packing", "unrolling"] = knob(
        "none", label="Against mode collapse",
        says="D sees how varied a batch is; judges pairs; or G looks 5 steps of D ahead",
    )  # fmt: skip


class GAN(Game):
    name = "gan"
    title = "Generative adversarial network"
    source = "Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661"
    Config = GANConfig
    stacked = ("D_terms", "G_terms", "belief")
    recipes = {
        Line: {"z": 1},
        "grid": {"penalty": "R1", "weight": 0.1},  # without it D forgets: 14 of the 25 modes
        Picture: {
            "z": 100, "width_G": 192, "depth_G": 2, "width_D": 192, "depth_D": 2, "batch": 64,
            "lr_D": 4e-4, "lr_G": 4e-4,
        },
    }  # fmt: skip

    def __init__(self, config: GANConfig, space: Space) -> None:
        super().__init__(config, space)
        c, n = config, space.size
        ends = nn.Tanh() if isinstance(space, Picture) else None  # pixels are in [-1, 1]
        self.G = nn.Sequential(mlp(c.z, c.width_G, c.depth_G, n, ends), nn.Unflatten(1, space.shape))
        self.D = Discriminator(
            space.shape, c.width_D, c.depth_D, spectral=c.spectral,
            pack=2 if c.diversity == "packing" else 1, spread=c.diversity == "minibatch std",
        )  # fmt: skip

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """Algorithm 1: k turns of D, each on fresh data and fresh noise, then one turn of G."""
        m, c = self.count(batch.x), self.config
        for j in range(c.k):
            x = batch.x if j == 0 else (batch := batch.again()).x
            z = self.p_z(m)
            eps = self.p_eps(m) if c.penalty == "gradient penalty" else None
            yield self.D, self.D_terms(x, z, eps, self.p_noise(m) if c.noise_x else None)
            c.bound(self.D)
        for _ in range(c.k_G):
            z = self.p_z(m)
            yield self.G, self.G_terms(batch.x, z, self.p_noise(m) if c.noise_x else None)

    def D_terms(self, x: Tensor, z: Tensor, eps: Tensor | None = None, noise: Tensor | None = None) -> Terms:
        """What D descends on real x (m, *shape) and on fakes from z (m, dim z)."""
        with torch.no_grad():
            fake = self.G(z)
        seen = torch.stack([x, fake]) if noise is None else torch.stack([x, fake]) + noise
        real_score, fake_score = self.D(seen)
        terms = discriminator_terms(real_score, fake_score, self.config.loss, self.config.smooth)
        return terms | self.config.penalties(self.D, *seen, eps)

    def G_terms(self, x: Tensor, z: Tensor, noise: Tensor | None = None) -> Terms:
        """What G descends: how its fakes look to D, or to the D that would come five steps later."""
        c, fake = self.config, self.G(z)
        D: Score = self.D
        if c.diversity == "unrolling":
            D = unrolled(self.D, lambda D: total(discriminator_terms(D(x), D(fake), c.loss, c.smooth)))
        score = D(fake if noise is None else fake + noise[1])
        return generator_terms(score, c.loss)

    @torch.no_grad()
    def sample(self, n: int, y: Tensor | None = None) -> Tensor:
        return self.G(self.p_z(n))

    def value_to_descend(self, x: Tensor) -> Tensor:
        """G's loss at each x, (n,), or at each pack of them."""
        return LOSSES[self.config.loss].G(self.D(x))

    def belief(self, x: Tensor) -> Tensor:
        """D(x) in [0, 1] of each of x (n, *shape) by itself; beside fakes where D judges batches. A
        critic's score is measured from its mean over fakes."""
        judges = self.D.pack > 1 or self.D.spread
        fakes = self.sample(512) if judges or self.config.loss == "Wasserstein" else None
        middle = self.D(fakes).mean() if self.config.loss == "Wasserstein" else 0.0
        return belief(self.D(x, fakes if judges else None), self.config.loss, middle)

    def signs(self, x: Tensor, y: Tensor | None = None) -> dict[str, float]:
        """D's mean beliefs, and the slope along which G pulls its fakes: |d loss / d x| of a fake."""
        fake = self.sample(len(x))
        pull = slopes(self.value_to_descend, fake)
        told: dict[str, Tensor] = {}
        if self.config.loss != "Wasserstein":  # a critic believes nothing
            told = {D_REAL: self.belief(x), D_FAKE: self.belief(fake)}
        return {name: value.mean().item() for name, value in (told | {PULL: pull}).items()}
