"""Tensors as the arrays of a frame, small enough to travel and fine enough for a screen."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from PIL import Image
from torch import Tensor

POINTS = 500  # of samples, and of the data, in a picture
NODES = 241  # of a graph

Arrays = dict[str, np.ndarray]
"""Named arrays: what to draw, and by the name how (`points/fake`, `field/discriminator`)."""
Pointer = dict[str, dict[str, float]] | None
"""What the page looks at, by kind: {"label": {"x": 3, "y": 0}}."""

_detail, _number = 1.0, 0  # of the picture that is drawn


@contextmanager
def drawn_in(detail: float, number: int = 0) -> Iterator[None]:
    """Within, the picture of this number has this part of its detail: where thirty runs are watched, all
    move."""
    global _detail, _number
    before, (_detail, _number) = (_detail, _number), (detail, number)
    try:
        yield
    finally:
        _detail, _number = before


def turn(part: int, of: int) -> bool:
    """Whether this one of so many parts is drawn now: all of them, or in coarse pictures one after the other.
    The stage keeps what a picture leaves out."""
    return _detail == 1 or _number % of == part


def some(most: int) -> int:
    """How many of `most` points the present picture has."""
    return max(1, round(most * _detail))


def per_side(most: int) -> int:
    """How many of `most` nodes along a side the present picture has."""
    return max(2, round(most * _detail**0.5))


def halves(x: Tensor) -> np.ndarray:
    """Points in two bytes a number, fine enough for a screen; far points stay at its range's end."""
    return x.clamp(-6e4, 6e4).cpu().numpy().astype(np.float16)


def pictures(x: Tensor) -> np.ndarray:
    """Images (n, C, H, W) in [-1, 1] as bytes, (n, H, W) or (n, H, W, 3)."""
    bytes_ = ((x.clamp(-1, 1) + 1) * 127.5).round().byte().cpu().numpy()
    return bytes_[:, 0] if bytes_.shape[1] == 1 else bytes_.transpose(0, 2, 3, 1)


def webp(picture: np.ndarray, quality: int) -> np.ndarray:
    """The bytes of a picture (H, W[, 3]), compressed."""
    out = io.BytesIO()
    Image.fromarray(picture).convert("RGB").save(out, "WEBP", quality=quality, method=1)
    return np.frombuffer(out.getvalue(), np.uint8)


def shades(share: Tensor) -> np.ndarray:
    """Shares of 1 as bytes."""
    return (share.nan_to_num().clamp(0, 1) * 255).round().byte().cpu().numpy()


def field(share: Tensor) -> np.ndarray:
    """Shares of 1 at the nodes of a `lattice`, (side^2,), as bytes (side, side)."""
    side = math.isqrt(len(share))
    return shades(share).reshape(side, side)


def single(x: Tensor) -> np.ndarray:
    """Numbers in four bytes each."""
    return x.cpu().numpy().astype(np.float32)


def graph(x: Tensor, y: Tensor) -> np.ndarray:
    """A curve as points (x, y)."""
    return single(torch.stack([x, y.to(x)], dim=1))


def arrows(x: Tensor, way: Tensor) -> np.ndarray:
    """Arrows (n, 4) from points x (n, 2), and how far they go."""
    return halves(torch.cat([x, way], 1))


def number(name: str, value: Tensor | float) -> Arrays:
    """A number that stands below the picture, under this name."""
    return {f"number/{name}": np.asarray([float(value)], np.float32)}


def pointed(pointer: Pointer, kind: str, otherwise: float) -> float:
    """The number that the page has chosen, of this kind."""
    return (pointer or {}).get(kind, {}).get("x", otherwise)
