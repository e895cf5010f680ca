r"""Handwriting by mixture density (Graves, 2013, https://arxiv.org/abs/1308.0850).

An LSTM reads the steps of a pen, beside each the label, and says where the next step leads as a mixture of
Gaussians (eq. 15-26). The coordinates of the digits are whole numbers 0 ... 100. A density could be as high
as it likes on these, so noise as wide as a level is added to them, anew each time.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from engine.autoregressive.writer import Said, Writer, WriterConfig, places
from engine.config import Where, knob
from engine.family import Terms
from engine.metrics.measure import term
from engine.space import Pen, Space, level, of_level

COORDINATE = term("bits per coordinate", "model", chart="bits per coordinate", label="training")
"""The loss: -log2 of the density of a coordinate, in units of one of its levels."""


class HandwritingConfig(WriterConfig):
    """Knobs of the model of pen digits."""

    conditional: bool = knob(
        True, label="Conditional", symbol="y", says="whether the label is given beside each step",
        where=Where("only with labels", lambda _, space: space.classes > 0),
    )  # fmt: skip
    dequantize: bool = knob(
        True, label="Dequantize", live=True, says="whether noise as wide as a level is added to coordinates"
    )


class Handwriting(Writer):
    """An LSTM over the places of a pen."""

    name = "handwriting"
    title = "Handwriting by mixture density"
    source = "Graves, 2013, https://arxiv.org/abs/1308.0850"
    Config = HandwritingConfig
    kinds = (Pen,)
    space: Pen

    def __init__(self, config: HandwritingConfig, space: Space) -> None:
        super().__init__(config, space)
        self.conditional = bool(config.conditional and space.classes)
        told = space.classes if self.conditional else 0
        self.lstm = nn.LSTM(5 + told, config.h, batch_first=True)
        self.out = nn.Linear(config.h, self.sizes())

    def steps(self, x: Tensor) -> Tensor:
        """Places (n, T, 2) as steps, the first from (0, 0); the pen is never lifted."""
        return nn.functional.pad(x.diff(dim=1, prepend=torch.zeros_like(x[:, :1])), (0, 1))

    def shown(self, steps: Tensor) -> Tensor:
        """The places, each at the nearest level."""
        levels = self.space.levels
        return of_level(level(places(steps)[..., :2], levels), levels).to(**self.like)

    def noisy(self, x: Tensor) -> Tensor:
        """Coordinates with noise as wide as a level, if it is asked for."""
        return dequantized(x, self.space) if self.config.dequantize else x

    def told(self, y: Tensor | None) -> Tensor | None:
        """The labels, if this model is told any."""
        return self.known(y) if self.conditional else None

    def said(self, before: Tensor, y: Tensor | None, state: Any = None) -> Said:
        """The net is told the step before, the place that it led to, and the label. It says the next place,
        with means in the square by a tanh: a quarter of the coordinates lie on its edges."""
        at, carried = (0, None) if state is None else state
        place = at + before[..., :2].cumsum(1)
        seen = [before, place]
        if y is not None:
            seen.append(self.hot(y)[:, None].expand(-1, before.shape[1], -1))
        h, carried = self.lstm(torch.cat(seen, -1), carried)  #: net
        p = self.density(self.out(h))  #: p
        p = p._replace(mu=p.mu.tanh()).moved(-place)  #: p
        return Said(p, None, None, (place[:, -1:], carried))

    def inked(self, steps: Tensor) -> Tensor:
        """All steps."""
        return torch.ones_like(steps[..., 0], dtype=torch.bool)

    def ended(self, steps: Tensor, phi: Tensor | None, y: Tensor | None) -> Tensor:
        """None: all digits have as many places."""
        return torch.zeros_like(steps[:, 0, 0], dtype=torch.bool)

    def loss(self, losses: Tensor, steps: Tensor) -> Terms:
        """Bits per coordinate."""
        return {COORDINATE: bits(losses, self.space)}  #: loss


def dequantized(x: Tensor, space: Pen) -> Tensor:
    """Coordinates in [-1, 1] with uniform noise as wide as a level."""
    return x + (2 * torch.rand_like(x) - 1) / (space.levels - 1)


def bits(losses: Tensor, space: Pen) -> Tensor:
    """The mean over coordinates of -log2 of the density, in units of a level, from nats of steps (n, T)."""
    return losses.mean() / (2 * math.log(2)) + math.log2((space.levels - 1) / 2)
