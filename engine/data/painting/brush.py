"""A brush: strokes of many bristles along given paths, and the relief that the paint leaves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from engine.data.painting.canvas import FINE, H, W, lit

Flow = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def scattered(rng: np.random.Generator, gap: float) -> np.ndarray:
    """Points (n, 2) about `gap` apart: a lattice with random shifts, in random order."""
    y, x = np.mgrid[-8 : H + 8 : gap, -8 : W + 8 : gap]
    points = np.stack([x, y], -1).reshape(-1, 2)
    return rng.permutation(points + rng.uniform(-0.55 * gap, 0.55 * gap, points.shape))


def along(flow: Flow, start: np.ndarray, length: np.ndarray | float, steps: int = 7) -> np.ndarray:
    """Paths (n, steps, 2) along the direction of a flow, each with its `start` (n, 2) in the middle."""
    pace = (np.broadcast_to(length, len(start)) / (steps - 1))[:, None]

    def side(sign: int, count: int) -> list[np.ndarray]:
        points, at = [], start
        for _ in range(count):
            u, v = flow(at[:, 0], at[:, 1])
            at = at + sign * pace * np.stack([u, v], -1) / (np.hypot(u, v) + 1e-9)[:, None]
            points.append(at)
        return points

    back = side(-1, (steps - 1) // 2)
    return np.stack([*back[::-1], start, *side(1, steps - 1 - len(back))], 1)


class Canvas:
    """Paint and its thickness, drawn together at FINE times the size: the fourth channel of a CMYK image,
    whose channels are plain numbers to Pillow, is the thickness."""

    def __init__(self, rng: np.random.Generator, ground: tuple[int, int, int]) -> None:
        self.rng, self.image = rng, Image.new("CMYK", (FINE * W, FINE * H), (*ground, 60))

    def stroke(
        self, paths: np.ndarray, colours: np.ndarray, width: float, bristles: int = 6, vary: float = 14
    ) -> None:
        """Draw strokes along `paths` (n, k, 2) in `colours` (n, 3), one after the other. Bristles differ
        in brightness by about `vary`, in thickness, and in where they touch and leave the canvas."""
        rng, (n, k, _) = self.rng, paths.shape
        direction = np.gradient(paths, axis=1)
        normal = np.stack([-direction[..., 1], direction[..., 0]], -1)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-9
        full = np.sqrt(np.sin(np.pi * np.linspace(0.12, 0.9, k)))[:, None]  # thinner at both ends
        apart = np.linspace(-0.5, 0.5, bristles)[:, None, None] * width * full
        lines = FINE * (paths[:, None] + normal[:, None] * apart)  # (n, bristles, k, 2)
        shade = vary * rng.standard_normal((n, bristles, 1))
        shade += vary * np.linspace(0.5, -0.5, bristles)[:, None]
        rise = 130 + 45 * rng.standard_normal((n, bristles, 1))
        inks = np.clip(np.concatenate([colours[:, None] + shade, rise], -1), 0, 255).astype(int)
        first, last = rng.integers(0, 2, (n, bristles)), k - rng.integers(0, 2, (n, bristles))
        thick = max(1, round(FINE * width / max(1, bristles - 1) * 1.25))
        line = ImageDraw.Draw(self.image).line
        parts = (lines.reshape(-1, 2 * k), inks.reshape(-1, 4), 2 * first.ravel(), 2 * last.ravel())
        for points, ink, a, b in zip(*(part.tolist() for part in parts), strict=True):
            line(points[a:b], tuple(ink), thick)

    def dry(self, light: float = 0.017) -> np.ndarray:
        """The painting at its size, its relief lit from the upper left: float32 (H, W, 3)."""
        held = np.asarray(self.image.reduce(FINE), np.float32)
        return held[..., :3] * (0.62 + 0.38 * lit(held[..., 3], light))[..., None]
