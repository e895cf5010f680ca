r"""Autoencoder (Hinton and Salakhutdinov, 2006, https://doi.org/10.1126/science.1127647).

An encoder e and a decoder d are trained so that the output equals the input:

    loss = || x - d(e(x)) ||^2                              summed over the numbers of an example

With linear nets, the optimum is PCA's subspace in another basis (Baldi and Hornik 1989). With noise on the
input, this is the denoising autoencoder (Vincent et al. 2008): e sees a corrupted x, and d must restore the
clean one. There is no prior and no p(x). `sample` decodes draws from N(0, I) all the same, but the codes of
the data lie elsewhere; a VAE cures that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn

from engine.codes.base import ERROR, RESTORED, Coder, parts
from engine.codes.config import CoderConfig
from engine.config import Where, knob
from engine.family import Batch, Terms
from engine.space import Picture, Plane, Space


class AEConfig(CoderConfig):
    """The nets, and the noise on their input."""

    noise: Literal["none", "Gaussian", "masking"] = knob(
        "none", label="Noise on the input", live=True,
        says="what the encoder sees: x, x with noise added, or x with some numbers set to the lowest value",
    )  # fmt: skip
    amount: float = knob(
        0.5, 0, 1, label="Amount of noise", live=True,
        says="standard deviation of Gaussian noise, or the share of numbers that masking removes",
        where=Where("only with noise on the input", lambda c, _: c.noise != "none"),
    )  # fmt: skip

    def is_linear(self, space: Space) -> bool:
        """Whether e and d are affine maps, so that the code is a subspace of x."""
        return self.activation == "linear" and not self.convolves(space)


class AE(Coder):
    """The autoencoder, plain or denoising."""

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

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:  #: x
        """Restore one minibatch, with fresh noise on the input."""
        yield self, self.terms(batch.x, self.p_noise(self.count(batch.x)))

    def terms(self, x: Tensor, noise: Tensor) -> Terms:
        """The squared error of x (m, *shape), restored from what the encoder sees of it."""
        seen = self.corrupted(x, noise)  #: x
        z = self.e(seen)  #: encoder z
        restored = self.d(z)  #: decoder reconstruction
        error = (x - restored).square()  #: error square
        return {ERROR: error.flatten(1).sum(1).mean()}  #: square loss

    def e(self, x: Tensor) -> Tensor:
        """Encode x (n, *shape) as z (n, z)."""
        return self.E(x)  #: encoder z

    def d(self, z: Tensor) -> Tensor:
        """Decode z (n, z) to x (n, *shape)."""
        out = self.D(z)  #: decoder
        return out if self.config.activation == "linear" else self.space.squashed(out)  #: reconstruction

    def p_noise(self, n: int) -> Tensor:
        """Noise for n examples, (n, *shape): normal for adding, uniform for choosing what is masked."""
        return self.fresh_noise(n)

    def fresh_noise(self, n: int) -> Tensor:
        """The same noise, which a stack does not draw from the streams that train its members."""
        draw = torch.rand if self.config.noise == "masking" else torch.randn
        return draw(n, *self.space.shape, **self.like)

    def corrupted(self, x: Tensor, noise: Tensor) -> Tensor:
        """What the encoder sees of x."""
        c = self.config
        if c.noise == "none":
            return x
        if c.noise == "Gaussian":
            return x + c.amount * noise
        return x.where(noise >= c.amount, self.space.lowest)

    @torch.no_grad()
    def evaluate(self, x: Tensor, y: Tensor | None = None) -> dict[str, Any]:
        """The error of held-out x, restored from what the encoder sees; for a stack, one number a member."""
        members, n, axis = (self.members,) if self.members else (), len(x), -1 - len(self.space.shape)
        x, noise = (t.expand(*members, *t.shape) for t in (x, self.fresh_noise(n)))
        given = parts(self.at_once, (x, axis), (noise, axis))
        errors = [self.terms(*part)[ERROR] * (self.count(part[0]) / n) for part in given]
        return {RESTORED: torch.stack(errors).sum(0).tolist()}

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The codes of x (n, *shape), with standard deviation 0."""
        z = self.e(x)
        return z, torch.zeros_like(z)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """The x (n, *shape) that z (n, z) stands for."""
        return self.d(z)
