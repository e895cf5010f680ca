"""A harbour in facets: planes of light that start at an edge and fade."""

from __future__ import annotations

import numpy as np

from engine.data.painting.canvas import H, W, blend, finished, grid, lit, noise, over, rgb, soft, step

OCHRES = ("1f2a33", "3d4a4f", "6d6a58", "a58a55", "d3b277", "efe0b9")
# corners of a triangle; tone from 0 to 1, and warmth
SAILS: list[tuple[list[tuple[int, int]], float, float]] = [
    ([(250, 40), (330, 392), (120, 380)], 0.95, 0.2),
    ([(262, 70), (430, 380), (342, 396)], 0.8, 0.9),
    ([(470, 120), (560, 388), (430, 392)], 0.9, 0.35),
    ([(120, 160), (150, 392), (30, 388)], 0.75, 0.75),
    ([(560, 210), (632, 390), (556, 396)], 0.7, 0.8),
]


def _inside(x: np.ndarray, y: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """How far points are inside a triangle, in pixels; negative outside."""
    centre = corners.mean(0)
    depth = np.full(x.shape, np.inf, np.float32)
    for a, b in zip(corners, np.roll(corners, 1, 0), strict=True):
        normal = np.array([-(b - a)[1], (b - a)[0]]) / np.hypot(*(b - a))
        normal *= np.sign((centre - a) @ normal)
        depth = np.minimum(depth, (x - a[0]) * normal[0] + (y - a[1]) * normal[1])
    return depth


def paint() -> np.ndarray:
    """Sails in a harbour, broken into facets of ochre, grey and blue."""
    rng = np.random.default_rng(14)
    x, y = grid()
    tone = 0.42 + 0.22 * np.exp(-(((y - 330) / 150) ** 2)) - 0.12 * (y > 392) + 0.05 * noise(rng, 120, 3)
    warm = 0.45 + 0.25 * noise(rng, 200, 2)
    lines = np.zeros((H, W), np.float32)
    for corners, bright, heat in SAILS:
        deep = _inside(x, y, np.array(corners, float))
        within = step(deep, 1.5)
        tone = tone + within * (bright - tone) * 0.72 * (0.6 + 0.4 * np.exp(-deep / 70))
        tone = tone - 0.34 * np.exp(-np.clip(-deep, 0, None) / 26) * (deep < 0) * (x > corners[0][0])
        warm = warm + within * (heat - warm) * 0.8
        lines = np.maximum(lines, np.exp(-((deep / 0.9) ** 2)))
        back = _inside(x, 784 - y, np.array(corners, float)) * (y > 392)  # its reflection in the water
        tone = tone + step(back, 3) * (bright - tone) * 0.5 * (0.6 + 0.4 * np.sin(y / 7 + x / 60))
        warm = warm + step(back, 3) * (heat - warm) * 0.5
    for k in range(62):  # each edge begins a facet that fades with the distance from it
        cx, cy = rng.uniform(0, W), rng.uniform(0, H)
        angle = rng.choice([0.08, 0.5, 1.05, 1.32, 1.83, 2.2, 2.68]) + rng.normal(0, 0.07)
        length, fade = rng.uniform(60, 260) * (1.5 - k / 62), rng.uniform(22, 90)
        reach = length / 2 + 3 * fade
        here = np.s_[max(0, int(cy - reach)) : int(cy + reach), max(0, int(cx - reach)) : int(cx + reach)]
        dx, dy = x[here] - cx, y[here] - cy
        along, across = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        ends = step(length / 2 - np.abs(along) - 0.25 * np.abs(across), 3)
        ends *= step(3 * fade - np.abs(across), 9)
        plane = step(across, 1.4) * np.exp(-np.clip(across, 0, None) / fade) * ends
        tone[here] += rng.choice([-0.42, 0.34, -0.3, 0.46]) * plane
        warm[here] += rng.normal(0, 0.38) * plane
        edge = 0.62 * np.exp(-((across / 0.8) ** 2)) * ends * (rng.random() < 0.6)
        lines[here] = np.maximum(lines[here], edge)
    tone = 0.5 + 0.62 * np.tanh(1.15 * (tone - 0.5))
    dab = 0.5 * noise(rng, 9, 3, long=2.6) + 0.5 * noise(rng, 7, 3, long=0.4)
    shade = np.clip(tone + 0.035 * dab, 0, 1)
    cold = blend(shade, ("101a2b", "233c5e", "45698a", "7e9fae", "b9cac4", "eee9d6"))
    hot = blend(shade, ("23130f", "5a2a1b", "994b24", "cc8440", "e7bd77", "f7e8c4"))
    picture = blend(shade, OCHRES)
    picture = over(picture, cold, step(0.36 - warm, 0.55))
    picture = over(picture, hot, step(warm - 0.66, 0.55))
    picture = over(picture, rgb("14161c")[0], 0.78 * np.clip(lines * (0.7 + 0.3 * noise(rng, 30, 2)), 0, 1))
    weave = np.sin(x * 2.1) * np.sin(y * 2.1)
    return finished(picture * (lit(0.6 * dab + 0.14 * weave + soft(tone, 1) * 3, 0.1) * 0.5 + 0.5)[..., None])
