"""Rows of lavender in crossed strokes of chalk."""

from __future__ import annotations

import numpy as np

from engine.data.painting.brush import Canvas, along, scattered
from engine.data.painting.canvas import H, W, at, blend, finished, lit, noise, over, rgb, step

FAR = np.array([398.0, 212.0])  # where the rows meet
SKY = ("5e7fc0", "93a8d8", "d9b8d6", "f8bfa9", "ffdc9a", "fff0c0")
ROWS = ("2c1d55", "4b2f8c", "7a4fb8", "a97ad6", "d9a9e6", "f0cdec")
EARTH = ("3f5a3c", "7d8f4a", "c2b35a", "e9cf84")


def paint() -> np.ndarray:
    """Lavender at dawn, hatched in chalk on dark paper."""
    rng = np.random.default_rng(23)
    lump, fine = noise(rng, 110, 3, long=2), noise(rng, 24, 3)
    column = np.arange(W)
    hills = FAR[1] - 10 - 26 * np.abs(np.sin(column / 96 + 0.7)) - 12 * np.sin(column / 41)

    def crown(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 1 - np.hypot((x - 150) / 78, (y - 150) / 66) + 0.17 * at(fine, x, y)

    def part(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Which part of the picture: 0 sky, 1 hills, 2 field, 3 tree."""
        ground = (y > hills[np.clip(x, 0, W - 1).astype(int)]).astype(int) + (y > FAR[1] + 3 * np.sin(x / 37))
        trunk = np.abs(x - 150 - 5 * np.sin(y / 30)) < 7 + (y > 240) * (y - 240) * 0.2
        trunk &= (y > 150) & (y < 268)
        return np.where(trunk | (crown(x, y) > 0), 3, ground)

    def colour(p: np.ndarray) -> np.ndarray:
        x, y = p.T
        cloud = at(lump, x, y)
        sun = np.exp(-(((x - 470) / 130) ** 2) - ((y - 196) / 80) ** 2)
        sky = blend(y / 250 + 0.09 * cloud + 0.4 * sun, SKY)
        hill = blend(0.5 + 0.2 * at(fine, x, y) + 0.5 * sun, ("3c4f8a", "6a74b8", "a48fc4", "e8a9a8"))
        depth = np.clip(y - FAR[1], 3, None)
        rows = np.cos(np.pi * 2 * (x - FAR[0]) / depth * 1.05 + 0.25 * np.sin(depth / 30))
        ripe = 0.42 + 0.34 * rows + 0.12 * at(fine, x, y) + 0.15 * np.exp(-depth / 40)
        field = np.where((rows > -0.45)[:, None], blend(ripe, ROWS), blend(0.5 + 0.3 * at(fine, x, y), EARTH))
        light = np.clip(0.4 + 0.3 * at(fine, x, y) + 0.004 * (x - 150) - 0.004 * (y - 150), 0, 1)
        leaves = blend(light, ("16324a", "1f5a4c", "4f8f4a", "b7c257", "fbe79a"))
        tree = np.where((crown(x, y) > 0)[:, None], leaves, blend(light, ("3a1f35", "8a4a3a")))
        which = part(x, y)[:, None]
        return np.select([which == 0, which == 1, which == 2], [sky, hill, field], tree)

    def flow(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The strokes of chalk: slanted in the sky, along the rows in the field, upward in the tree."""
        which = part(x, y)
        parts = [which == 0, which == 1, which == 2]
        u = np.select(parts, [1.0, 0.9, x - FAR[0]], 0.45)
        return u, np.select(parts, [-0.55, 0.5, y - FAR[1] + 18], -1.0)

    def crossed(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        u, v = flow(x, y)
        size = np.hypot(u, v)
        return u / size + 0.55 * v / size, v / size - 0.55 * u / size

    canvas = Canvas(rng, (52, 44, 74))
    layers = ((10, 9, 30, flow, 10), (7, 4, 30, flow, 12), (8, 3, 22, crossed, 10), (8, 3, 36, flow, 12))
    for gap, width, length, way, vary in layers:
        start = scattered(rng, gap)
        ink = colour(start) + rng.normal(0, 13, (len(start), 3)) + rng.normal(0, 9, (len(start), 1))
        paths = along(way, start, length * rng.uniform(0.6, 1.4, len(start)), 4)
        canvas.stroke(paths, ink, width, 3, vary)
    start = np.stack([rng.uniform(0, W, 900), FAR[1] + 12 + (H - FAR[1]) * rng.random(900) ** 0.7], -1)
    start = start[part(*start.T) == 2]  # blossoms, larger when near
    size = 5 + (start[:, 1] - FAR[1]) / 26
    canvas.stroke(along(flow, start, size, 4), colour(start) * 1.12 + 26, 3, 2, 12)
    tooth = noise(rng, 3, 2)
    bare = step(tooth - 1.05 + 0.25 * noise(rng, 40, 2), 1.2) * 0.36  # the paper's hollows stay dark
    return finished(
        over(canvas.dry(0.008), rgb("3a3154"), bare) * (0.8 + 0.2 * lit(tooth, 0.1))[..., None] * 1.04
    )
