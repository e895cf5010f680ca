"""The scene of a wall: each member's fakes and the field of its D, small, beside those of the others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.data import Dataset
from engine.family import Family
from engine.metrics.measure import LEFT_OUT, Measure, declared
from engine.space import Picture
from lab.scenes.arrays import Arrays, Pointer, halves, pictures, shades
from lab.scenes.grid import lattice

CELLS = 24  # of a field of D, along a side
POINTS, ALL_POINTS = 250, 12_000  # fakes of a member, and of the whole wall, at most
PIXELS = 120_000  # of all pictures of a frame, about
REAL = 250

Rows = Sequence[Mapping[str, Any]]


def draw(model: Family, data: Dataset, full: bool, pointer: Pointer) -> Arrays:
    n = model.members
    if isinstance(data.space, Picture):
        side = max(1, min(3, math.isqrt(PIXELS // (n * data.space.size))))
        shown = pictures(model.sample(side * side).nan_to_num(-1).flatten(0, 1))
        return {"wall/images": shown.reshape(n, side * side, *shown.shape[1:])}
    drawn = {"wall/points": halves(model.sample(min(POINTS, ALL_POINTS // n)))}
    if full:
        drawn["wall/real"] = halves(data.take(slice(REAL)))
    return drawn | (field(model, data) if "belief" in model.stacked else {})


def field(model: Family, data: Dataset) -> Arrays:
    """D(x) of each member on the nodes of a grid over the box, in bytes, row 0 at the bottom."""
    grid = lattice(data.box, CELLS).to(data.x.device)
    belief = model.belief(grid.expand(model.members, -1, -1)).nan_to_num(0.5)  # type: ignore[operator]
    return {"wall/field": shades(belief).reshape(model.members, CELLS, CELLS)}


def scores(model: Family, history: Rows) -> Arrays:
    """Each member's score as last measured; not a number where there is none."""
    measure, row = measured(history)
    values = row.get(measure) or [None] * model.members
    return {"wall/score": np.asarray([math.nan if v is None else v for v in values], np.float32)}


def measured(history: Rows) -> tuple[Measure, Mapping[str, Any]]:
    """What a member is judged by, and the newest row that has it."""
    for row in reversed(history):
        best = max(map(declared, row), key=lambda measure: measure.score)
        if best.score:
            return best, row
    return declared(""), {}


def ends(measure: Measure, values: Sequence[float | None], data: Dataset) -> tuple[float, float]:
    """The worst and the best of a measure: of those that there are, or of all that there may be."""
    known = [value for value in values if value is not None] or [0.0]
    best = measure.best(data) if measure.best else None
    if best is None:
        low, high = min(known), max(known)
        return (low, high) if measure.better == "higher" else (high, low)
    return (0.0 if measure.better == "higher" else max(1.0, *known)), best


def about(family: type[Family], data: Dataset, axes: Mapping[str, Sequence[float]], history: Rows) -> dict:
    """What the stage must know beside the arrays: the axes, how to read the scores, who has diverged."""
    knobs = family.Config.knobs()
    sides = [
        {"knob": name, "label": "Seed" if name == "seed" else knobs[name].label, "values": list(values)}
        for name, values in axes.items()
    ]
    measure, row = measured(history)
    worst, best = ends(measure, row.get(measure, ()), data)
    scale = {
        "name": measure.says, "unit": measure.unit, "digits": measure.digits, "worst": worst, "best": best,
    }  # fmt: skip
    rows, columns = [*sides, None][:2]
    gone = lost(history[-1]) if history else []
    return {"rows": rows, "columns": columns, "score": scale, "diverged": gone}


def lost(row: Mapping[str, Any]) -> list[int]:
    """The members of which a loss in this row is not a number."""
    lists = [values for name, values in row.items() if name != LEFT_OUT and declared(name).term]
    lists = [values for values in lists if isinstance(values, list)]
    return [i for i, values in enumerate(zip(*lists, strict=True)) if None in values]
