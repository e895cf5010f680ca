"""Autumn by a lake, laid on with a knife."""

from __future__ import annotations

import numpy as np

from engine.data.painting.brush import Canvas, along, scattered
from engine.data.painting.canvas import H, W, at, blend, finished, noise

SHORE = 262
FALL = ("2b1b3d", "6e1e35", "b3261e", "e0531f", "f29022", "f9c440", "fdf0b0")
LAKE = ("141d3a", "1d3b66", "2c6e8f", "58a6a6", "f0b04a")
TRUNKS = (
    (40, 15, 0),
    (118, 9, 1),
    (196, 6, 0),
    (262, 4, 1),
    (402, 4, 0),
    (462, 7, 1),
    (532, 11, 0),
    (612, 17, 1),
)


def paint() -> np.ndarray:
    """Autumn trees by a lake, laid on with a palette knife."""
    rng = np.random.default_rng(31)
    lump, fine = noise(rng, 90, 3), noise(rng, 26, 3)

    def colour(points: np.ndarray) -> np.ndarray:
        x, y = points.T
        there = np.clip(y, 0, H - 1).astype(int), np.clip(x, 0, W - 1).astype(int)
        mirrored = np.where(y > SHORE, 2 * SHORE - y, y)
        glow = np.exp(-(((x - 334) / 120) ** 2) - ((mirrored - 214) / 120) ** 2)
        up = np.clip(mirrored, 0, H - 1).astype(int), there[1]
        t = 0.42 + 0.15 * lump[up] + 0.12 * fine[up] + 0.5 * glow - 0.3 * np.exp(-((SHORE - mirrored) / 26))
        trees = blend(t, FALL)
        sky = blend(0.25 + 0.5 * glow + 0.1 * fine[there], ("2f7f93", "79b8ac", "d9dba0", "fdf3c2"))
        gaps = np.clip((0.55 * lump[up] - fine[up] - 0.75 - mirrored / 300) * 3, 0, 1)[:, None]
        above = trees + (sky - trees) * gaps
        water = blend(0.3 + 0.13 * np.sin(y / 5 + 3 * lump[there]) + 0.25 * glow - 0.0005 * (y - SHORE), LAKE)
        share = np.clip(0.62 + 0.3 * np.sin(y / 8.5 + 4 * fine[there]) - (y - SHORE) / 500, 0, 0.9)[:, None]
        return np.where((y > SHORE)[:, None], water + (above - water) * share, above)

    def flow(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        turn = 2.2 * at(lump, x, y) + 0.8
        wet = y > SHORE
        return np.where(wet, 1, np.cos(turn)), np.where(wet, 0.08 * np.sin(x / 40), np.sin(turn))

    canvas = Canvas((40, 25, 30))
    for gap, width, length, bristles in ((14, 19, 34, 9), (11, 13, 24, 7)):
        start = scattered(rng, gap)
        ink = colour(start) + rng.normal(0, 15, (len(start), 1)) + rng.normal(0, 8, (len(start), 3))
        canvas.stroke(
            rng, along(flow, start, length * rng.uniform(0.7, 1.4, len(start)), 5), ink, width, bristles, 9
        )
    for x, wide, birch in TRUNKS:
        tall = np.arange(-10, SHORE + 2.2 * wide, 11.0)
        lean = 10 * np.sin(tall / 120 + x)
        for sign in (1, -1):  # the trunk, and its reflection in the lake
            foot = SHORE + 1.6 * wide
            y = tall if sign > 0 else foot + 0.75 * (foot - tall)
            start = np.stack([x + lean + rng.normal(0, 0.12 * wide, len(y)), y], -1)
            tone = blend(
                rng.random(len(y)),
                ("f5e9d6", "c9b8a8", "5a4a52") if birch else ("1c1018", "4a2420", "2a1626"),
            )
            tone = tone * (1 if sign > 0 else 0.6) + (0 if sign > 0 else 22)
            path = start[:, None] + np.linspace(-9, 9, 5)[None, :, None] * [
                0.12 if sign > 0 else 0.9,
                1.0 if sign > 0 else 0.25,
            ]
            canvas.stroke(
                rng, path, tone + rng.normal(0, 8, (len(y), 3)), wide * (1 if sign > 0 else 0.7), 6, 16
            )
    start = scattered(rng, 13)
    leaves = start[
        (start[:, 1] < SHORE + 10) & (rng.random(len(start)) < 0.62) | (rng.random(len(start)) < 0.16)
    ]
    ink = colour(leaves) * rng.uniform(0.9, 1.25, (len(leaves), 1)) + rng.normal(6, 16, (len(leaves), 3))
    canvas.stroke(rng, along(flow, leaves, rng.uniform(8, 17, len(leaves)), 5), ink, 8, 5, 12)
    return finished(canvas.dry(0.024))
