r"""Conditional generative adversarial network (Mirza and Osindero, 2014, https://arxiv.org/abs/1411.1784).

Both players are told the label y, so that G learns to draw from p(x | y):

    min_G max_D  V(D, G) = E_{x,y}[log D(x | y)] + E_{z,y}[log(1 - D(G(z | y) | y))]       eq. (2)

D sees real x with their own labels and fakes with the labels that G was asked for, so a good digit of the
wrong class is a bad fake. The label enters both nets as a one-hot vector beside their input.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from engine.config import Refused
from engine.family import Batch, Terms
from engine.gan.base import FOR_PICTURES, Discriminator, Game, TwoPlayers
from engine.gan.losses import discriminator_terms, generator_terms
from engine.space import Picture, Plane, Space


class CGAN(Game):
    """The game in which both players are told the label."""

    name = "cgan"
    title = "Conditional GAN"
    source = "Mirza and Osindero, 2014, https://arxiv.org/abs/1411.1784"
    Config = TwoPlayers
    kinds = (Plane, Picture)
    labelled = True
    stacked = ("D_terms", "G_terms")
    recipes = {
        "grid": {"penalty": "R1", "weight": 0.1},
        Picture: {"z": 64} | FOR_PICTURES,
    }

    def __init__(self, config: TwoPlayers, space: Space) -> None:
        super().__init__(config, space)
        if not space.classes:
            raise Refused(f"{self.title} needs data with labels; choose digits, or points in groups.")
        c, labels = config, space.classes
        self.net = self.generator(c.z + labels)
        self.D = Discriminator(space.shape, c.width_D, c.depth_D, spectral=c.spectral, labels=labels)

    def player(self, name: str) -> nn.Module:
        """The nets by their letters."""
        return self.net if name == "G" else self.D

    def G(self, z: Tensor, y: Tensor) -> Tensor:
        """G(z | y), shape (n, *shape), of noise (n, z) and labels (n,) or ()."""
        return self.net(torch.cat([z, self.hot(y).expand(len(z), -1)], 1))

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:  #: real
        """Algorithm 1 with labels: each fake is asked for under the label of a real example."""
        m = self.count(batch.x)
        for j in range(self.config.k):
            batch = batch if j == 0 else batch.again()  #: real
            x, y = batch.x, self.known(batch.y)  #: real y
            z = self.p_z(m)  #: z
            yield self.D, self.D_terms(x, y, z, self.p_eps(m), self.p_noise(m))
            self.config.bound(self.D)
        for _ in range(self.config.k_G):
            z = self.p_z(m)  #: z
            yield self.net, self.G_terms(self.known(batch.y), z, self.p_noise(m))

    def D_terms(
        self, x: Tensor, y: Tensor, z: Tensor, eps: Tensor | None = None, noise: Tensor | None = None
    ) -> Terms:  #: real y z
        """What D descends on real x (m, *shape) of labels y (m,), and on fakes of the same labels."""
        with torch.no_grad():
            fake = self.G(z, y)  #: G fake
        seen = torch.stack([x, fake]) if noise is None else torch.stack([x, fake]) + noise  #: real fake
        real_score, fake_score = self.score(seen, y)  #: D
        terms = discriminator_terms(real_score, fake_score, self.config.loss, self.config.smooth)  #: loss
        return terms | self.config.penalties(lambda x: self.score(x, y), *seen, eps)  #: loss

    def G_terms(self, y: Tensor, z: Tensor, noise: Tensor | None = None) -> Terms:  #: y z
        """What G descends: how its fakes of label y look to D, which is told y too."""
        fake = self.G(z, y)  #: G fake
        score = self.score(fake if noise is None else fake + noise[1], y)  #: D
        return generator_terms(score, self.config.loss)  #: loss
