"""What is drawn for a model: named arrays, whose names tell the stage how (`points/fake`, `curve/loss/D`).

A scene is a module `..._scene.py` of a subject's folder, with `draw(model: Flow, data, full, pointer)`; and
with `rarely` and `once` where something takes long to draw, or never changes. A `rarely` that is a generator
draws step by step, so that other runs of its worker have their turn meanwhile. A family without a scene of
its own gets `family_scene`, which needs only `sample`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from engine.data import Dataset
from engine.device import seed
from engine.dispatch import serving
from engine.family import Family
from engine.metrics.measure import Measure, declared
from lab.scenes import wall
from lab.scenes.arrays import Arrays, Pointer

Rows = list[dict[str, Any]]


@torch.no_grad()
def draw(model: Family, data: Dataset, full: bool = True, pointer: Pointer = None) -> Arrays:
    """The picture of a model now. `full` adds what does not change, such as the data's points.

    Scenes run outside the run's random stream, from a fixed seed: the same noise in each frame, so
    points move and do not flicker. `pointer` is what the page looks at.
    """
    seed(0, data.x.device)
    drawn = wall.draw if model.members else serving("scene", "lab", "draw", type(model))[0]
    return drawn(model, data, full, pointer)


@torch.no_grad()
def rarely(model: Family, data: Dataset, pointer: Pointer = None) -> Arrays:
    """What a scene has that takes long to draw, all at once."""
    return {name: array for drawn in rarely_in_steps(model, data, pointer) for name, array in drawn.items()}


@torch.no_grad()
def once(model: Family, data: Dataset) -> Arrays:
    """What never changes in the picture of a run."""
    still = _nearest(model, "once")
    return still(model, data) if still else {}


def rarely_in_steps(model: Family, data: Dataset, pointer: Pointer = None) -> Iterator[Arrays]:
    """The same in as many steps as it takes; the last has it all."""
    seed(0, data.x.device)
    if slow := _nearest(model, "rarely"):
        drawn = slow(model, data, pointer)
        yield from ([drawn] if isinstance(drawn, dict) else drawn)


def takes_steps(model: Family) -> bool:
    """Whether what is drawn rarely takes so long that others must have their turn meanwhile."""
    return inspect.isgeneratorfunction(_nearest(model, "rarely"))


def has_rare(model: Family) -> bool:
    """Whether a scene has something that is drawn rarely, or once."""
    return bool(_nearest(model, "rarely") or _nearest(model, "once"))


def _nearest(model: Family, name: str) -> Callable[..., Any] | None:
    """The function of this name in the scene of the nearest type; a wall has but `draw`."""
    return next(iter(serving("scene", "lab", name, type(model))), None) if not model.members else None


def more(model: Family, data: Dataset, history: Rows, full: bool) -> Arrays:
    """What is drawn of the rows so far."""
    if model.members:
        return wall.scores(model, history)
    return curves(history) | levels(history, data) if full else {}


def curves(history: Rows, most: int = 240) -> Arrays:
    """The rows so far, each measure as it says that it is drawn: a curve, or a part of a sum, as (round,
    value), about `most` long; of bars and of numbers the last ones."""
    known: dict[str, Measure] = {}
    points: dict[Measure, list[tuple[float, Any]]] = {}
    for row in history:
        for name, value in row.items():
            measure = known[name] = known.get(name) or declared(name)
            if name != "round" and isinstance(value, list) == (measure.draw == "bars"):
                points.setdefault(measure, []).append((row["round"], value))
    return {measure.array: _drawn(measure, values, most) for measure, values in points.items()}


def _drawn(measure: Measure, points: list[tuple[float, Any]], most: int) -> np.ndarray:
    if measure.draw in ("bars", "number"):
        return np.asarray(points[-1][1], np.float32).reshape(-1)
    thin = np.asarray([*points[:: -(-len(points) // most)], points[-1]], np.float32)
    return thin * np.asarray([1, measure.sign], np.float32)


def levels(history: Rows, data: Dataset) -> Arrays:
    """What real data score, and two standard errors around it, for the measures that have a floor."""
    recent = {name for row in history[-64:] for name in row}  # at most 64 rows from one measure to the next
    drawn = {}
    for measure in map(declared, sorted(recent)):
        if measure.floor and (floor := measure.floor(data)):
            band = [floor.value, floor.value - 2 * floor.error, floor.value + 2 * floor.error]
            drawn[f"level/{measure.chart}/{floor.says}"] = np.asarray(band, np.float32)
    return drawn


def measures(history: Rows) -> dict[str, dict[str, Any]]:
    """What the stage must know of the measures in these rows, in the order in which they are to stand."""
    names = dict.fromkeys(name for row in history for name in row if name != "round")
    return {str(name): declared(name).shown() for name in names}
