r"""Generative adversarial network (Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661).

A generator G maps noise z ~ p(z) to x = G(z); a discriminator D says how probable it is that x
came from the data. They play

    min_G max_D  V(D, G) = E_x[log D(x)] + E_z[log(1 - D(G(z)))]                      eq. (1)

For a fixed G the best D is p / (p + p_g), which gives V = 2 JSD(p, p_g) - log 4      prop. 1, thm. 1

The other losses and penalties are in engine/gan/losses.py. Three remedies against mode collapse can be
chosen: minibatch standard deviation (Karras et al. 2018), packing (Lin et al. 2018) and unrolling (Metz
et al. 2017).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from engine.config import knob
from engine.family import Batch, Terms
from engine.gan.base import FOR_PICTURES, Discriminator, Game, TwoPlayers, unrolled
from engine.gan.losses import Score, discriminator_terms, generator_terms, total
from engine.space import Line, Picture, Space


class GANConfig(TwoPlayers):
    """The knobs of the game, and what helps against mode collapse."""

    diversity: Literal["none", "minibatch std", "packing", "unrolling"] = knob(
        "none", label="Against mode collapse",
        says="D sees how varied a batch is; judges pairs; or G looks 5 steps of D ahead",
    )  # fmt: skip


class GAN(Game):
    """The game of the 2014 paper, without labels."""

    name = "gan"
    title = "Generative adversarial network"
    source = "Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661"
    Config = GANConfig
    stacked = ("D_terms", "G_terms", "belief")
    recipes = {
        Line: {"z": 1},
        "grid": {"penalty": "R1", "weight": 0.1},  # without it D forgets: 14 of the 25 modes
        # without R1 twice the Fréchet distance; a D that is told labels minds them less with it
        Picture: {"z": 100, "penalty": "R1"} | FOR_PICTURES,
    }

    def __init__(self, config: GANConfig, space: Space) -> None:
        super().__init__(config, space)
        c = config
        self.G = self.generator(c.z)
        self.D = Discriminator(
            space.shape, c.width_D, c.depth_D, spectral=c.spectral,
            pack=2 if c.diversity == "packing" else 1, spread=c.diversity == "minibatch std",
        )  # fmt: skip

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:  #: real
        """Algorithm 1: k turns of D, each on fresh data and fresh noise, then one turn of G."""
        m = self.count(batch.x)
        for j in range(self.config.k):
            x = batch.x if j == 0 else (batch := batch.again()).x  #: real
            z = self.p_z(m)  #: z
            yield self.D, self.D_terms(x, z, self.p_eps(m), self.p_noise(m))
            self.config.bound(self.D)
        for _ in range(self.config.k_G):
            z = self.p_z(m)  #: z
            yield self.G, self.G_terms(batch.x, z, self.p_noise(m))

    def D_terms(
        self, x: Tensor, z: Tensor, eps: Tensor | None = None, noise: Tensor | None = None
    ) -> Terms:  #: real z
        """What D descends on real x (m, *shape) and on fakes from z (m, dim z)."""
        with torch.no_grad():
            fake = self.G(z)  #: G fake
        seen = torch.stack([x, fake]) if noise is None else torch.stack([x, fake]) + noise  #: real fake
        real_score, fake_score = self.D(seen)  #: D
        terms = discriminator_terms(real_score, fake_score, self.config.loss, self.config.smooth)  #: loss
        return terms | self.config.penalties(self.D, *seen, eps)  #: loss

    def G_terms(self, x: Tensor, z: Tensor, noise: Tensor | None = None) -> Terms:  #: real z
        """What G descends: how its fakes look to D, or to the D that would come five steps later."""
        c, fake = self.config, self.G(z)  #: G fake
        if noise is not None:
            x, fake = x + noise[0], fake + noise[1]  #: real fake
        D: Score = self.D
        if c.diversity == "unrolling":
            D = unrolled(self.D, lambda D: total(discriminator_terms(D(x), D(fake), c.loss, c.smooth)))
        score = D(fake)  #: D
        return generator_terms(score, c.loss)  #: loss
