"""Marbled paper: floating inks, combed three times."""

from __future__ import annotations

import numpy as np

from engine.data.painting.canvas import FINE, H, W, finished, grid, noise, rgb

INKS = rgb("14213d", "f3e9d2", "8c1c2c", "1f6f78", "e9b44c", "f3e9d2", "0d1b2a", "c8553d", "5b8e7d", "f0d9b0")


def _comb(rng: np.random.Generator, at: np.ndarray, gap: float, pull: float, sharp: float) -> np.ndarray:
    """How far a comb drags the ink at `at`; its teeth are about `gap` apart and pulled by about `pull`."""
    teeth = rng.normal(1, 0.1, int(at.max() / gap) + 5)
    where = at / gap + 1.5
    k = where.astype(int)
    d = np.abs(where - k - 0.5)  # 0 at a tooth
    return pull * (teeth[k] * np.exp(-sharp * d) - np.exp(-sharp / 2))


def paint() -> np.ndarray:
    """Floating inks, drawn with combs and lifted off with paper."""
    rng = np.random.default_rng(21)
    x, y = grid(FINE * H, FINE * W)
    x, y = x / FINE, y / FINE
    wave = noise(rng, 220, 2, FINE * H, FINE * W)
    # from the finished sheet back to the bath: the last comb is undone first
    x, y = x + 15 * np.sin(y / 41 + 0.4 * wave) + 6 * wave, y + 11 * np.sin(x / 53 + 0.5 * wave)
    x = x - _comb(rng, np.abs(y + 40), 25, 66, 3.4)
    strip = np.abs(x + 300) / 82
    y = y + 88 * (np.abs(strip % 2 - 1) - 0.5) * 2 + 9 * noise(rng, 120, 3, FINE * H, FINE * W)
    # the bath: bands of inks, and drops thrown into them
    widths = rng.uniform(9, 40, 200)
    band = np.searchsorted(np.cumsum(widths), np.abs(y + 500))
    ink = rng.integers(0, len(INKS), 260)
    ink[1:] = np.where(ink[1:] == ink[:-1], ink[1:] + 1, ink[1:]) % len(INKS)
    which = ink[band]
    there = np.clip(y + 150, 0, 699).astype(int), np.clip(x + 200, 0, 1099).astype(int)
    drops = noise(rng, 70, 2, 700, 1100)[there]
    for level, colour in ((1.25, 4), (1.6, 1), (1.85, 2)):
        which = np.where(drops > level, colour, which)
    sheet = INKS[which].reshape(H, FINE, W, FINE, 3).mean((1, 3))
    pale = 1 + 0.035 * noise(rng, 5, 2) + 0.045 * noise(rng, 60, 3)
    return finished(sheet * pale[..., None] + 3 * rng.standard_normal((H, W, 1)))
