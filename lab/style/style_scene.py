"""The scene of style transfer: the present picture, and the pictures that it is made from."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from engine.data import Dataset
from engine.style.style import StyleTransfer
from lab.scenes.arrays import Arrays, number, pictures, webp

QUALITY = 88  # of WebP


def draw(model: StyleTransfer, data: Dataset, full: bool, pointer: object) -> Arrays:
    """The result, and the number of pixels that the losses see along its longest side."""
    seen = max(model.canvas.shapes[int(model.level)])
    return {"photo/result": photo(model.picture())} | number("pixels seen", seen)


def once(model: StyleTransfer, data: Dataset) -> Arrays:
    """The content, the styles in the colours that are imitated, and the mask."""
    canvas = model.canvas
    inputs = {"photo/content": canvas.content}
    inputs |= dict(zip(("photo/style", "photo/second"), canvas.styles, strict=False))
    if canvas.masked:
        inputs["photo/mask"] = canvas.mask.expand(-1, 3, -1, -1) * 2 - 1
    return {name: photo(x) for name, x in inputs.items()}


def photo(x: Tensor) -> np.ndarray:
    """A picture (1, 3, H, W) in [-1, 1] as the bytes of WebP."""
    return webp(pictures(x)[0], QUALITY)
