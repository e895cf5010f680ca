"""A night sky in thick paint."""

from __future__ import annotations

import numpy as np

from engine.data.painting.brush import Canvas, along, scattered
from engine.data.painting.canvas import H, W, at, blend, finished, noise, rgb

SKY = ("0b1533", "12265c", "1d418f", "2f6db5", "5a9fcb", "9cc9d6", "dfe6c4")
GLOW = ("fff3b0", "ffd75e", "f0b23a", "d8cf8a", "8fbcb2", "4a86b8")
LAND = ("0a1a26", "12343b", "1f5a52", "3f7d5a", "86a05a")
STARS = np.array([[66, 62, 20], [150, 118, 15], [232, 40, 17], [318, 82, 13], [418, 52, 18], [452, 138, 13],
                  [96, 190, 14], [548, 84, 40], [602, 196, 14]])  # fmt: skip  # x, y, radius; one is the moon
WHIRLS = np.array([[262, 182, 95, 1.0], [392, 226, 70, -1.0], [128, 270, 60, 0.7]])  # x, y, radius, turn


def paint() -> np.ndarray:
    """A night sky in thick strokes that follow its whirls."""
    rng = np.random.default_rng(7)
    bend, tone = noise(rng, 170, 2), noise(rng, 60, 3, long=2.2)
    hill = 372 + 26 * np.sin(np.arange(W) / 78 + 0.6) + 14 * np.sin(np.arange(W) / 31)

    def flow(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        angle = 0.45 * at(bend, x, y)
        u, v = np.cos(angle), 0.5 * np.sin(angle) - 0.12
        for cx, cy, r, turn in [*WHIRLS, *((x0, y0, 2.1 * r0, 1.0) for x0, y0, r0 in STARS)]:
            dx, dy = x - cx, y - cy
            near = 4 * turn * np.exp(-((dx**2 + dy**2) / (r * r)))
            far = np.hypot(dx, dy) + 1e-6
            u, v = u - near * dy / far, v + near * dx / far
        under = y > hill[np.clip(x, 0, W - 1).astype(int)]
        slope = np.gradient(hill)[np.clip(x, 0, W - 1).astype(int)]
        u, v = np.where(under, 1, u), np.where(under, slope + 0.25 * at(bend, x, y), v)
        tree = at(cypress, x, y) > 0
        return np.where(tree, 0.35 * np.sin(y / 21 + x / 9), u), np.where(tree, -1, v)

    def colour(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        t = 0.36 + 0.16 * at(tone, x, y) + 0.16 * y / H
        for cx, cy, r, _ in WHIRLS:
            far = np.hypot(x - cx, y - cy) / r
            t = t + 0.34 * np.exp(-(far**2)) * np.cos(9 * far + np.arctan2(y - cy, x - cx))
        paint = blend(t, SKY)
        for cx, cy, r in STARS:
            far = np.hypot(x - cx, y - cy) / r
            ring = np.clip(far / 2.6 + 0.09 * np.sin(7 * far), 0, 1)
            share = np.clip(1.5 * (1 - far / 2.7), 0, 1)[:, None]
            paint += (blend(ring, GLOW) - paint) * share
        deep = (y - hill[np.clip(x, 0, W - 1).astype(int)]) / 140
        land = blend(0.75 - 0.75 * deep + 0.14 * at(tone, x, y) * np.sin(y / 9), LAND)
        paint = np.where((deep > 0)[:, None], land, paint)
        dark = blend(0.5 + 0.5 * np.sin(x / 5 + y / 40), ("060d14", "10261f", "2b3a22", "4a4a2a"))
        return np.where((at(cypress, x, y) > 0)[:, None], dark, paint)

    rows = np.arange(H)[:, None]
    trunk = 70 + 10 * np.sin(rows / 35)
    wide = np.clip((rows - 150) / 330, 0, 1) ** 0.8 * 52 * (1 + 0.18 * np.sin(rows / 13))
    cypress = wide - np.abs(np.arange(W)[None] - trunk)

    canvas = Canvas(rng, (20, 32, 60))
    for gap, width, length, bristles in ((15, 15, 66, 6), (10, 9, 44, 5), (9, 6, 30, 4)):
        start = scattered(rng, gap)
        ink = colour(*start.T) + rng.standard_normal((len(start), 3)) * [9, 9, 13]
        paths = along(flow, start, length * rng.uniform(0.6, 1.2, len(start)))
        canvas.stroke(paths, ink, width, bristles)
    for cx, cy, r in STARS:  # the bright middle of each light
        ring = rng.uniform(0, 2 * np.pi, int(r * 1.6))
        away = 0.6 * r * np.sqrt(rng.random((2, len(ring)))) * [np.cos(ring), np.sin(ring)]
        start = away.T + np.array([cx, cy])
        ink = rgb("fff6c8") - rng.uniform(0, 30, (len(start), 1))
        canvas.stroke(along(flow, start, 0.9 * r), ink, 5)
    return finished(canvas.dry())
