"""A river in dots of pure colour."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from engine.data.painting.brush import scattered
from engine.data.painting.canvas import FINE, H, W, at, blend, finished, grid, noise, over, rgb, soft, step

LEAVES = ("23305f", "1f5a54", "3f8a44", "a2bd3f", "f0d95c")


def _scene(rng: np.random.Generator) -> np.ndarray:
    """What the dots show from a distance: sky, far bank, river, meadow, two trees."""
    x, y = grid()
    lump, fine = noise(rng, 60, 4), noise(rng, 22, 3)
    scene = blend(y / 230 + 0.07 * lump, ("5f9bd6", "9cc3e3", "dfe1d4", "f8dfae", "f6c48c"))
    scene = over(scene, rgb("fff2d8")[0], 0.75 * step(noise(rng, 60, 3, long=3.4) - 0.5, 1.1) * (y < 170))
    scene = over(scene, rgb("fff0a0")[0], np.exp(-(((x - 430) / 60) ** 2 + ((y - 150) / 44) ** 2)))
    bank = 206 + 10 * np.sin(x / 40) + 14 * np.sin(x / 103 + 1)
    bank = bank - 15 * lump * np.exp(-(((x - 180) / 190) ** 2))
    trees = blend(0.5 + 0.25 * fine + (y - bank) / 130, ("3a5fa0", "3c7a78", "5f9d5c", "c2c25a"))
    scene = over(scene, trees, step(y - bank, 5))
    glint = np.sin(y * 0.42 + 1.5 * lump) + 0.8 * noise(rng, 7, 2, long=7)
    water = blend((y - 262) / 190 + 0.12 * glint, ("f2c78a", "8fb7dc", "4d8ecb", "2f62ac", "27437f"))
    gold = 0.9 * np.exp(-(((x - 430 + 0.12 * (y - 262) * lump) / 44) ** 2)) * step(glint, 1.6)
    water = over(water, rgb("ffe39a")[0], gold)
    water = over(water, rgb("34606b")[0], 0.6 * np.exp(-((y - 262) / 26)) * step(0.4 - glint, 2))
    scene = over(scene, water, step(y - 262, 4))
    shore = 448 - 0.24 * x + 26 * np.sin(x / 90) + 6 * fine
    meadow = blend(0.45 + 0.2 * lump + 0.16 * fine, ("2c5b4b", "4f8a3f", "93b53c", "e3d04a", "f3e27c"))
    shade = step(np.sin(x / 46 + y / 30 + lump) - 0.15, 0.7)
    meadow = over(meadow, rgb("2d5a8c")[0], 0.7 * shade)
    scene = over(scene, meadow, step(y - shore, 5))
    for sx, sy, size in ((318, 262, 62), (236, 258, 34)):  # sails
        up = (sy + 6 - y) / size
        right = (x - sx) / size
        sail = step(np.minimum(np.minimum(up, right + 0.02), 1.05 - up - 1.6 * right) * 40, 2)
        scene = over(scene, rgb("fffaf0")[0], sail * (y < sy))
        hull = np.minimum(1 - np.abs(x - sx - 0.2 * size) / (0.42 * size), 1 - np.abs(y - sy - 4) / 5)
        scene = over(scene, rgb("a8322d")[0], step(hull * 8, 3))
    for tx, ty, r, lean in ((70, 120, 118, 26), (598, 96, 96, -18)):
        trunk = 9 + 6 * (y > 380) - np.abs(x - tx - lean * np.sin((y - ty) / 160))
        scene = over(scene, blend(x / 9 % 1, ("3a2346", "7a4630")), step(trunk, 3) * (y > ty) * (y < 470))
        crown = 1 - np.hypot((x - tx) / 1.15, y - ty) / r + np.clip(0.2 * lump + 0.1 * fine, -0.5, 0.3)
        leaves = blend(0.42 + 0.3 * fine - 0.5 * (y - ty) / r, LEAVES)
        scene = over(scene, leaves, step(crown * 40, 8))
    return scene


def paint() -> np.ndarray:
    """A river in summer: dots of pure colour that mix in the eye."""
    rng = np.random.default_rng(3)
    scene = soft(_scene(rng), 1.2)
    image = Image.new("RGB", (FINE * W, FINE * H), "#efe3c6")
    draw = ImageDraw.Draw(image)
    for gap, size in ((9, 7.5), (8, 4.8), (8.5, 3.9)):
        dots = scattered(rng, gap)
        colour = at(scene, *dots.T)
        grey = colour.mean(1, keepdims=True)
        pure = grey + 1.22 * (colour - grey)  # stronger than nature ...
        against = 2 * grey - pure  # ... beside dots of the opposite hue
        turn = np.roll(pure, 1, 1) * 0.35 + pure * 0.65
        dice = rng.random((len(dots), 1))
        colour = np.where(dice < 0.07, against, np.where(dice < 0.2, turn, pure))
        colour = colour + rng.normal(0, 15, (len(dots), 1)) + rng.normal(0, 9, colour.shape)
        inks = np.clip(colour, 0, 255).astype(int).tolist()
        (x, y), r = FINE * dots.T, FINE * (size * rng.uniform(0.75, 1.15, len(dots)))
        for box, ink in zip(np.stack([x - r, y - r, x + r, y + r], 1).tolist(), inks, strict=True):
            draw.ellipse(box, fill=tuple(ink))
    return finished(np.asarray(image.reduce(FINE), np.float32) * (1 + 0.03 * noise(rng, 3, 2))[..., None])
