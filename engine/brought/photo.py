"""A photograph, painting or mask for style transfer, as pixels."""

from __future__ import annotations

import numpy as np
from PIL import Image

from engine.brought.images import flat, opened
from engine.config import Refused

LONGEST = 1024  # pixels: the longest side of any picture here
SHORTEST, SLIMMEST = 32, 8  # the least side in pixels; the largest ratio of the sides


def read_photo(source: bytes) -> np.ndarray:
    """The picture in RGB on white, upright and not too large: (H, W, 3) of bytes. Raises `Refused`."""
    with opened("The picture", source) as image:
        measured(*image.size)
        return shrunk(flat("The picture", image, LONGEST))


def measured(width: int, height: int) -> None:
    """Raises `Refused` for a size that no convolutional network can use."""
    size = f"The picture has {width} x {height} pixels"
    if min(width, height) < SHORTEST:
        raise Refused(f"{size}; bring one with {SHORTEST} or more on each side.")
    if max(width, height) > SLIMMEST * min(width, height):
        raise Refused(f"{size}; crop it until it is at most {SLIMMEST} times as long as wide.")


def shrunk(image: Image.Image) -> np.ndarray:
    """The pixels of a picture, whose longest side becomes at most LONGEST."""
    image.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    return np.asarray(image)
