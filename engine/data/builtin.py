"""The distributions and digits that come with the lab."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from engine.data.curves import Circles, Curve, Line, moons, spiral
from engine.data.dataset import Dataset
from engine.data.shapes import FACTORS, ellipses
from engine.data.targets import Checkerboard, Mixture, Pinwheel, Target
from engine.space import Space

ASSETS = Path(__file__).parents[2] / "assets"
N, N_TEST, SEED = 50_000, 10_000, 0


@dataclass(frozen=True)
class Choice:
    """One line of a select box."""

    name: str
    title: str
    space: type[Space]  # what kind of data
    needs_network: bool
    says: str
    labelled: bool = True  # whether the examples have classes


SQUARE = (-3.0, 3.0, -3.0, 3.0)
EIGHTHS = 2 * math.pi * np.arange(8) / 8
LATTICE = np.stack(np.meshgrid(np.arange(-2.0, 3), np.arange(-2.0, 3)), -1).reshape(-1, 2)

TARGETS: dict[str, tuple[str, str, Callable[[], Target]]] = {
    "two-bumps": (
        "Two bumps",
        "Two Gaussians on a line, one twice as likely as the other.",
        lambda: Mixture([[-1.0], [1.0]], 0.4, (-4, 4, 0, 0.8), weights=[2, 1]),
    ),
    "three-bumps": (
        "Three bumps",
        "Three unequal Gaussians on a line: models that average lose the smallest.",
        lambda: Mixture([[-2.0], [0.0], [2.0]], 0.3, (-4, 4, 0, 0.8), weights=[5, 3, 2]),
    ),
    "ring": (
        "Ring of 8 Gaussians",
        "Eight Gaussians on a circle of radius 2: count how many a model finds.",
        lambda: Mixture(2 * np.stack([np.cos(EIGHTHS), np.sin(EIGHTHS)], -1), 0.1, SQUARE),
    ),
    "grid": (
        "Grid of 25 Gaussians",
        "Twenty-five narrow Gaussians: hard for a GAN to find all of them.",
        lambda: Mixture(LATTICE, 0.05, SQUARE),
    ),
    "two-gaussians": (
        "Two Gaussians",
        "Two wide Gaussians that overlap a little.",
        lambda: Mixture([[-1.0, 0.0], [1.0, 0.0]], 0.5, (-4.0, 4.0, -4.0, 4.0)),
    ),
    "aside": (
        "Two Gaussians aside",
        "The same, to the right of 0: a walk that starts from noise around 0 must find them.",
        lambda: Mixture([[3.0, -1.0], [3.0, 1.0]], 0.5, (-2.0, 6.0, -4.0, 4.0)),
    ),
    "line": (
        "Line",
        "A thin segment: nearly one-dimensional data in the plane.",
        lambda: Line(2.0, math.pi / 6, 0.1, SQUARE),
    ),
    "moons": (
        "Two moons",
        "Two half circles, each around the end of the other.",
        lambda: Curve(moons(), 0.1, (-1.75, 2.75, -2.0, 2.5), panels=2),
    ),
    "spiral": (
        "Spiral",
        "One long thin arm: needs a flexible model.",
        lambda: Curve([spiral(0.3, 2.4, 2.25)], 0.1, SQUARE, panels=10),
    ),
    "pinwheel": ("Pinwheel", "Five Gaussian arms, twisted by a map that preserves area.", Pinwheel),
    "checkerboard": ("Checkerboard", "Eight uniform squares: sharp edges and gaps.", Checkerboard),
    "circles": (
        "Two circles",
        "A circle within a circle: no continuous one-to-one map of a Gaussian has such holes.",
        lambda: Circles([1.0, 2.0], 0.1, SQUARE),
    ),
}


def opened(name: str) -> dict[str, np.ndarray]:
    """The arrays of an asset."""
    with np.load(ASSETS / f"{name}.npz", allow_pickle=False) as held:
        return dict(held)


def listed(text: np.ndarray) -> list[str]:
    """The lines of UTF-8 bytes."""
    return bytes(text).decode().split("\n")


def sampled(name: str, title: str, target: Target, note: str) -> Dataset:
    """50,000 training and 10,000 test samples of `target`, always the same."""
    x, y = target.draw(N + N_TEST, np.random.default_rng(SEED))
    labels: dict[str, Any] = {"y": y[:N], "test_y": y[N:]} if target.pieces > 1 else {}
    return Dataset(
        name=name,
        title=title,
        x=x[:N].float(),
        test_x=x[N:].float(),
        **labels,
        space=Space.of((target.d,), target.pieces if labels else 0, name),
        target=target,
        box=target.box,
        center=torch.zeros(target.d),
        unit=torch.ones(target.d),
        note=note,
    )


def divided(x: Tensor, y: Tensor | None = None, factors: Tensor | None = None, **rest: Any) -> Dataset:
    """A data set in which every tenth example (i % 10 == 9) is kept for testing."""
    test = torch.arange(len(x)) % 10 == 9
    held = {name: t for name, t in (("x", x), ("y", y), ("factors", factors)) if t is not None}
    parts: dict[str, Any] = {name: t[~test] for name, t in held.items()}
    parts |= {f"test_{name}": t[test] for name, t in held.items()}
    return Dataset(**parts, **rest)


DIGITS = {
    "digits": ("Digits", "10,000 handwritten digits of MNIST.", 28),
    "digits-14": (
        "Digits, 14 x 14",
        "The same with a quarter of the pixels: quick to learn for models that write pixel by pixel.",
        14,
    ),
    "digits-7": ("Digits, 7 x 7", "Only 49 pixels: quick enough to try orders and masks.", 7),
}
"""Title, sentence and side by name."""


def digits(name: str = "digits") -> Dataset:
    """9,000 training and 1,000 test digits of MNIST, 28 x 28 grey, with labels; or averaged to 14 x 14 or
    7 x 7."""
    held, (title, _, side) = opened("digits"), DIGITS[name]
    x, y = torch.from_numpy(held["x"])[:, None], torch.from_numpy(held["y"].astype(np.int64))
    note = "10,000 handwritten digits of MNIST; every tenth is kept for testing."
    if side < 28:
        x = avg_pool2d(x.float(), 28 // side).round().byte()
        note = f"{note[:-1]}. They are averaged to {side} x {side}."
    return divided(x, y, name=name, title=title, space=Space.of((1, side, side), 10, name), note=note)


def shapes() -> Dataset:
    """9,000 training and 1,000 test pictures of an ellipse, 28 x 28 grey, with the factors of each."""
    x, factors = ellipses(10_000)
    return divided(
        torch.from_numpy(x)[:, None],
        factors=torch.from_numpy(factors),
        factor_names=tuple(FACTORS),
        name="ellipses",
        title="Ellipses",
        space=Space.of((1, 28, 28)),
        note=f"10,000 drawn ellipses, each with its {', '.join(FACTORS)}; every tenth is kept for testing.",
    )
