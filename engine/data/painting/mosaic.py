"""A mosaic: stones laid in rows along the outlines of the drawing."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from engine.data.painting.canvas import FINE, H, W, curve, finished, lit, noise, rgb, soft

STONE = 8.4  # pixels: the height of a row
TONES = [
    ("c9952c", "e3b84a", "f2d27a", "d9a63a", "b8842a"),  # the ground: gold
    ("0f3b63", "15568a", "1e75a8", "2f93b8", "0c2c50"),  # the sea
    ("8e1b1f", "b8322a", "d4552f", "e98343", "70141d"),  # fish
    ("f1e6cf", "e2cfae", "fff6e2", "d8bf98"),  # light
    ("0e6e62", "1c9179", "58b68f", "a6d3a0"),  # weeds
    ("1b1a2a", "2a2440", "3a2f5c"),  # outlines
]


def _fish(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, left: bool) -> None:
    """Draw a fish around (x, y) that looks left or right, in numbers of `TONES`."""
    turn = np.array([-size if left else size, size])
    body = curve([(1.0, 0.05), (0.55, -0.36), (-0.1, -0.42), (-0.62, -0.14), (-1.15, -0.52), (-1.02, 0),
                  (-1.2, 0.5), (-0.62, 0.14), (-0.1, 0.4), (0.55, 0.34), (1.0, 0.05)], 90)  # fmt: skip

    def shape(points: np.ndarray, tone: int) -> None:
        draw.polygon((points * turn + (x, y)).ravel().tolist(), fill=tone)

    shape(body * 1.13, 5)
    shape(np.array([(0.3, -0.36), (-0.2, -0.78), (-0.5, -0.6), (-0.34, -0.3)]), 4)
    shape(body, 2)
    shape(curve([(0.72, 0.1), (0.2, 0.3), (-0.5, 0.06), (0.2, 0.08), (0.72, 0.1)], 40), 3)
    for at in (0.28, -0.04, -0.34):
        band = [(at, -0.34), (at - 0.1, 0), (at, 0.3), (at - 0.07, 0.3), (at - 0.2, 0), (at - 0.07, -0.34)]
        shape(curve(band, 30), 0)
    for r, tone in ((0.135, 3), (0.07, 5)):
        a = np.linspace(0, 2 * np.pi, 30)
        shape(np.stack([0.66 + r * np.cos(a), -0.06 + r * np.sin(a)], -1), tone)


def _drawing() -> np.ndarray:
    """Two fish between waves under the sun: the number in `TONES` of each pixel."""
    image = Image.new("L", (W, H), 0)
    draw = ImageDraw.Draw(image)
    x = np.arange(-10, W + 11, 5)
    for r, tone in ((66, 2), (49, 3), (32, 0)):
        draw.ellipse((500 - r, 72 - r, 500 + r, 72 + r), fill=tone)
    for level, tone in ((158, 3), (170, 1), (214, 4), (226, 1), (438, 4), (454, 1), (488, 3), (500, 1)):
        top = level + 15 * np.sin(x / 38 + level / 50) + 5 * np.sin(x / 17)
        draw.polygon([*zip(x.tolist(), top.tolist(), strict=True), (W + 10, H), (-10, H)], fill=tone)
    _fish(draw, 232, 318, 150, False)
    _fish(draw, 520, 372, 92, True)
    for x0, y0, r in ((436, 272, 17), (478, 262, 13), (592, 280, 13), (64, 420, 13)):
        draw.ellipse((x0 - r, y0 - r, x0 + r, y0 + r), fill=3)
    return np.asarray(image)


def _laid(rng: np.random.Generator, depth: np.ndarray) -> list[tuple[float, float, float]]:
    """Places (x, y) and angles of the stones: along each row, a line of equal `depth`, until it closes."""
    gy, gx = (soft(g, 1.5) for g in np.gradient(depth))
    row = np.floor(depth / STONE)
    middle = np.abs(depth / STONE - row - 0.5) < 0.16
    taken = np.zeros((H, W), bool)
    stones = []
    for y0, x0 in rng.permutation(np.argwhere(middle)).tolist():
        if taken[y0, x0]:
            continue
        level = (row[y0, x0] + 0.5) * STONE
        for sign in (1, -1):
            x, y, first = x0 + 0.5, y0 + 0.5, True
            while 0 <= x < W and 0 <= y < H and (first or not taken[int(y), int(x)]):
                u, v = gx[int(y), int(x)], gy[int(y), int(x)]
                size = (u * u + v * v) ** 0.5 + 1e-6
                u, v = u / size, v / size
                off = min(2.0, max(-2.0, level - depth[int(y), int(x)]))
                x, y = x + off * u, y + off * v
                if sign > 0 or not first:
                    stones.append((x, y, np.arctan2(v, u)))
                    a, b = int(y), int(x)
                    taken[max(0, a - 3) : a + 4, max(0, b - 3) : b + 4] = True
                x, y = x - sign * STONE * v, y + sign * STONE * u
                first = False
    return stones


def paint() -> np.ndarray:
    """Two fish in gold and blue stones, laid along the lines of the drawing."""
    rng = np.random.default_rng(5)
    tone = _drawing()
    edge = (ndimage.maximum_filter(tone, 3) != tone) | (ndimage.minimum_filter(tone, 3) != tone)
    depth = ndimage.distance_transform_edt(~edge)
    depth = np.where(depth < 3 * STONE, depth, soft(depth, 2)) + 0.001
    image = Image.new("RGB", (FINE * W, FINE * H), "#4b4038")
    relief = Image.new("L", image.size, 40)
    draw, rise = ImageDraw.Draw(image), ImageDraw.Draw(relief)
    wave = noise(rng, 70, 2)
    for x, y, angle in _laid(rng, depth):
        i, j = min(max(int(y), 0), H - 1), min(max(int(x), 0), W - 1)
        names = rgb(*TONES[tone[i, j]])
        place = np.clip(rng.normal(0.5 + 0.22 * wave[i, j], 0.22), 0, 0.999)
        ink = names[int(place * len(names))] + rng.normal(0, 8)
        turn = angle + rng.normal(0, 0.05)
        c, s = np.cos(turn), np.sin(turn)
        half = STONE / 2 * rng.uniform(0.78, 0.95, 2)
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half * rng.uniform(0.88, 1.06, (4, 2))
        shape = (FINE * (corners @ np.array([[c, s], [-s, c]]) + (x, y))).ravel().tolist()
        draw.polygon(shape, fill=tuple(np.clip(ink, 0, 255).astype(int).tolist()))
        rise.polygon(shape, fill=int(rng.uniform(110, 200)))
    stones = np.asarray(image.reduce(FINE), np.float32)
    height = soft(np.asarray(relief.reduce(FINE), np.float32), 0.7)
    return finished(stones * (0.55 + 0.45 * lit(height, 0.016) + 0.03 * noise(rng, 3, 2))[..., None])
