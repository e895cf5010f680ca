r"""WaveNet (van den Oord et al., 2016, https://arxiv.org/abs/1609.03499).

A sound is one number after another, and each is one of K levels of the mu-law:

    p(x) = prod_t p(x_t | x_1, ..., x_{t-1})                                                    eq. (1)

Convolutions of width 2 look back d = 1, 2, 4, 8, ... samples, so a few layers see a long past. A layer has
gates, which the label h opens and closes, too, and all layers reach the output by skip connections:

    z = tanh(W_f * x + V_f h) . sigmoid(W_g * x + V_g h)                              eq. (2), section 2.5
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from engine.autoregressive.base import Ordered, OrderedConfig
from engine.autoregressive.pixelcnn import Head
from engine.config import Where, knob
from engine.family import Terms
from engine.metrics.measure import term
from engine.nets.dilated import Dilated
from engine.space import Space, Wave, level, of_level

SOUND = term("bits per sample", "model", chart="bits per sample", label="of the sound")
SILENCE = term("bits of silence", "truth", chart="bits per sample", label="of the silence after it")
"""The loss: of the samples up to the end of a sound, and of the silence after it."""


class WaveNetConfig(OrderedConfig):
    """Knobs of WaveNet."""

    lr: float = knob(
        3e-3, 1e-5, 0.05, label="Learning rate", symbol=r"\eta", log=True, live=True,
        says="learning rate of Adam",
    )  # fmt: skip
    channels: int = knob(24, 4, 64, label="Channels", says="features of each layer")
    dilations: int = knob(9, 1, 10, label="Doublings", says="layers of a stack, each looks back twice as far")
    stacks: int = knob(1, 1, 4, label="Stacks", says="how often the doublings begin anew")
    levels: Literal["16", "64", "256"] = knob(
        "64", label="Levels of the mu-law", symbol="K", says="values that a sample may have"
    )
    conditional: bool = knob(
        True, label="Conditional", symbol="h", says="whether the label opens and closes the gates",
        where=Where("only with labels", lambda _, space: space.classes > 0),
    )  # fmt: skip
    padding: Literal["causal", "same"] = knob(
        "causal", label="Padding", advanced=True,
        says="all of it on the left, or wrongly half of it on each side, where the future leaks in",
    )  # fmt: skip
    batch: int = knob(2, 1, 32, label="Batch", symbol="m", live=True, advanced=True, says="clips in a batch")

    @property
    def steps(self) -> list[int]:
        """How far back each layer looks, d."""
        return [1, *[2**i for i in range(self.dilations)] * self.stacks]

    @property
    def field(self) -> int:
        """How many samples of the past a sample is predicted from: 1 + sum d (k - 1), with k = 2."""
        return 1 + sum(self.steps)


class WaveNet(Ordered):
    """Gated convolutions that look back 1, 2, 4, ... samples."""

    name = "wavenet"
    title = "WaveNet"
    source = "van den Oord et al., 2016, https://arxiv.org/abs/1609.03499"
    Config = WaveNetConfig
    kinds = (Wave,)
    algorithm = ("log_probs", "logits", "net", "loss")
    space: Wave

    def __init__(self, config: WaveNetConfig, space: Space) -> None:
        super().__init__(config, space)
        c, self.K = config.channels, int(config.levels)
        self.blank = self.K // 2  # silence
        self.register_buffer("rank", torch.arange(space.size))
        self.field = config.field
        self.convs: Any = nn.ModuleList(
            Dilated(c if i else self.K, 2 * c if i else c, d, d - d // 2 if config.padding == "same" else 0)
            for i, d in enumerate(config.steps)
        )
        layers, told = len(self.convs) - 1, space.classes if self.conditional else 0
        self.V: Any = nn.ModuleList(nn.Linear(told, 2 * c, bias=False) for _ in range(layers if told else 0))
        self.residual: Any = nn.ModuleList(nn.Linear(c, c) for _ in range(layers - 1))
        self.skip = nn.Linear(c * layers, 2 * c)  # the sum of what each layer gives to the output
        self.head = Head(2 * c, self.K)

    def coded(self, x: Tensor) -> Tensor:
        """Sounds (n, T) in [-1, 1] as levels (n, T)."""
        return level(x, self.K)

    def shown(self, k: Tensor) -> Tensor:
        """The sounds (n, T) in [-1, 1] that levels (n, T) stand for."""
        return of_level(k, self.K).to(**self.like)

    def seen(self, k: Tensor) -> Tensor:
        """The levels as one-hot vectors (n, K, T)."""
        return one_hot(k, self.K).mT.to(**self.like)

    def silence(self, n: int) -> Tensor:
        """What stands before the start, (n, K)."""
        return self.seen(torch.full((n, 1), self.blank, device=self.device))[..., 0]

    def logits(self, v: Tensor, y: Tensor | None = None) -> Tensor:
        """From one-hot vectors v (n, K, T), and labels y (n,) if it is told any, to logits (n, T, K)."""
        before = torch.cat([self.silence(len(v))[:, None], v.mT[:, :-1]], 1)  # a sample never sees itself
        return self.net(self.convs, before, [label[:, None] for label in self.opened(len(v), y)])  #: net p

    def net(self, convs: Iterable[Any], u: Tensor, labels: list[Tensor]) -> Tensor:
        """From what is known, u (..., K), to logits (..., K). Labels open and close the gates of each."""
        first, *others = convs
        h, z = first(u), []  #: net
        for i, (conv, label) in enumerate(zip(others, labels, strict=True)):
            f, g = (conv(h) + label).chunk(2, -1)  #: net
            z.append(f.tanh() * g.sigmoid())  #: net
            if i < len(self.residual):
                h = h + self.residual[i](z[-1])  #: net
        return self.head(self.skip(torch.cat(z, -1)))  #: p

    def opened(self, n: int, y: Tensor | None) -> list[Tensor]:
        """What the labels y (n,) add to the gates of each layer, (n, 2 channels)."""
        if y is None:
            return [torch.zeros(n, 1, **self.like)] * (len(self.convs) - 1)
        return [V(self.hot(y)) for V in self.V]

    def one_by_one(self, n: int, y: Tensor | None = None) -> Generator[tuple[int, Tensor], Tensor]:
        """One sample of each layer at a time: a queue holds what a layer still needs of the past."""
        queues, labels, u = [conv.queue() for conv in self.convs], self.opened(n, y), self.silence(n)
        for t in range(self.D):
            k = yield t, self.net(queues, u, labels)
            u = self.seen(k[:, None])[..., 0]

    def loss(self, log_probs: Tensor, x: Tensor) -> Terms:
        """The mean of -log2 p over the samples of sounds, and over those of the silence after them."""
        bits, sounds = -log_probs / math.log(2), self.space.sounding(x)
        return {SOUND: mean(bits, sounds), SILENCE: mean(bits, ~sounds)}  #: loss


def mean(bits: Tensor, where: Tensor) -> Tensor:
    """The mean over the places where it is true; 0 if there are none."""
    return (bits * where).sum() / where.sum().clamp(min=1)
