r"""Gated PixelCNN (van den Oord et al., 2016b, https://arxiv.org/abs/1606.05328).

Two stacks have no blind spot. The vertical one sees all rows above, and no mask is needed; the horizontal one
sees its own row to the left of the pixel, and is given the vertical one's features of the row above. Each
layer has gates, which the label h opens and closes, too:

    y = tanh(W_f * x + V_f h) . sigmoid(W_g * x + V_g h)                                        eq. (2), (4)
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from engine.autoregressive.pixelcnn import Head
from engine.autoregressive.pixels import Pixels, PixelsConfig
from engine.config import Where, knob
from engine.nets.masked import MaskedConv2d, causal
from engine.space import Picture, Space


class GatedConfig(PixelsConfig):
    """Knobs of the gated PixelCNN."""

    channels: int = knob(24, 4, 96, label="Channels", says="feature maps of each layer")
    layers: int = knob(6, 1, 16, label="Layers", symbol="L", says="gated layers of both stacks")
    conditional: bool = knob(
        False, label="Conditional", symbol="h", says="whether the label opens and closes the gates",
        where=Where("only with labels", lambda _, space: space.classes > 0),
    )  # fmt: skip


class GatedPixelCNN(Pixels):
    """Two stacks of gated convolutions, without a blind spot."""

    name = "gated-pixelcnn"
    title = "Gated PixelCNN"
    source = "van den Oord et al., 2016, https://arxiv.org/abs/1606.05328"
    Config = GatedConfig
    recipes = {Picture: {"batch": 16}, "pixel-faces": {"conditional": True}}

    def __init__(self, config: GatedConfig, space: Space) -> None:
        super().__init__(config, space)
        c, labels = config.channels, space.classes if self.conditional else 0
        self.layers: Any = nn.ModuleList(
            GatedLayer(c if i else self.C, c, labels, first=i == 0) for i in range(config.layers)
        )
        self.head = Head(c, self.K)

    def logits(self, v: Tensor, y: Tensor | None = None) -> Tensor:
        """From the picture v (n, C, D), and labels y (n,) if it is told any, to logits (n, D, K)."""
        above = before = v.unflatten(2, (self.H, self.W))
        h = None if y is None else self.hot(y)
        for layer in self.layers:
            of_rows, above = layer.down(layer.vertical(above), h)  #: net
            link = pad(of_rows, (0, 0, 1, 0))[:, :, :-1]  # a pixel is given what the row above it knows
            before = layer.across(layer.horizontal(before) + link, before, h)  #: net
        return self.head(before.flatten(2).mT)  #: p

    def one_by_one(self, n: int, y: Tensor | None = None) -> Generator[tuple[int, Tensor], Tensor]:
        """The vertical stack row by row, the horizontal one pixel by pixel: what came before is kept."""
        values = self.values
        h, C = None if y is None else self.hot(y), self.C
        above = [layer.vertical.margin(n, self.H, self.W) for layer in self.layers]
        links = [0 * layer.horizontal.bias[:, None].expand(n, -1, self.W) for layer in self.layers]
        for r in range(self.H):
            left = [layer.horizontal.margin(n, 1, self.W) for layer in self.layers]
            for c in range(self.W):
                before = torch.zeros(n, C, **self.like)
                for i, layer in enumerate(self.layers):
                    layer.horizontal.put(left[i], before, 0, c)
                    z = layer.horizontal.at(left[i], 0, c) + links[i][:, :, c]
                    before = layer.across(z, before, h)
                k = yield r * self.W + c, self.head(before)
                self.layers[0].horizontal.put(left[0], values[k], 0, c)
            side = self.layers[0].horizontal.side
            row = left[0][:, :, :, side : side + self.W]
            for i, layer in enumerate(self.layers):  # the row is complete
                of_row, row = layer.down(layer.vertical.row(above[i], row, r), h)
                links[i] = of_row[:, :, 0]


class GatedLayer(nn.Module):
    """One layer of both stacks (figure 2). The kernels of the first are 7 wide, those of the others 3."""

    def __init__(self, inputs: int, c: int, labels: int, first: bool) -> None:
        super().__init__()
        self.first, size = first, 7 if first else 3
        self.vertical = MaskedConv2d(inputs, 2 * c, torch.ones(size // 2 + 1, size))
        self.horizontal = MaskedConv2d(inputs, 2 * c, causal(size, not first)[-1:])
        self.link, self.out = nn.Linear(2 * c, 2 * c), nn.Linear(c, c)
        self.V = nn.Linear(labels, 4 * c, bias=False) if labels else None

    def down(self, z: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor]:
        """What the vertical stack tells the horizontal one, (n, 2 c, ...), and its features (n, c, ...)."""
        return mixed(self.link, z), gate(self.opened(z, h, 0))

    def across(self, z: Tensor, before: Tensor, h: Tensor | None) -> Tensor:
        """The features (n, c, ...) of the horizontal stack, which adds to those `before`."""
        new = mixed(self.out, gate(self.opened(z, h, 1)))
        return new if self.first else before + new

    def opened(self, z: Tensor, h: Tensor | None, stack: int) -> Tensor:
        """z with what the label adds to the gates of this stack."""
        if self.V is None or h is None:
            return z
        return z + self.V(h).chunk(2, 1)[stack].view(len(z), -1, *[1] * (z.ndim - 2))


def gate(z: Tensor) -> Tensor:
    """tanh of one half of the features, times the sigmoid of the other: (n, 2 c, ...) to (n, c, ...)."""
    f, g = z.chunk(2, 1)
    return f.tanh() * g.sigmoid()


def mixed(layer: nn.Linear, x: Tensor) -> Tensor:
    """A linear layer applied to the features of each place of x (n, features, ...)."""
    return layer(x.movedim(1, -1)).movedim(-1, 1)
