r"""PixelRNN (van den Oord, Kalchbrenner and Kavukcuoglu, 2016, https://arxiv.org/abs/1601.06759).

Recurrent layers carry what is above and to the left of a pixel as far as it is needed:

    [o, f, i, g] = sigma(K^ss * h_{i-1} + K^is * x_i)
    c_i = f . c_{i-1} + i . g,   h_i = o . tanh(c_i)                                               eq. (3)

A Row LSTM goes down row by row and sees a triangle. A Diagonal BiLSTM goes along both diagonals and sees all
that comes before.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Literal

from torch import Tensor, nn

from engine.autoregressive.lstm import DiagonalBiLSTM, RowLSTM
from engine.autoregressive.pixelcnn import Head
from engine.autoregressive.pixels import Pixels, PixelsConfig
from engine.config import Where, knob
from engine.nets.masked import MaskedConv2d, causal
from engine.space import Picture, Space


class PixelRNNConfig(PixelsConfig):
    """Knobs of PixelRNN."""

    layer: Literal["Row LSTM", "Diagonal BiLSTM"] = knob(
        "Diagonal BiLSTM", label="Layers of type", says="row by row, or along both diagonals"
    )
    h: int = knob(24, 4, 64, label="Hidden units", symbol="h", says="numbers in the state of a pixel")
    layers: int = knob(1, 1, 4, label="Layers", symbol="L", says="recurrent layers")
    first: Literal["3", "5", "7"] = knob("7", label="First kernel", says="size of the first layer's kernel")
    shift: bool = knob(
        True, label="The right comes a row later", advanced=True,
        says="whether what comes from the right is moved down by a row, without which the future leaks in",
        where=Where("only with a Diagonal BiLSTM", lambda c, _: c.layer == "Diagonal BiLSTM"),
    )  # fmt: skip


class PixelRNN(Pixels):
    """Recurrent layers over pictures."""

    name = "pixelrnn"
    title = "PixelRNN"
    source = "van den Oord, Kalchbrenner and Kavukcuoglu, 2016, https://arxiv.org/abs/1601.06759"
    Config = PixelRNNConfig
    recipes = {Picture: {"batch": 16}}

    def __init__(self, config: PixelRNNConfig, space: Space) -> None:
        super().__init__(config, space)
        h, size = config.h, int(config.first)
        self.first = MaskedConv2d(self.C, h, causal(size, False))
        row = config.layer == "Row LSTM"
        self.layers: Any = nn.ModuleList(
            RowLSTM(h, h) if row else DiagonalBiLSTM(h, h, config.shift) for _ in range(config.layers)
        )
        self.head = Head(h, self.K)

    def logits(self, v: Tensor, y: Tensor | None = None) -> Tensor:
        """From the picture v (n, C, D) to logits (n, D, K)."""
        x = self.first(v.unflatten(2, (self.H, self.W)))  #: net
        for layer in self.layers:
            x = x + layer(x)  #: net
        return self.head(x.flatten(2).mT)  #: p

    def one_by_one(self, n: int, y: Tensor | None = None) -> Generator[tuple[int, Tensor], Tensor]:
        """One pixel of each layer at a time: what came before is kept."""
        values = self.values
        pixels = self.first.margin(n, self.H, self.W)
        kept = [layer.start(n, self.H, self.W) for layer in self.layers]
        for i in self.order:
            r, c = divmod(i, self.W)
            x = self.first.at(pixels, r, c)
            for layer, before in zip(self.layers, kept, strict=True):
                x = x + layer.pixel(before, x, r, c)
            k = yield i, self.head(x)
            self.first.put(pixels, values[k], r, c)
            if c == self.W - 1:
                for layer, before in zip(self.layers, kept, strict=True):
                    layer.end_row(before, r)
