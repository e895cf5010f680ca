r"""PixelCNN (van den Oord, Kalchbrenner and Kavukcuoglu, 2016, https://arxiv.org/abs/1601.06759).

A stack of convolutions whose kernels are masked, so that a pixel sees only what is above it, and to its left:

    p(x) = prod_i p(x_i | x_1, ..., x_{i-1}),   row by row                                      eq. (1)

The first layer has a mask of type A, which hides the pixel itself. The others have type B: there the place of
a pixel holds no more of x than what the pixel may know. Together 3 x 3 kernels never see the pixels above and
to the right of a diagonal: the blind spot (van den Oord et al. 2016b, figure 1).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Literal

from torch import Tensor, nn

from engine.autoregressive.base import with_first
from engine.autoregressive.pixels import Pixels, PixelsConfig
from engine.config import knob
from engine.nets.masked import MaskedConv2d, causal
from engine.space import Picture, Space


class PixelCNNConfig(PixelsConfig):
    """Knobs of PixelCNN."""

    channels: int = knob(32, 4, 128, label="Channels", says="feature maps of each layer")
    layers: int = knob(6, 1, 16, label="Layers", symbol="L", says="3 x 3 layers with the mask B")
    first: Literal["3", "5", "7"] = knob("7", label="First kernel", says="size of the first layer's kernel")
    mask: Literal["A", "B"] = knob(
        "A",
        label="Mask of the first layer",
        advanced=True,
        says="A hides the pixel itself, B wrongly shows it",
    )  # fmt: skip


class PixelCNN(Pixels):
    """Masked convolutions, one stack."""

    name = "pixelcnn"
    title = "PixelCNN"
    source = "van den Oord, Kalchbrenner and Kavukcuoglu, 2016, https://arxiv.org/abs/1601.06759"
    Config = PixelCNNConfig
    recipes = {Picture: {"batch": 16}}

    def __init__(self, config: PixelCNNConfig, space: Space) -> None:
        super().__init__(config, space)
        c, size = config.channels, int(config.first)
        self.first = MaskedConv2d(self.C, c, causal(size, config.mask == "B"))
        self.stack: Any = nn.ModuleList(MaskedConv2d(c, c, causal(3, True)) for _ in range(config.layers))
        self.head = Head(c, self.K)

    def logits(self, v: Tensor, y: Tensor | None = None) -> Tensor:
        """From the picture v (n, C, D) to logits (n, D, K)."""
        h = self.first(v.unflatten(2, (self.H, self.W)))  #: net
        for conv in self.stack:
            h = h + conv(h.relu())  #: net
        return self.head(h.flatten(2).mT)  #: p

    def one_by_one(self, n: int, y: Tensor | None = None) -> Generator[tuple[int, Tensor], Tensor]:
        """One pixel of each layer at a time: what came before is kept."""
        values = self.values
        convs = [self.first, *self.stack]
        kept = [conv.margin(n, self.H, self.W) for conv in convs]
        for i in self.order:
            r, c = divmod(i, self.W)
            h = self.first.at(kept[0], r, c)
            for conv, before in zip(self.stack, kept[1:], strict=True):
                conv.put(before, h.relu(), r, c)
                h = h + conv.at(before, r, c)
            k = yield i, self.head(h)
            self.first.put(kept[0], values[k], r, c)


class Head(nn.Module):
    """From the features of a pixel (..., channels) to its logits (..., K), by 1 x 1 convolutions."""

    def __init__(self, channels: int, K: int) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(channels, 2 * channels), nn.Linear(2 * channels, K - 1)

    def forward(self, h: Tensor) -> Tensor:
        """Two layers, each after a rectifier."""
        return with_first(self.out(self.hidden(h.relu()).relu()))
