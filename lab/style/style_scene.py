"""The scene of style transfer: the picture now, beside those that it is made of."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from engine.data import Dataset
from engine.style.style import StyleTransfer
from lab.scenes.arrays import Arrays, number, pictures, webp

QUALITY = 88  # of WebP


def draw(model: StyleTransfer, data: Dataset, full: bool, pointer: object) -> Arrays:
    """The result, and how many pixels the losses see along its longest side."""
    seen = max(model.canvas.shapes[int(model.level)])
    return {"photo/result": photo(model.picture())} | number("pixels seen", seen)


def once(model: StyleTransfer, data: Dataset) -> Arrays:
    """Content, styles in the colours in which they are imitated, and the mask."""
    canvas = model.canvas
    found = {"photo/content": canvas.content}
    found |= dict(zip(("photo/style", "photo/second"), canvas.styles, strict=False))
    if canvas.masked:
        found["photo/mask"] = canvas.mask.expand(-1, 3, -1, -1) * 2 - 1
    return {name: photo(x) for name, x in found.items()}


def photo(x: Tensor) -> np.ndarray:
    """A picture (1, 3, H, W) in [-1, 1] as the bytes of WebP."""
    return webp(pictures(x)[0], QUALITY)
