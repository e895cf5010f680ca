"""Pictures of single digits that users bring, made like MNIST's: white ink on black, in the same place."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

from engine.brought.images import GREY, flat, opened
from engine.config import Refused

BOX = 20  # MNIST's digits were fitted into a box of 20 x 20 pixels
INK = 51  # of 255: fainter pixels are paper
MOST_ENLARGED = 2.0  # times: a dot stays a dot
FIRST_SIDE = 512  # pixels: a photograph is first made this small


def read_digit(name: str, content: bytes) -> np.ndarray:
    """A picture file (PNG, JPEG, WebP) as one digit (28, 28) of bytes, white on black and placed as in MNIST.
    Dark ink on light paper is inverted. Raises `Refused`."""
    what = repr(name[-60:])
    with opened(what, content) as image:
        grey = flat(what, image).convert("L")
    grey.thumbnail((FIRST_SIDE, FIRST_SIDE))
    if np.median(np.asarray(grey)) > 127:
        grey = ImageOps.invert(grey)
    grey = ImageOps.autocontrast(grey)
    if np.ptp(np.asarray(grey)) == 0:
        raise Refused(f"{what} shows one even colour; choose a picture of a digit.")
    return centred(np.asarray(grey), float("inf"))


def centred(ink: np.ndarray, most: float = MOST_ENLARGED) -> np.ndarray:
    """The digit (H, W) of bytes, white on black, placed as MNIST's are (LeCun et al. 1998): (28, 28).

    Its longer side becomes 20 pixels, enlarged at most `most` times, and its centre of mass moves to pixel
    (14, 14), counted from 0. A black picture stays black.
    """
    rows, columns = (np.flatnonzero((ink > INK).any(axis)) for axis in (1, 0))
    if not len(rows):
        return np.zeros(GREY, np.uint8)
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = min(most, BOX / max(cut.shape))
    high, wide = (max(1, round(scale * side)) for side in cut.shape)
    small = np.asarray(Image.fromarray(cut).resize((wide, high), Image.Resampling.BILINEAR))
    where = small.astype(np.float64) / max(1, small.sum(dtype=np.float64))
    middle = (where.sum(1) @ np.arange(high), where.sum(0) @ np.arange(wide))
    places = zip(GREY, middle, small.shape, strict=True)
    top, left = (min(max(0, round(full / 2 - at)), full - side) for full, at, side in places)
    picture = np.zeros(GREY, np.uint8)
    picture[top : top + high, left : left + wide] = small
    return picture
