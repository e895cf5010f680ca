"""What the paintings share: coordinates, noise, palettes, light. Pictures are float32 (H, W, 3), 0 to 255."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy import ndimage

H, W = 512, 640  # pixels of a painting
FINE = 2  # how many times larger it is drawn: making it smaller at the end smooths the edges


def grid(h: int = H, w: int = W) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the middle of each pixel, float32 (h, w)."""
    y, x = np.mgrid[0:h, 0:w].astype(np.float32) + np.float32(0.5)
    return x, y


def at(field: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The values of a field (H, W) or (H, W, 3) at points; points outside take the value at the edge."""
    return field[np.clip(y, 0, H - 1).astype(int), np.clip(x, 0, W - 1).astype(int)]


def rgb(*colours: str) -> np.ndarray:
    """Colours (n, 3) from 0 to 255, given as six hex digits each."""
    return np.array([[int(c[i : i + 2], 16) for i in (0, 2, 4)] for c in colours], np.float32)


def blend(t: np.ndarray, colours: Sequence[str]) -> np.ndarray:
    """A palette at `t`, (..., 3): linear between colours, which lie evenly from 0 to 1."""
    where = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(t, where, band) for band in rgb(*colours).T], -1).astype(np.float32)


def noise(
    rng: np.random.Generator, scale: float, octaves: int = 3, h: int = H, w: int = W, long: float = 1.0
) -> np.ndarray:
    """Smooth noise (h, w) with mean 0 and standard deviation 1, whose largest bumps are `scale` pixels
    high and `long` times as wide; each octave halves them."""
    total = np.zeros((h, w), np.float32)
    for octave in range(octaves):
        step = max(scale / 2**octave, 1)
        few = (max(2, round(h / step) + 3), max(2, round(w / step / long) + 3))
        bumps = Image.fromarray(rng.standard_normal(few).astype(np.float32))
        total += np.asarray(bumps.resize((w, h), Image.Resampling.BICUBIC)) / 2**octave
    return (total - total.mean()) / (total.std() + 1e-9)


def lit(height: np.ndarray, strength: float) -> np.ndarray:
    """How bright a relief is under light from the upper left, (H, W), 1 where it is flat."""
    gy, gx = np.gradient(height.astype(np.float32))
    return 1 + np.tanh(-strength * (gx + 1.3 * gy))


def soft(x: np.ndarray, sigma: float) -> np.ndarray:
    """x blurred over rows and columns, each channel on its own."""
    return ndimage.gaussian_filter(x, (sigma, sigma, 0)[: x.ndim], mode="nearest")


def step(x: np.ndarray, width: float = 1.0) -> np.ndarray:
    """0 where x is below -width/2, 1 where it is above width/2, and smooth in between."""
    t = np.clip(x / width + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def over(below: np.ndarray, above: np.ndarray, share: np.ndarray) -> np.ndarray:
    """`above` painted over `below`, with opacity `share` (H, W)."""
    return below + (above - below) * share[..., None]


def finished(x: np.ndarray) -> np.ndarray:
    """A picture rounded to bytes."""
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)


def curve(points: Sequence[Sequence[float]] | np.ndarray, n: int) -> np.ndarray:
    """`n` points (n, d) on a smooth curve through `points` (Catmull and Rom 1974)."""
    p = np.asarray(points, float)
    p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.linspace(0, len(p) - 3, n)
    k = np.minimum(t.astype(int), len(p) - 4)
    t = (t - k)[:, None]
    a, b, c, d = (p[k + i] for i in range(4))
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
