"""A wave, cut in wood and printed in blues."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from engine.data.painting.canvas import H, W, blend, curve, finished, grid, lit, noise, over, rgb, step

FINE = 3
INK, DEEP, BLUE, PALE, FOAM = "16233f", "1d3f72", "3f73a5", "a9c6cf", "f3ecd9"
TIP = (446, 236)  # of the wave, where its two edges meet
OUTER = [(-60, 520), (20, 390), (95, 258), (180, 140), (275, 74), (368, 70), (438, 118), (462, 190), TIP]
INNER = [(150, 560), (205, 440), (222, 350), (242, 270), (282, 208), (338, 180), (392, 182), (430, 206), TIP]
SNOW = [(536, 247), (560, 245), (588, 270), (577, 268), (570, 279), (560, 266), (551, 281), (541, 266)]
SNOW += [(530, 276), (522, 268), (510, 270)]


class Block:
    """Where the wood prints: polygons and dots, drawn FINE times as large."""

    def __init__(self, image: Image.Image) -> None:
        self.draw = ImageDraw.Draw(image)

    def shape(self, points: np.ndarray, colour: str) -> None:
        """Draw a filled polygon (n, 2)."""
        self.draw.polygon((FINE * points).ravel().tolist(), fill=f"#{colour}")

    def dots(self, centres: np.ndarray, radii: np.ndarray, line: float = 1.5) -> None:
        """Draw foam: the union of discs, with an outline."""
        for grow, colour in ((line, INK), (0, FOAM)):
            for (x, y), r in zip(FINE * centres, FINE * (radii + grow), strict=True):
                self.draw.ellipse((x - r, y - r, x + r, y + r), fill=f"#{colour}")

    def stripes(self, rng: np.random.Generator, outer: np.ndarray, inner: np.ndarray, many: int) -> None:
        """Draw water between two curves (n, 2): carved lines that swell and taper on their way."""
        self.shape(np.concatenate([outer, inner[::-1]]), PALE)
        n = len(outer)
        for k, s in enumerate((np.arange(many) + 0.5) / many):
            colour = (DEEP, BLUE, DEEP, INK)[k % 4]
            swell = np.interp(np.arange(n), np.linspace(0, n, 7), rng.uniform(0.14, 0.48, 7))
            swell *= np.sin(np.pi * np.linspace(0.06, 0.97, n)) ** 0.5
            low, high = (np.clip(s + side * swell / many, 0, 1)[:, None] for side in (-1, 1))
            edges = [outer + low * (inner - outer), (outer + high * (inner - outer))[::-1]]
            self.shape(np.concatenate(edges), colour)


def _claws(
    rng: np.random.Generator, at: np.ndarray, heading: np.ndarray, size: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fingers of foam from points (n, 2): centres and radii of chains of discs that curl and get smaller."""
    steps = np.linspace(0, 1, 15)
    pace = size * rng.uniform(0.7, 1.4, (len(at), 1)) / 15
    angle = heading[:, None] + np.cumsum(0.21 * (0.4 + 1.3 * steps))
    x = at[:, :1] + np.cumsum(pace * np.cos(angle), 1)
    y = at[:, 1:] + np.cumsum(pace * np.sin(angle), 1)
    radii = size * 0.17 * (1 - 0.86 * steps) * rng.uniform(0.8, 1.2, (len(at), 1))
    return np.stack([x, y], -1).reshape(-1, 2), radii.ravel()


