"""Points that users draw, or bring as a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike

from engine.brought.table import FEWEST as FEWEST_ROWS
from engine.brought.table import LARGEST, check_columns
from engine.brought.table import MOST as MOST_ROWS
from engine.config import Refused
from engine.data.builtin import divided, sampled
from engine.data.dataset import Dataset
from engine.data.keep import keep, kept
from engine.data.targets import Mixture
from engine.space import Space

JITTER = 0.05  # drawn points become a mixture of Gaussians of this standard deviation
REACH = 3.0  # drawn points lie in [-3, 3]^2
FEWEST = {"drawn": 20, "csv": FEWEST_ROWS}
MOST = {"drawn": 5_000, "csv": MOST_ROWS}


def keep_points(points: ArrayLike, kind: str, home: Path | None = None) -> str:
    """Store points (n, 2) and return the name for `load`: 20 to 5,000 points in [-3, 3]^2 if their `kind` is
    "drawn", and 10 to 100,000 rows if it is "csv". Raises `Refused`."""
    if kind not in FEWEST:
        raise Refused(f"Points are 'drawn' or 'csv', not {kind!r}.")
    try:
        points = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise Refused("The points are not all numbers; give two numbers for each point.") from error
    if points.size and (points.ndim != 2 or points.shape[1] != 2):
        raise Refused(f"The points have shape {points.shape}; give two numbers for each point.")
    n = len(points)
    if n < FEWEST[kind]:
        raise Refused(f"There are only {n} points; give at least {FEWEST[kind]}.")
    if n > MOST[kind]:
        raise Refused(f"There are {n:,} points; give at most {MOST[kind]:,}.")
    if not np.isfinite(points).all():
        raise Refused(f"Point {_row(~np.isfinite(points))} is not a finite number; remove it.")
    if kind == "drawn" and (abs(points) > REACH).any():
        raise Refused(
            f"Point {_row(abs(points) > REACH)} lies outside the square from -3 to 3; draw inside it."
        )
    if kind == "csv":
        if (beyond := abs(points) > LARGEST).any():
            raise Refused(f"Row {_row(beyond)} holds a number beyond 1e300; rescale the column.")
        check_columns(points)
    return keep(kind, {"points": points}, home)


def _row(wrong: np.ndarray) -> int:
    return int(wrong.any(1).argmax()) + 1


def load_points(name: str, home: Path) -> Dataset:
    """The data that `keep_points` has stored as `name`."""
    points = kept(name, home)["points"]
    if name.startswith("drawn"):
        edge = REACH + 10 * JITTER
        target = Mixture(points, JITTER, (-edge, edge, -edge, edge), labelled=False)
        note = f"{len(points)} drawn points, each blurred by a Gaussian of standard deviation {JITTER}."
        return sampled(name, "Your drawing", target, note)
    _, power = np.frexp(abs(points).max(0))
    near = np.ldexp(points, -power)  # about 1, so that no square overflows or becomes 0
    x = torch.from_numpy((near - near.mean(0)) / near.std(0)).float()
    center, unit = np.ldexp(near.mean(0), power), np.ldexp(near.std(0), power)
    edge = min(8.0, max(3.0, 1.1 * float(x.abs().max())))
    (a, b), (s, t) = center, unit
    return divided(
        x,
        name=name,
        title="Your table",
        space=Space.of((2,)),
        box=(-edge, edge, -edge, edge),
        center=torch.from_numpy(center),
        unit=torch.from_numpy(unit),
        note=f"{len(points)} rows, standardized: minus ({a:.4g}, {b:.4g}), divided by ({s:.4g}, {t:.4g}).",
    )
