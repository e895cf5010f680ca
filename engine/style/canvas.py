"""What style transfer begins with: its hyper-parameters, its pictures at their working sizes, and the first
result."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from engine.config import Config, Refused, Where, knob
from engine.data.dataset import floats
from engine.data.transfer import Transfer
from engine.nets.backbone import Backbone, Name, backbone
from engine.style import colour
from engine.style.onepass import one_pass

LAYERS = 5
FORMS = {1: "colours and grain", 2: "lines and dots", 3: "strokes", 4: "groups of strokes", 5: "large forms"}
"""What the Gram matrix of each layer, 1 ... LAYERS, imitates."""
NOISE = 0.25  # standard deviation of the pixels of noise


def _weight(i: int) -> Any:
    """The knob w_i: the weight of the Gram matrix at the first layer of block i."""
    return knob(
        1.0, 0, 5, step=0.1, symbol=f"w_{i}", label=f"relu{i}_1", live=True, advanced=True,
        says=f"weight of the Gram matrix at relu{i}_1: {FORMS[i]}",
    )  # fmt: skip


def shapes_of(space: Any, size: int, levels: int) -> list[tuple[int, int]]:
    """Heights and widths from coarse to fine: as many `levels` as the picture is large enough for."""
    shapes = [colour.shape_of(space.shape[1], space.shape[2], size)]
    while len(shapes) < levels and min(shapes[0]) >= 2 * colour.SHORTEST:
        shapes.insert(0, (shapes[0][0] // 2, shapes[0][1] // 2))
    return shapes


class StyleConfig(Config):
    """The hyper-parameters of a transfer."""

    # fmt: off
    batch: ClassVar[int] = 1
    alpha: float = knob(
        1.0, 0, 10, step=0.05, symbol=r"\alpha", label="Content weight", live=True,
        says="weight of the content loss",
    )
    beta: float = knob(
        15.0, 0.1, 1e4, log=True, symbol=r"\beta", label="Style weight", live=True,
        says="weight of the style loss",
    )
    blend: float = knob(
        0.0, 0, 1, step=0.05, label="Second style", live=True,
        says="share of the second style, if there is one",
        where=Where("only with a second style", lambda _, space: len(space.styles) > 1),
    )
    content_layer: Literal["relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_2"] = knob(
        "relu4_2", label="Content layer", says="the layer at which the content is compared",
    )
    size: int = knob(
        256, 64, 512, step=32, label="Size",
        says="pixels of the longest side; twice the size takes four times as long",
    )
    colour: Literal["style", "histogram", "luminance"] = knob(
        "style", label="Colours",
        says="the style's; or the content's, by matching mean and covariance, or by changing only luminance",
    )
    w1: float = _weight(1)
    w2: float = _weight(2)
    w3: float = _weight(3)
    w4: float = _weight(4)
    w5: float = _weight(5)
    tv: float = knob(
        3.0, 0, 100, step=0.5, label="Weight of the roughness", symbol=r"\rho", live=True, advanced=True,
        says="weight of V, the mean squared difference of neighbouring pixels: more removes more noise",
    )
    at: Literal["relu", "conv"] = knob(
        "relu", label="Style layers", advanced=True,
        says="whether the style's features are taken after the ReLU, as at relu1_1, or before it, at conv1_1",
    )
    pooling: Literal["max", "average"] = knob(
        "average", label="Pooling", advanced=True,
        says="how the network makes its feature maps smaller; the paper prefers averages",
    )
    backbone: Name = knob(
        "VGG-19", label="Network", advanced=True,
        says="whose features compare the pictures; VGG-19 comes with the lab, trained or not, and the others "
        "are downloaded once",
    )
    init: Literal["content", "noise", "style", "one pass"] = knob(
        "content", label="Begin with", advanced=True, says="the first picture",
    )
    optimizer: Literal["L-BFGS", "Adam"] = knob(
        "L-BFGS", label="Optimizer", advanced=True, says="what takes the steps",
    )
    lr: float = knob(
        0.02, 1e-3, 0.2, log=True, label="Learning rate", live=True, advanced=True,
        says="step of Adam, in units of half the range of a pixel; L-BFGS finds its own",
        where=Where("only with Adam", lambda c, _: c.optimizer == "Adam"),
    )
    levels: int = knob(
        3, 1, 3, label="Levels", advanced=True,
        says="number of sizes from coarse to fine, each twice the one before",
        where=Where("only in a larger picture", lambda c, space: len(shapes_of(space, c.size, 2)) > 1),
    )
    coarse: int = knob(
        60, 1, 500, label="Rounds a level", advanced=True, says="rounds at each coarser size",
        where=Where("only with several levels", lambda c, space: len(shapes_of(space, c.size, c.levels)) > 1),
    )
    scale: float = knob(
        1.0, 0.5, 2, step=0.1, label="Size of the style", advanced=True,
        says="size of the style picture relative to the content's: large strokes or small ones",
    )
    # fmt: on

    @property
    def weights(self) -> list[float]:
        """w_1 ... w_5, the weights of the Gram matrices."""
        return [getattr(self, f"w{i}") for i in range(1, LAYERS + 1)]


class Canvas(nn.Module):
    """The pictures of one transfer.

    `content` (1, 3, H, W) and `mask` (1, 1, H, W), from 0 to 1, have the working size, and `styles` sizes of
    their own. A run stores none of them: it knows their names.
    """

    content: Tensor
    mask: Tensor

    def __init__(self, config: StyleConfig, space: Any) -> None:
        super().__init__()
        if not isinstance(space, Transfer):
            raise Refused(
                "Style transfer needs a content picture and a style: choose two pictures as the data."
            )
        self.config, self.shapes = config, shapes_of(space, config.size, config.levels)
        h, w = self.shapes[-1]
        white = torch.full((1, h, w), 255, dtype=torch.uint8)
        mask = (floats((white if space.mask is None else space.mask)[None]) + 1) / 2
        self._keep("content", colour.resized(floats(space.content[None]), (h, w)))
        self._keep("mask", colour.resized(mask, (h, w)).clamp(0, 1))
        self.number, self.masked = len(space.styles), space.mask is not None
        for i, style in enumerate(space.styles):
            small = colour.of_area(floats(style[None]), config.scale**2 * h * w)
            self._keep(f"style{i}", self.recoloured(small))

    def _keep(self, name: str, x: Tensor) -> None:
        self.register_buffer(name, x.contiguous(), persistent=False)

    @property
    def styles(self) -> list[Tensor]:
        """One or two pictures (1, 3, h, w), in the colours that are imitated."""
        return [self.get_buffer(f"style{i}") for i in range(self.number)]

    def recoloured(self, style: Tensor) -> Tensor:
        """A style picture in the colours that the config asks for."""
        if self.config.colour == "histogram":
            return colour.matched(style, self.content)
        if self.config.colour == "luminance":
            return colour.matched_luminance(colour.luminance(style), colour.luminance(self.content))
        return style

    def seen(self, x: Tensor) -> Tensor:
        """What the network sees of the player x: the content where the mask is black, and grey if only the
        luminance may change."""
        x = self.mask * x + (1 - self.mask) * self.content
        return colour.luminance(x) if self.config.colour == "luminance" else x

    def shown(self, x: Tensor) -> Tensor:
        """The picture that x represents, in [-1, 1]."""
        x = self.seen(x)
        return (colour.with_colours(x, self.content) if self.config.colour == "luminance" else x).clamp(-1, 1)

    def level(self, x: Tensor, level: int) -> Tensor:
        """x (1, C, H, W) at the size of a level; the last level has the full size."""
        return colour.resized(x, self.shapes[level])

    def first(self) -> Tensor:
        """The player at the beginning."""
        if self.config.init == "content":
            return self.content.clone()
        if self.config.init == "style":
            return colour.resized(self.styles[0], self.shapes[-1]).contiguous()
        if self.config.init == "one pass":
            return one_pass(self.seen(self.content), self.styles, blend=self.config.blend, mask=self.mask)
        # noise as coarse as the first level, which would not see finer noise, so that it would stay
        noise = torch.randn(1, 3, *self.shapes[0]).to(self.content) * NOISE
        return interpolate(noise, self.shapes[-1], mode="bilinear")

    @property
    def network(self) -> Backbone:
        """The frozen network. All runs share it, so it is no part of this model."""
        c = self.config
        return backbone(c.backbone, c.pooling, self.content.device, self.content.dtype)

    @property
    def styles_at(self) -> list[str]:
        """The layers of the Gram matrices: the first of each block."""
        return [self.network.layer(f"{self.config.at}{i}_1") for i in range(1, LAYERS + 1)]

    @property
    def content_at(self) -> str:
        """The layer of the content loss."""
        return self.network.layer(self.config.content_layer)

    def features(
        self, x: Tensor, layers: list[str], units: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Features of a picture x (1, 3, H, W), each layer's divided by its unit."""
        F = self.network(x, layers)
        return {layer: f / units[layer] for layer, f in F.items()} if units else F
