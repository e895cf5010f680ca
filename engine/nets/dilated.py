"""Convolutions over time that look far back (van den Oord et al. 2016, https://arxiv.org/abs/1609.03499)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear


class Dilated(nn.Linear):
    """A convolution of width 2 and dilation d: from the features at t - d and at t to those of the output at
    t. `ahead` moves both towards the future. What comes before the first is like the first, and what comes
    after the last is like the last."""

    def __init__(self, inputs: int, outputs: int, d: int, ahead: int = 0) -> None:
        super().__init__(2 * inputs, outputs)
        self.back, self.ahead = d - ahead, ahead

    def forward(self, h: Tensor) -> Tensor:
        """(n, T, inputs) to (n, T, outputs)."""
        return super().forward(torch.cat([later(h, self.back), earlier(h, self.ahead)], 2))

    def queue(self) -> Callable[[Tensor], Tensor]:
        """The same for one time after another: a function from the features (n, inputs) at t to (n, outputs).
        It keeps those of the past that it still needs. For what lies ahead the newest stands."""
        kept: deque[Tensor] = deque(maxlen=self.back + 1)

        def now(h: Tensor) -> Tensor:
            kept.extend([h] if kept else [h] * (self.back + 1))
            return linear(torch.cat([kept[0], h], 1), self.weight, self.bias)

        return now


def later(h: Tensor, d: int) -> Tensor:
    """Features (n, T, c), each d times later; the first stands for what came before it."""
    d = min(d, h.shape[1])
    return torch.cat([h[:, :1].expand(-1, d, -1), h[:, : h.shape[1] - d]], 1) if d else h


def earlier(h: Tensor, d: int) -> Tensor:
    """Features (n, T, c), each d times earlier; the last stands for what comes after it."""
    return later(h.flip(1), d).flip(1) if d else h
