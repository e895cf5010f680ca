"""Autumn by a lake, laid on with a knife."""

from __future__ import annotations

import numpy as np

from engine.data.painting.brush import Canvas, along, scattered
from engine.data.painting.canvas import at, blend, finished, noise

SHORE = 262
FALL = ("2b1b3d", "6e1e35", "b3261e", "e0531f", "f29022", "f9c440", "fdf0b0")
LAKE = ("141d3a", "1d3b66", "2c6e8f", "58a6a6", "f0b04a")
TRUNKS = ((40, 15), (118, 9), (196, 6), (262, 4), (402, 4), (462, 7), (532, 11), (612, 17))  # x, width
BARK = (("1c1018", "4a2420", "2a1626"), ("f5e9d6", "c9b8a8", "5a4a52"))  # every second tree is a birch


def paint() -> np.ndarray:
    """Autumn trees by a lake, laid on with a palette knife."""
    rng = np.random.default_rng(31)
    lump, fine = noise(rng, 90, 3), noise(rng, 26, 3)

    def colour(points: np.ndarray) -> np.ndarray:
        x, y = points.T
        mirrored = np.where(y > SHORE, 2 * SHORE - y, y)
        glow = np.exp(-(((x - 334) / 120) ** 2) - ((mirrored - 214) / 120) ** 2)
        mass, leaf, grain = at(lump, x, mirrored), at(fine, x, mirrored), at(fine, x, y)
        t = 0.42 + 0.15 * mass + 0.12 * leaf + 0.5 * glow - 0.3 * np.exp(-((SHORE - mirrored) / 26))
        trees = blend(t, FALL)
        sky = blend(0.25 + 0.5 * glow + 0.1 * grain, ("2f7f93", "79b8ac", "d9dba0", "fdf3c2"))
        gaps = np.clip((0.55 * mass - leaf - 0.75 - mirrored / 300) * 3, 0, 1)[:, None]
        above = trees + (sky - trees) * gaps
        water = blend(
            0.3 + 0.13 * np.sin(y / 5 + 3 * at(lump, x, y)) + 0.25 * glow - 0.0005 * (y - SHORE), LAKE
        )
        share = np.clip(0.62 + 0.3 * np.sin(y / 8.5 + 4 * grain) - (y - SHORE) / 500, 0, 0.9)[:, None]
        return np.where((y > SHORE)[:, None], water + (above - water) * share, above)

    def flow(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        turn = 2.2 * at(lump, x, y) + 0.8
        wet = y > SHORE
        return np.where(wet, 1, np.cos(turn)), np.where(wet, 0.08 * np.sin(x / 40), np.sin(turn))

    canvas = Canvas(rng, (40, 25, 30))
    for gap, width, length, bristles in ((14, 19, 34, 9), (11, 13, 24, 7)):
        start = scattered(rng, gap)
        ink = colour(start) + rng.normal(0, 15, (len(start), 1)) + rng.normal(0, 8, (len(start), 3))
        paths = along(flow, start, length * rng.uniform(0.7, 1.4, len(start)), 5)
        canvas.stroke(paths, ink, width, bristles, 9)
    for k, (x, wide) in enumerate(TRUNKS):
        tall = np.arange(-10, SHORE + 2.2 * wide, 11.0)
        lean = 10 * np.sin(tall / 120 + x)
        foot = SHORE + 1.6 * wide
        for wet in (False, True):  # the trunk, and its reflection in the lake
            y = foot + 0.75 * (foot - tall) if wet else tall
            start = np.stack([x + lean + rng.normal(0, 0.12 * wide, len(y)), y], -1)
            tone = blend(rng.random(len(y)), BARK[k % 2])
            tone = tone * 0.6 + 22 if wet else tone
            paths = start[:, None] + np.linspace(-9, 9, 5)[:, None] * ([0.9, 0.25] if wet else [0.12, 1.0])
            ink = tone + rng.normal(0, 8, (len(y), 3))
            canvas.stroke(paths, ink, wide * (0.7 if wet else 1), 6, 16)
    start = scattered(rng, 13)
    dense, thin = rng.random((2, len(start)))
    leaves = start[(start[:, 1] < SHORE + 10) & (dense < 0.62) | (thin < 0.16)]
    ink = colour(leaves) * rng.uniform(0.9, 1.25, (len(leaves), 1)) + rng.normal(6, 16, (len(leaves), 3))
    canvas.stroke(along(flow, leaves, rng.uniform(8, 17, len(leaves)), 5), ink, 8, 5, 12)
    return finished(canvas.dry(0.024))
