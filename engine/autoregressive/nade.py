r"""Neural autoregressive distribution estimator (Larochelle and Murray, 2011, https://proceedings.mlr.press/v15/larochelle11a.html).

A hidden layer for each number, and all share their weights:

    p(x_d = 1 | x_{<d}) = sigmoid(b_d + V_d h_d),   h_d = sigmoid(c + W_{.,<d} x_{<d})

The sum in h_d is that of h_{d-1} and one more column of W. With this running sum a -> a + W_{.,d} x_d all of
them together cost O(D H), and not O(D^2 H).
"""

from __future__ import annotations

from collections.abc import Generator

import torch
from torch import Tensor, nn

from engine.autoregressive.base import with_first
from engine.autoregressive.pixels import OrderConfig, Pixels, ranks
from engine.config import knob
from engine.space import Space


class NADEConfig(OrderConfig):
    """Knobs of NADE."""

    H: int = knob(128, 4, 512, label="Hidden units", symbol="H", log=True, says="units of each hidden layer")


class NADE(Pixels):
    """One hidden layer for each pixel, computed by a running sum."""

    name = "nade"
    title = "NADE"
    source = "Larochelle and Murray, 2011, https://proceedings.mlr.press/v15/larochelle11a.html"
    Config = NADEConfig

    def __init__(self, config: NADEConfig, space: Space) -> None:
        super().__init__(config, space)
        D, H = self.D, config.H
        self.rank = ranks(config.order, *space.shape[1:])
        self.W_ = nn.Parameter(torch.randn(D, self.C, H) / D**0.5)
        self.c = nn.Parameter(torch.zeros(H))
        self.V = nn.Parameter(torch.randn(D, H, self.K - 1) / H**0.5)
        self.b = nn.Parameter(torch.zeros(D, self.K - 1))

    def seen(self, k: Tensor) -> Tensor:
        """The pixels (n, C, D) in [0, 1], as in the paper."""
        return (super().seen(k) + 1) / 2

    def logits(self, v: Tensor, y: Tensor | None = None) -> Tensor:
        """From v (n, C, D) to logits (n, D, K): the hidden layers of all pixels by one cumulative sum."""
        order = self.rank.argsort()
        Wx = torch.einsum("ncd,dch->ndh", v, self.W_)[:, order]
        a = self.c + Wx.cumsum(1) - Wx  # of all that comes before, and not of the pixel itself
        h = a.sigmoid()[:, self.rank]
        return with_first(torch.einsum("ndh,dhk->ndk", h, self.V) + self.b)

    def one_by_one(self, n: int, y: Tensor | None = None) -> Generator[tuple[int, Tensor], Tensor]:
        """With the running sum: each pixel costs one column."""
        values = self.values
        a = self.c.expand(n, -1)
        for i in self.order:
            k = yield i, with_first(a.sigmoid() @ self.V[i] + self.b[i])
            a = a + values[k] @ self.W_[i]  # a -> a + W x_i