def _sea(
    rng: np.random.Generator, block: Block, level: float, swell: float, long: float, phase: float
) -> None:
    """Draw a wave across the sheet, with crests that are sharper than its troughs."""
    x = np.linspace(-20, W + 20, 240)
    a = x / long + phase
    crest = level - swell * (1.1 * np.abs(np.sin(a)) ** 1.7 - 0.5 + 0.16 * np.sin(2.3 * a + 1))
    low = level + 0.35 * (crest - level) + 74
    top, bottom = np.stack([x + 0.5 * (level - crest), crest], -1), np.stack([x, low], -1)
    block.shape(np.concatenate([top - [0, 2.2], bottom[::-1]]), INK)
    block.stripes(rng, top, bottom, 11)
    foam = rng.permutation(np.flatnonzero(crest < level - 0.25 * swell))[:70]
    block.dots(top[foam] + rng.normal(0, 2.2, (len(foam), 2)), rng.uniform(1.6, 5.2, len(foam)))
    chosen = foam[::4]
    block.dots(*_claws(rng, top[chosen], rng.uniform(-0.9, 0.1, len(chosen)), 15))


def paint() -> np.ndarray:
    """A great wave in carved lines of Prussian blue."""
    rng = np.random.default_rng(11)
    x, y = grid()
    cloud = noise(rng, 90, 3, long=4)
    sky = blend(y / 330 + 0.1 * cloud, ("4a6a85", "a8b4ab", "e6d3ab", "efdcb4", "e9c99a"))
    sky = over(sky, rgb("f2e6cb")[0], 0.85 * step(np.sin(7 * cloud + y / 26) - 0.45, 0.3) * (y < 250))
    sky = over(sky, rgb("c8402f")[0], step(46 - np.hypot(x - 536, y - 112), 1.5) * (0.9 + 0.06 * cloud))
    sky = over(sky, rgb("7d98a3")[0], 0.55 * step(np.sin(y * 0.95 + 5 * cloud) - 0.72, 0.5))
    image = Image.fromarray(finished(sky)).resize((FINE * W, FINE * H))
    block = Block(image)
    mountain = curve([(300, 392), (400, 346), (486, 292), (536, 246), (560, 244), (610, 290), (690, 335)], 60)
    for slope, colour in ((mountain - [0, 2], INK), (mountain, "48688c")):
        block.shape(np.concatenate([slope, [[690, 420], [300, 420]]]), colour)
    block.shape(np.array(SNOW), FOAM)
    for level, swell, long, phase in ((352, 20, 74, 0.6), (386, 30, 96, 2.0)):
        _sea(rng, block, level, swell, long, phase)
    outer, inner = curve(OUTER, 260), curve(INNER, 260)
    block.shape(np.concatenate([outer - (1.5, 2.5), inner[::-1]]), INK)
    block.stripes(rng, outer, inner, 19)
    block.draw.line((FINE * inner).ravel().tolist(), f"#{INK}", 5)
    run = np.sort(rng.integers(66, 259, 210))
    ahead = np.arctan2(*(outer[np.minimum(run + 1, 259)] - outer[run - 1]).T[::-1])
    for share, size in ((0.4, 24), (0.22, 26), (0.06, 28)):  # fingers hang from the crest, row over row
        tips = slice(round(90 - 100 * share), None, 3)
        at = (1 - share) * outer[run[tips]] + share * inner[run[tips]]
        at += rng.normal(0, 2, at.shape)
        block.dots(*_claws(rng, at, ahead[tips] + rng.uniform(0.1, 0.9, len(at)), size))
    block.dots(outer[run] + rng.normal(0, 3, (210, 2)), rng.uniform(2.2, 8, 210))
    block.dots(rng.normal((470, 190), (44, 52), (130, 2)), rng.uniform(0.5, 2.3, 130), 0.8)
    for level, swell, long, phase in ((432, 34, 118, 0.2), (478, 30, 84, 1.4), (512, 22, 66, 0.5)):
        _sea(rng, block, level, swell, long, phase)
    sheet = np.asarray(image.reduce(FINE), np.float32)
    grain = noise(rng, 7, 3, long=14)
    worn = step(noise(rng, 3, 2, long=3) - 1.9, 1.2) * 0.35
    sheet = sheet * (1 + 0.035 * grain)[..., None] * lit(noise(rng, 4, 2), 0.03)[..., None]
    return finished(over(sheet, rgb("efe4cb"), worn))
