"""A window of stained glass."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.spatial import Voronoi

from engine.data.painting.canvas import FINE, H, W, blend, finished, grid, noise, rgb, soft, step

SUN = (388, 196, 62)  # x, y, radius
BORDER = 34
LIGHT = ("ffd24a", "ff9a2e", "e2452f", "a3246b", "4b2b8f", "1c3f9e", "123a6b")  # from the sun outwards


def _cells(rng: np.random.Generator, gap: float, flat: float) -> np.ndarray:
    """The numbers of random cells, `flat` times as wide as high, in a picture (FINE H, FINE W)."""
    rows, columns = np.mgrid[-2 : H / gap + 2, -2 : W / gap / flat + 2]
    points = np.stack([columns * gap * flat, rows * gap], -1).reshape(-1, 2)
    points += rng.uniform(-0.42, 0.42, points.shape) * [gap * flat, gap]
    cells = Voronoi(points)
    image = Image.new("I", (FINE * W, FINE * H))
    draw = ImageDraw.Draw(image)
    for k, region in enumerate(cells.point_region):
        corners = cells.regions[region]
        if corners and min(corners) >= 0:
            draw.polygon([tuple(FINE * p) for p in cells.vertices[corners]], fill=k + 1)
    return np.asarray(image)


def _panes(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The region of each pixel (0 sky, 1 and 2 hills, 3 water, 4 sun, 5 border), and its pane there."""
    wx = np.clip(x + 9 * np.sin(y / 37), 0, W - 1)
    wy = np.clip(y + 9 * np.sin(x / 45), 0, H - 1)
    here = (wy * FINE).astype(int), (wx * FINE).astype(int)
    near, wide = _cells(rng, 44, 1.0)[here], _cells(rng, 22, 3.4)[here]
    dx, dy = x - SUN[0], y - SUN[1]
    r, angle = np.hypot(dx, dy), np.arctan2(dy, dx) + 0.0011 * np.hypot(dx, dy)
    ray = np.floor((angle + np.pi) / (2 * np.pi) * 26 + 4).astype(int)
    ring = np.floor((r - SUN[2]) / rng.uniform(62, 96, 64)[ray] + rng.random(64)[ray]).astype(int)
    sky = ray * 20 + ring
    region = np.zeros(x.shape, int)
    region[y > 292 - 44 * np.sin(x / 118 + 0.5) - 14 * np.sin(x / 47)] = 1
    region[y > 348 + 34 * np.sin(x / 128 - 0.6) + 8 * np.sin(x / 39)] = 2
    river = np.abs(x - 372 - 80 * np.sin(y / 58 + 0.5)) - 0.9 * (y - 330)
    region[(y > 336) & (river < 0)] = 3
    region[(r < SUN[2]) & (region == 0)] = 4
    disc = np.where(r < 0.45 * SUN[2], 0, 1 + np.floor((angle + 3.6) / (2 * np.pi) * 8))
    edge = np.minimum(np.minimum(x, W - x), np.minimum(y, H - y))
    region[edge < BORDER] = 5
    lying = np.minimum(y, H - y) < np.minimum(x, W - x)
    side = np.where(lying, np.floor(x / W * 13), 20 + np.floor(y / H * 10))
    side = side + 40 * (y > H / 2) + 80 * (x > W / 2)
    return region, np.choose(region, [sky, near, near, wide, disc.astype(int), side.astype(int)])


def _inward(parts: np.ndarray) -> np.ndarray:
    """How far each pixel is from the nearest edge between two parts, in pixels of the painting."""
    edge = (parts != np.roll(parts, 1, 0)) | (parts != np.roll(parts, 1, 1))
    return ndimage.distance_transform_edt(~edge).astype(np.float32) / FINE


def paint() -> np.ndarray:
    """Sunrise in jewel colours between dark lines of lead."""
    rng = np.random.default_rng(4)
    x, y = grid(FINE * H, FINE * W)
    x, y = x / FINE, y / FINE
    region, pane = _panes(rng, x, y)
    label = region * 2000 + pane
    many = np.bincount(label.ravel(), minlength=12_000) + 1e-9
    cx, cy = (np.bincount(label.ravel(), v.ravel(), 12_000) / many for v in (x, y))
    kind = np.arange(12_000) // 2000
    away = np.hypot(cx - SUN[0], cy - SUN[1])
    chance = rng.random(12_000)
    glass = blend(np.clip(away / 430 + 0.16 * (chance - 0.5), 0, 1), LIGHT)
    choices = {
        1: ("0f6b4f", "2f9e57", "8cc63f", "1b7f79", "c9c23a"),
        2: ("0b4f3f", "14704b", "1f8f5f", "5aa637", "b5521f"),
        3: ("0b3c91", "1565c0", "2aa7d8", "9fe3e8", "ffb74d"),
        4: ("fff0a8", "ffe066", "ffc93c"),
        5: ("9b1226", "c21f33", "133c8b", "e0a526", "0f6b4f"),
    }
    for k, names in choices.items():
        glass = np.where((kind == k)[:, None], rgb(*names)[(chance * len(names)).astype(int)], glass)
    glass += 9 * rng.standard_normal((len(glass), 1))
    colour = glass[label]
    lean = rng.uniform(-1, 1, (2, 12_000))  # each pane is thicker on one side
    slope = (lean[0, label] * (x - cx[label]) + lean[1, label] * (y - cy[label])) / 45
    streak = noise(rng, 70, 4, FINE * H, FINE * W, long=0.35)
    far, thick = _inward(label), _inward(region)
    light = 1 + 0.22 * np.tanh(slope) + 0.085 * streak - 0.34 * np.exp(-far / 4.5)
    colour = colour * light[..., None]
    lead = np.maximum(step(1.9 - far, 1.2), step(3.1 - thick, 1.2))
    bulge = np.clip(1 - np.minimum(far / 1.9, thick / 3.1), 0, 1)
    metal = rgb("17171c") + (46 * bulge * (1 + 0.2 * streak))[..., None] * rgb("ccd4e0") / 255
    colour = colour + (metal - colour) * lead[..., None]
    small = colour.reshape(H, FINE, W, FINE, 3).mean((1, 3))
    return finished(small + 0.22 * soft(np.maximum(small - 90, 0), 7))
