r"""Autoencoder (Hinton and Salakhutdinov, 2006, https://doi.org/10.1126/science.1127647).

An encoder e and a decoder d, trained so that what comes out is what went in:

    loss = || x - d(e(x)) ||^2                                       summed over an example's numbers

With linear nets the best it can do is PCA's subspace, in another basis (Baldi and Hornik 1989). With noise it
is the denoising autoencoder (Vincent et al. 2008): e sees a damaged x and must restore the clean one.

It has no prior. `sample` decodes draws of N(0, I) all the same; that its codes lie elsewhere is what a VAE
cures.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from engine.codes.base import ERROR, RESTORED, Coder, CoderConfig
from engine.config import knob
from engine.family import Batch, Terms
from engine.space import Picture, Plane, Space


class AEConfig(CoderConfig):
    noise: Literal["none", "Gaussian", "masking"] = knob(
        "none", label="Noise on the input", live=True,
        says="what the encoder sees: x, x with noise added, or x with some numbers set to the lowest value",
    )  # fmt: skip
    amount: float = knob(
        0.5, 0, 1, label="Amount of noise", live=True,
        says="standard deviation of Gaussian noise, or the share of numbers that masking removes",
    )  # fmt: skip


class AE(Coder):
    name = "ae"
    title = "Autoencoder"
    branch = "beside"
    source = "Hinton and Salakhutdinov, 2006, https://doi.org/10.1126/science.1127647"
    Config = AEConfig
    algorithm = ("terms",)
    stackable = ("lr", "amount")
    stacked = ("terms",)
    draws = ("p_noise",)
    recipes = {Plane: {"z": 1}, Picture: {"width": 256}}

    def __init__(self, config: AEConfig, space: Space) -> None:
        super().__init__(config, space)
        self.E = config.encoder(space, config.z)
        self.D = config.decoder(space)

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        yield self, self.terms(batch.x, self.p_noise(self.count(batch.x)))

    def terms(self, x: Tensor, noise: Tensor) -> Terms:
        """The error of x restored from x (m, *shape) with noise."""
        error = (x - self.d(self.e(self.damaged(x, noise)))).square()
        return {ERROR: error.flatten(1).sum(1).mean()}

    def e(self, x: Tensor) -> Tensor:
        """The code (n, z) of x (n, *shape)."""
        return self.E(x)

    def d(self, z: Tensor) -> Tensor:
        """x (n, *shape) from its code (n, z)."""
        out = self.D(z)
        return out.tanh() if isinstance(self.space, Picture) and self.config.activation != "linear" else out

    def p_noise(self, n: int) -> Tensor:
        """Noise for n examples, (n, *shape): normal to be added, or uniform to choose what is masked."""
        return self.fresh_noise(n)

    def fresh_noise(self, n: int) -> Tensor:
        """The same, which in a stack is not drawn from the streams in which its members train."""
        draw = torch.rand if self.config.noise == "masking" else torch.randn
        return draw(n, *self.space.shape, **self.like)

    def damaged(self, x: Tensor, noise: Tensor) -> Tensor:
        """What the encoder sees of x."""
        c = self.config
        if c.noise == "none":
            return x
        lowest = -1.0 if isinstance(self.space, Picture) else 0.0
        return x + c.amount * noise if c.noise == "Gaussian" else x.where(noise >= c.amount, lowest)

    @torch.no_grad()
    def evaluate(self, x: Tensor, y: Tensor | None = None) -> dict[str, float | list[float]]:
        """The error of held-out x, restored from what the encoder sees of it; of a stack one a member."""
        members = (self.members,) if self.members else ()
        x, noise = (t.expand(*members, *t.shape) for t in (x, self.fresh_noise(len(x))))
        return {RESTORED: self.terms(x, noise)[ERROR].tolist()}

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        z = self.e(x)
        return z, torch.zeros_like(z)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.d(z)
