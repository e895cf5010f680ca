"""Points that users draw, or bring as a table."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike

from engine.config import Refused
from engine.data.builtin import divided, sampled
from engine.data.dataset import Dataset
from engine.data.keep import keep, kept
from engine.data.targets import Mixture
from engine.space import Space

JITTER = 0.05  # drawn points become a mixture of Gaussians of this standard deviation
REACH = 3.0  # drawn points lie in [-3, 3]^2
FEWEST = {"drawn": 20, "csv": 10}
MOST = {"drawn": 5_000, "csv": 100_000}
MOST_BYTES = 10_000_000
HUGE = 1e30  # larger numbers overflow when squared in float32 or float64


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
        if (abs(points) > HUGE).any():
            raise Refused(f"Row {_row(abs(points) > HUGE)} holds a number beyond 1e30; rescale the column.")
        for column, (spread, size) in enumerate(zip(np.ptp(points, 0), abs(points).max(0), strict=True), 1):
            if spread <= 1e-9 * size:
                raise Refused(f"All numbers in column {column} are the same; bring a column that varies.")
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
    center, unit = points.mean(0), points.std(0)
    x = torch.from_numpy((points - center) / unit).float()
    edge = min(8.0, max(3.0, 1.1 * float(x.abs().max())))
    (a, b), (s, t) = center, unit
    return divided(
        x,
        name=name,
        title="Your table",
        space=Space.of((2,)),
        box=(-edge, edge, -edge, edge),
        center=torch.from_numpy(center).float(),
        unit=torch.from_numpy(unit).float(),
        note=f"{len(points)} rows, standardised: minus ({a:.4g}, {b:.4g}), divided by ({s:.4g}, {t:.4g}).",
    )


def read_csv(source: str | bytes) -> np.ndarray:
    """The two numeric columns of a text, shape (n, 2), float64. Raises `Refused`, with line and cell.

    Columns are separated by semicolons, tabs, commas or spaces; with semicolons or tabs, a comma is a decimal
    comma. A first line of words is a header.
    """
    if len(source) > MOST_BYTES:
        raise Refused("The table is larger than 10 MB; bring fewer rows.")
    try:
        text = source.decode("utf-8-sig") if isinstance(source, bytes) else source.removeprefix("\ufeff")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise Refused("The file is not text; save the table as CSV (UTF-8).")
    lines = [(i, line.strip(" \r")) for i, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise Refused("The table is empty; give two columns of at least 10 numbers.")
    mark = next((m for m in ";\t," if m in lines[min(1, len(lines) - 1)][1]), None)
    rows = [(i, [cell.strip(" \t'\"") for cell in line.split(mark)]) for i, line in lines]
    if all(_number(cell, mark) is None for cell in rows[0][1]):
        rows = rows[1:]  # the header
    if len(rows) > MOST["csv"]:
        raise Refused(f"The table has {len(rows):,} rows; give at most {MOST['csv']:,}.")
    return check_table([(i, cells, [_number(cell, mark) for cell in cells]) for i, cells in rows])


def check_table(rows: list[tuple[int, list[str], list[float | None]]]) -> np.ndarray:
    """Rows of (line number, cells, their numbers) as an array (n, 2). Raises `Refused`."""
    for i, cells, numbers in rows:
        if len(cells) != 2:
            columns = f"{len(cells)} column{'s' * (len(cells) != 1)}"
            raise Refused(f"Line {i} has {columns}; give exactly two, separated by a comma.")
        for cell, number in zip(cells, numbers, strict=True):
            if number is None:
                raise Refused(f"Line {i} holds {cell[:40]!r} where a number should be; correct or remove it.")
            if not math.isfinite(number):
                raise Refused(f"Line {i} holds {cell[:40]!r}, which is not a finite number; remove it.")
    if len(rows) < FEWEST["csv"]:
        raise Refused(f"The table has only {len(rows)} rows of numbers; give at least {FEWEST['csv']}.")
    points = np.array([numbers for _, _, numbers in rows], dtype=np.float64)
    for column, spread in enumerate(np.ptp(points, 0), 1):
        if spread == 0:
            raise Refused(f"All numbers in column {column} are the same; bring a column that varies.")
    return points


def _number(cell: str, mark: str | None) -> float | None:
    if mark in (";", "\t"):
        cell = cell.replace(",", ".")
    try:
        return float(cell) if "_" not in cell else None  # Python reads 1_000 as 1000
    except ValueError:
        return None
