"""Mountains in mist, in ink on paper."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from engine.data.painting.canvas import FINE, H, W, curve, finished, grid, lit, noise, over, rgb, soft, step

PAPER, SUMI, RED = rgb("f1e9d8", "1d1c20", "b3261e")
RIDGES = ((178, 92, 0.2), (236, 84, 0.32), (306, 76, 0.5), (396, 66, 0.78), (482, 40, 0.95))  # far to near


def _leaf(draw: ImageDraw.ImageDraw, x: float, y: float, angle: float, length: float, shade: int) -> None:
    """A leaf of bamboo: one pressed stroke that ends in a point."""
    t = np.linspace(0, 1, 14)
    wide = length * 0.075 * np.sin(np.pi * t**0.75) ** 0.8
    bend = angle + 0.35 * t
    px, py = x + length * t * np.cos(bend), y + length * t * np.sin(bend)
    u, v = -np.sin(bend) * wide, np.cos(bend) * wide
    shape = np.concatenate([np.stack([px + u, py + v], -1), np.stack([px - u, py - v], -1)[::-1]])
    draw.polygon((FINE * shape).ravel().tolist(), fill=shade)


def _bamboo(rng: np.random.Generator) -> np.ndarray:
    """How much ink the bamboo takes, (H, W) from 0 to 1."""
    image = Image.new("L", (FINE * W, FINE * H), 0)
    draw = ImageDraw.Draw(image)
    for x0, lean, wide, shade in ((486, 26, 4.2, 120), (604, -30, 6.5, 205), (552, 40, 8.5, 238)):
        y = H + 20.0
        while y > -40:
            tall = rng.uniform(74, 104)
            heights = (y, y - tall / 2, y - tall + 5)
            path = curve([(x0 + lean * (H - h) / H + 3 * np.sin(h / 60), h) for h in heights], 12)
            t = np.linspace(-1, 1, 12)
            r = wide * (0.86 + 0.2 * t**4)[:, None] * [1, 0]
            draw.polygon((FINE * np.concatenate([path + r, (path - r)[::-1]])).ravel().tolist(), fill=shade)
            y -= tall
            if y < 380:
                for _ in range(rng.integers(1, 4)):
                    side = rng.choice([-1, 1])
                    bx, by = path[-1] + [side * rng.uniform(14, 74), rng.uniform(-40, 26)]
                    draw.line([tuple(FINE * path[-1]), (FINE * bx, FINE * by)], fill=shade, width=3)
                    for _ in range(rng.integers(3, 7)):
                        angle = rng.normal(np.pi / 2 + 0.5 * (side < 0) - 0.35 * (side > 0), 0.5)
                        x, top = bx + rng.normal(0, 6), by + rng.normal(0, 6)
                        length, tone = rng.uniform(38, 84), int(shade * rng.uniform(0.6, 1.07))
                        _leaf(draw, x, top, angle, length, tone)
    return np.asarray(image.reduce(FINE), np.float32) / 255


def paint() -> np.ndarray:
    """Mountains in mist, bamboo and a red sun: ink on paper."""
    rng = np.random.default_rng(9)
    x, y = grid()
    fibre, cloud = noise(rng, 5, 3, long=3), noise(rng, 120, 4, long=2.4)
    wet = noise(rng, 16, 3)
    sheet = PAPER * (1 + 0.022 * fibre - 0.035 * step(cloud, 3))[..., None]
    disc = step(58 - np.hypot(x - 190, y - 116) + 0.6 * wet, 3)
    sheet = over(sheet, RED, disc * np.clip(0.84 + 0.06 * wet + 0.05 * fibre, 0, 1))
    ink: np.ndarray = np.zeros((H, W), np.float32)
    for k, (level, rough, dark) in enumerate(RIDGES):
        ridge = noise(rng, 190 - 22 * k, 6, 2, W)[0]
        top = level - rough * np.abs(ridge) ** 1.25 * np.sign(ridge) * 0.62 + 5 * np.interp(x[0], x[0], ridge)
        below = y - top[None] + 1.3 * wet
        grain = noise(rng, 60, 6, long=0.5)
        cut = np.abs(np.sin(0.11 * below + 2.2 * grain + x / 37))  # dry strokes that model the rock
        body = np.exp(-np.clip(below, 0, None) / (58 + 14 * cloud))
        body = body * (0.62 + 0.3 * step(grain, 1.6) + 0.32 * (cut < 0.22))
        rim = np.exp(-((below - 1.5) ** 2) / 7) * 0.5 * (0.5 + step(grain + 0.4, 1))
        wash = np.where(below > -2, step(below, 2.5) * (body + rim), 0) * dark
        ink = ink * (1 - step(below, 3) * np.clip(0.35 + 0.5 * np.exp(-below / 130), 0, 0.9))
        ink = np.maximum(ink, np.clip(wash, 0, 1))
        if k >= 2:  # pines on the slopes
            for _ in range(26):
                px, tall = rng.integers(20, W - 20), rng.uniform(9, 20) * (0.3 + 0.3 * k)
                base = min(top[px] + rng.uniform(0, 30), H - 2)
                here = np.s_[max(0, int(base - tall)) : int(base) + 1, px - 12 : px + 12]
                up = (base - y[here]) / tall
                wide = 0.3 * tall * np.clip(1 - up, 0, 1) * (0.5 + 0.5 * np.abs(np.sin(9 * up)))
                fir = step(wide - np.abs(x[here] - px), 2) * min(1, dark + 0.15) * 0.9
                ink[here] = np.maximum(ink[here], fir)
    ink = np.clip(np.maximum(ink, noise(rng, 4, 2) - 3.1), 0, 1)  # and a few drops
    reed = _bamboo(rng)
    dry = 0.75 + 0.25 * step(noise(rng, 3, 2, long=0.15) + 0.9, 0.8)
    ink = 1 - (1 - ink) * (1 - reed * dry)
    bled = 0.8 * ink + 0.2 * soft(ink, 2.2) * (1 + 0.2 * wet)
    sheet = over(sheet, SUMI, np.clip(bled * (1 + 0.07 * fibre), 0, 1))
    seal = step(11 - np.abs(x - 36), 2) * step(11 - np.abs(y - 48), 2) * (0.9 - 0.9 * (wet > 1.1))
    return finished(over(sheet, RED, seal) * lit(noise(rng, 3, 2), 0.02)[..., None])
