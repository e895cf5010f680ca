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
from engine.gan.base import D_FAKE, D_REAL, PULL, Discriminator, Game, TwoPlayers
from engine.gan.losses import LOSSES, belief, discriminator_terms, generator_terms, slopes
from engine.nets.layers import mlp
from engine.space import Picture, Plane, Space


class CGAN(Game):
    name = "cgan"
    title = "Conditional GAN"
    source = "Mirza and Osindero, 2014, https://arxiv.org/abs/1411.1784"
    Config = TwoPlayers
    kinds = (Plane, Picture)
    labelled = True
    stacked = ("D_terms", "G_terms")
    recipes = {
        "grid": {"penalty": "R1", "weight": 0.1},
        Picture: {
            "z": 64, "width_G": 192, "depth_G": 2, "width_D": 192, "depth_D": 2, "batch": 64,
            "lr_D": 4e-4, "lr_G": 4e-4,
        },
    }  # fmt: skip

    def __init__(self, config: TwoPlayers, space: Space) -> None:
        super().__init__(config, space)
        if not space.classes:
            raise Refused(f"{self.title} needs data with labels; choose digits, or points in groups.")
        c, n = config, space.size
        ends = nn.Tanh() if isinstance(space, Picture) else None
        inputs = c.z + space.classes
        self.net = nn.Sequential(mlp(inputs, c.width_G, c.depth_G, n, ends), nn.Unflatten(1, space.shape))
        self.D = Discriminator(space.shape, c.width_D, c.depth_D, spectral=c.spectral, labels=space.classes)

    def player(self, name: str) -> nn.Module:
        return self.net if name == "G" else self.D

    def G(self, z: Tensor, y: Tensor) -> Tensor:
        """G(z | y), shape (n, *shape), of noise (n, z) and labels (n,)."""
        return self.net(torch.cat([z, self.hot(y)], -1))

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """Algorithm 1 with labels: each fake is asked for under the label of a real example."""
        m, c = self.count(batch.x), self.config
        for j in range(c.k):
            batch = batch if j == 0 else batch.again()
            x, y = batch.x, self.known(batch.y)
            z = self.p_z(m)
            eps = self.p_eps(m) if c.penalty == "gradient penalty" else None
            yield self.D, self.D_terms(x, y, z, eps, self.p_noise(m) if c.noise_x else None)
            c.bound(self.D)
        for _ in range(c.k_G):
            z = self.p_z(m)
            yield self.net, self.G_terms(self.known(batch.y), z, self.p_noise(m) if c.noise_x else None)

    def D_terms(
        self, x: Tensor, y: Tensor, z: Tensor, eps: Tensor | None = None, noise: Tensor | None = None
    ) -> Terms:
        """What D descends on real x with labels y, and on fakes of the same labels."""
        with torch.no_grad():
            fake = self.G(z, y)
        seen = torch.stack([x, fake]) if noise is None else torch.stack([x, fake]) + noise
        hot = self.hot(y)
        real_score, fake_score = self.D(seen, y=hot.expand(2, *hot.shape))
        terms = discriminator_terms(real_score, fake_score, self.config.loss, self.config.smooth)
        return terms | self.config.penalties(lambda x: self.D(x, y=hot), *seen, eps)

    def G_terms(self, y: Tensor, z: Tensor, noise: Tensor | None = None) -> Terms:
        """What G descends: how its fakes of label y look to D, which is told y too."""
        fake = self.G(z, y)
        score = self.D(fake if noise is None else fake + noise[1], y=self.hot(y))
        return generator_terms(score, self.config.loss)

    @torch.no_grad()
    def sample(self, n: int, y: Tensor | None = None) -> Tensor:
        """Samples of the labels y (n,), or of all labels in turn."""
        return self.G(self.p_z(n), self.labels(n) if y is None else y)

    def belief(self, x: Tensor, y: Tensor) -> Tensor:
        """D(x | y) in [0, 1], (n,)."""
        middle: Tensor | float = 0.0
        if self.config.loss == "Wasserstein":  # measured from the critic's mean score over fakes
            middle = self.D(self.sample(512), y=self.hot(self.labels(512))).mean()
        return belief(self.D(x, y=self.hot(y)), self.config.loss, middle)

    def value_to_descend(self, x: Tensor, y: Tensor) -> Tensor:
        """G's loss at each x of label y, (n,)."""
        return LOSSES[self.config.loss].G(self.D(x, y=self.hot(y)))

    def signs(self, x: Tensor, y: Tensor | None = None) -> dict[str, float]:
        """D's mean beliefs of real examples and of fakes of the same labels, and the slope at a fake."""
        y = self.known(y)
        fake = self.G(self.p_z(len(y)), y)
        pull = slopes(lambda x: self.value_to_descend(x, y), fake)
        told: dict[str, Tensor] = {}
        if self.config.loss != "Wasserstein":  # a critic believes nothing
            told = {D_REAL: self.belief(x, y), D_FAKE: self.belief(fake, y)}
        return {name: value.mean().item() for name, value in (told | {PULL: pull}).items()}
