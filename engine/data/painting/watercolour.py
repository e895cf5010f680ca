"""Poppies in washes of watercolour."""

from __future__ import annotations

import numpy as np

from engine.data.painting.canvas import H, W, finished, grid, lit, noise, rgb, soft, step

PAPER = rgb("fbf6ea")[0]
REDS = rgb("d7263d", "e8453c", "f26b38", "b3123b", "f0564a", "e85d75")
GREENS = rgb("4b7f52", "7aa95c", "2f5d50", "9bb85a", "557a3a")
VIOLETS = rgb("6a5acd", "8f6bb8", "4f6fb5", "b48ac7")


class Sheet:
    """Wet paper: each wash takes away light, most at its edge, where pigment gathers as it dries."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.x, self.y = grid()
        self.tooth = noise(rng, 4, 3)
        self.flow = noise(rng, 60, 5)
        self.curl = noise(rng, 34, 5)
        self.light = np.ones((H, W, 3), np.float32) * PAPER / 255

    def wash(
        self, inside: np.ndarray, here: tuple[slice, slice], colour: np.ndarray, thick: float, wet: float
    ) -> None:
        """Lay `colour` in the window `here` where `inside` (pixels) is positive, softly where `wet`."""
        inside = inside + wet * self.curl[here]
        body = step(inside, 1.6 + wet)
        edge = np.exp(-np.clip(inside, 0, None) / 2.6) * body
        bloom = np.clip(0.72 + 0.3 * self.flow[here], 0.15, 1.5)
        grain = 1 + 0.16 * self.tooth[here]
        amount = thick * np.clip((0.62 * body * bloom + 0.5 * edge) * grain, 0, None)
        self.light[here] *= (np.clip(colour, 4, 255) / 255) ** amount[..., None]

    def blot(self, x: float, y: float, r: float, colour: np.ndarray, thick: float, **shape: float) -> None:
        """A round wash with `petals` lobes of relative height `lobes`, `tall` times as high as wide."""
        a, b = max(0, int(y - 2.2 * r)), max(0, int(x - 2.2 * r))
        here = np.s_[a : int(y + 2.2 * r) + 1, b : int(x + 2.2 * r) + 1]
        dx, dy = self.x[here] - x, (self.y[here] - y) / shape.get("tall", 1.0)
        angle = np.arctan2(dy, dx)
        lobes = 1 + shape.get("lobes", 0.1) * np.cos(shape.get("petals", 3) * angle + shape.get("turn", 0.0))
        self.wash(r * lobes - np.hypot(dx, dy), here, colour, thick, shape.get("wet", 0.09 * r))

    def blade(
        self, x: float, y: float, tall: float, lean: float, wide: float, colour: np.ndarray, thick: float
    ) -> None:
        """A stem or a leaf that grows up from (x, y)."""
        a, b = max(0, int(y - tall)), max(0, int(x - abs(lean) - wide - 6))
        here = np.s_[a : min(H, int(y) + 1), b : int(x + abs(lean) + wide + 6)]
        up = np.clip((y - self.y[here]) / tall, 0, 1)
        off = np.abs(self.x[here] - x - lean * up**1.7)
        self.wash(wide * (1 - up) ** 0.6 - off, here, colour, thick, 0.8)


def paint() -> np.ndarray:
    """Poppies in a meadow, wet in wet, on rough paper."""
    rng = np.random.default_rng(17)
    sheet = Sheet(rng)
    for _ in range(30):  # the background, very wet
        x, y = rng.uniform(-20, W + 20), rng.uniform(0, H)
        family = VIOLETS if y < 170 else GREENS
        r, colour = rng.uniform(50, 120), family[rng.integers(len(family))]
        sheet.blot(x, y, r, colour, 0.3, lobes=0.25, tall=0.6, wet=20)
    for _ in range(180):
        x, tall = rng.uniform(0, W), rng.uniform(70, 330)
        lean, wide = rng.normal(0, 46), rng.uniform(1.4, 5.5)
        green = GREENS[rng.integers(5)] + rng.normal(0, 9)
        sheet.blade(x, H + 9, tall, lean, wide, green, rng.uniform(0.35, 1.0))
    for _ in range(26):  # small flowers between
        x, y = rng.uniform(0, W), rng.uniform(150, 470)
        sheet.blot(x, y, rng.uniform(5, 12), VIOLETS[rng.integers(4)], 0.9, petals=5, lobes=0.3)
    for k, close in enumerate(np.sort(rng.uniform(0, 1, 24))):
        r = 15 + 42 * close**1.3
        x, y = (k * 0.618 % 1) * (W + 20) - 10, 70 + 320 * rng.random() + 25 * close
        red = REDS[rng.integers(len(REDS))]
        sheet.blade(x, H + 9, H + 9 - y, rng.normal(0, 3), 1.5 + close, GREENS[2], 0.7)
        for j in range(4):  # petals, one wash over the other
            turn = 2 * np.pi * j / 4 + rng.uniform(0, 0.7)
            colour, thick, petals = red + rng.normal(0, 10), rng.uniform(0.5, 0.85), float(rng.integers(2, 5))
            at = x + 0.42 * r * np.cos(turn), y + 0.34 * r * np.sin(turn)
            sheet.blot(*at, 0.72 * r, colour, thick, lobes=0.13, petals=petals, turn=turn, tall=0.8)
        sheet.blot(x, y + 0.05 * r, 0.24 * r, rgb("2b1a3a")[0], 1.6, lobes=0.3, petals=5, tall=0.8)
        for _ in range(7):
            a = rng.uniform(0, 2 * np.pi)
            at = x + 0.42 * r * np.cos(a), y + 0.32 * r * np.sin(a)
            sheet.blot(*at, 0.05 * r + 0.8, rgb("22162e")[0], 1.5)
    for _ in range(60):  # splashes
        x, y, r = rng.uniform(0, W), rng.uniform(0, H), rng.uniform(0.8, 3.2)
        sheet.blot(x, y, r, REDS[rng.integers(6)] if rng.random() < 0.6 else GREENS[1], 0.8)
    picture = 255 * (0.86 * sheet.light + 0.14 * soft(sheet.light, 1.2))
    return finished(picture * (0.6 + 0.4 * lit(sheet.tooth, 0.09))[..., None])
