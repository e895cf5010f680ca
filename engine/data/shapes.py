"""Pictures drawn from known factors, to see which latent dimension has learned which factor."""

from __future__ import annotations

import numpy as np

SIDE = 28  # pixels
FACTORS: dict[str, tuple[float, float]] = {
    "x position": (-5.0, 5.0),  # of the centre, in pixels from the middle of the picture
    "y position": (-3.5, 3.5),  # upwards
    "size": (3.5, 6.5),  # geometric mean of the two radii, in pixels
    "aspect": (-0.5, 0.5),  # log of the horizontal radius over the vertical one
}
"""Name and range of each factor; all are independent and uniform. x moves farther than y, because with equal
ranges nothing in the data would distinguish these axes from other perpendicular ones."""


def ellipses(n: int) -> tuple[np.ndarray, np.ndarray]:
    """n white ellipses on black: pictures (n, SIDE, SIDE) uint8, and their factors (n, 4) float32."""
    low, high = np.array(list(FACTORS.values())).T
    factors = np.random.default_rng(0).uniform(low, high, (n, len(FACTORS))).astype(np.float32)
    return np.concatenate([ellipse(some) for some in np.array_split(factors, max(1, n // 500))]), factors


def ellipse(factors: np.ndarray) -> np.ndarray:
    """The picture (n, SIDE, SIDE) uint8 of each row of factors (n, 4).

    A pixel is as bright as its share inside the ellipse, estimated from the distance of its centre to the
    edge: (f - 1) / |grad f| to first order, with f = |(u/a, v/b)|, which is 1 on the edge.
    """
    x, y, size, aspect = (column[:, None, None] for column in factors.T)
    a, b = size * np.exp(aspect / 2), size * np.exp(-aspect / 2)
    at = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2
    u, v = (at[None, None, :] - x) / a, (-at[None, :, None] - y) / b
    f = np.sqrt(u**2 + v**2)
    slope = np.sqrt((u / a) ** 2 + (v / b) ** 2) / np.maximum(f, 1e-6)
    inside = 0.5 - (f - 1) / np.maximum(slope, 1e-6)
    return np.round(255 * inside.clip(0, 1)).astype(np.uint8)
