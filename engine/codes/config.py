"""The knobs that models with codes share, and the nets that they describe."""

from __future__ import annotations

import math
from typing import Literal

from torch import nn

from engine.config import Config, Where, knob
from engine.nets.layers import ACTIVATIONS, Beside, conv_decoder, conv_encoder, mlp
from engine.space import Picture, Space


class CodeConfig(Config):
    """The size of a code, and of a minibatch."""

    z: int = knob(2, 1, 64, label="Latent dimensions", symbol=r"\dim z", says="numbers in a code z")
    batch: int = knob(
        128, 2, 1024, label="Batch", symbol="m", live=True, advanced=True, says="examples in a minibatch"
    )

    def numbers(self, space: Space) -> int:
        """How many numbers one example is in the largest layer."""
        return space.size


class CoderConfig(CodeConfig):
    """The nets of an encoder and a decoder."""

    lr: float = knob(
        1e-3, 1e-5, 0.1, label="Learning rate", symbol=r"\eta", log=True, live=True,
        says="learning rate of Adam",
    )  # fmt: skip
    network: Literal["MLP", "convolutional"] = knob(
        "MLP", label="Network", advanced=True,
        says="fully connected layers, or 3 x 3 convolutions for pictures",
        where=Where("only with pictures", lambda _, space: isinstance(space, Picture)),
    )  # fmt: skip
    width: int = knob(64, 4, 512, label="Width", says="units, or channels, of a hidden layer", advanced=True)
    depth: int = knob(
        2, 0, 5, label="Depth", says="hidden layers of the encoder and of the decoder", advanced=True,
        where=Where("only in fully connected nets", lambda c, space: not c.convolves(space)),
    )  # fmt: skip
    activation: Literal["LeakyReLU", "ReLU", "tanh", "linear"] = knob(
        "LeakyReLU", label="Activation", says="what follows each hidden layer", advanced=True
    )
    upsampling: Literal["nearest", "bilinear", "max-unpooling", "transposed"] = knob(
        "nearest", label="Up-sampling", advanced=True,
        says="how a convolutional decoder doubles a feature map",
        where=Where("only in convolutional nets", lambda c, space: c.convolves(space)),
    )  # fmt: skip

    def encoder(self, space: Space, outputs: int, more: int = 0) -> nn.Module:
        """A net from x (n, *shape), with `more` numbers beside it, to (n, outputs)."""
        act = ACTIVATIONS[self.activation]
        if self.convolves(space):
            return conv_encoder(space.shape, self.width, outputs, act, more)
        return Beside(mlp(space.size + more, self.width, self.depth, outputs, act=act))

    def decoder(self, space: Space, more: int = 0) -> nn.Module:
        """A net from z (n, z), with `more` numbers beside it, to (n, *shape)."""
        act = ACTIVATIONS[self.activation]
        if self.convolves(space):
            return conv_decoder(space.shape, self.width, self.z + more, act, self.upsampling)
        net = mlp(self.z + more, self.width, self.depth, space.size, act=act)
        return nn.Sequential(net, nn.Unflatten(1, space.shape))

    def numbers(self, space: Space) -> int:
        """How many numbers one example is in the largest layer: in feature maps as large as a picture."""
        return (
            self.width * math.prod(space.shape[1:]) if self.convolves(space) else max(space.size, self.width)
        )

    def convolves(self, space: Space) -> bool:
        """Whether the nets are convolutional in this space."""
        return self.network == "convolutional" and isinstance(space, Picture)


class VariationalConfig(CoderConfig):
    """The nets, the likelihood, and the weight of the KL term."""

    likelihood: Literal["Bernoulli", "Gaussian", "Gaussian, learned variance"] = knob(
        "Gaussian, learned variance", label="Decoder", symbol="p(x \\mid z)",
        says="black or white pixels, or real numbers with a given or learned spread",
    )  # fmt: skip
    sigma: float = knob(
        0.3, 0.01, 3, label="Spread of a Gaussian decoder", symbol=r"\sigma_x", log=True, live=True,
        advanced=True, says="standard deviation of each number around the decoder's mean, unless learned",
        where=Where("only in a Gaussian decoder of given spread", lambda c, _: c.likelihood == "Gaussian"),
    )  # fmt: skip
    beta: float = knob(
        1.0, 0, 50, label="Weight of the KL term", symbol=r"\beta", step=0.1, live=True,
        says="weight of the KL term; 1 is the VAE",
    )  # fmt: skip
