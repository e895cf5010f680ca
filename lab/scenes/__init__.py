"""What is drawn for a model: named arrays, whose names tell the stage how (`points/fake`, `curve/loss/D`).

A family without a scene of its own gets `generic`, which needs only `sample`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from engine.data import Dataset
from engine.device import seed
from engine.family import Family, beside
from engine.metrics import floors
from lab.scenes import generic, wall

Arrays = dict[str, np.ndarray]


@torch.no_grad()
def draw(model: Family, data: Dataset, full: bool = True, pointer: dict[str, Any] | None = None) -> Arrays:
    """The picture of a model now. `full` adds what does not change, such as the data's points.

    Scenes run outside the run's random stream, from a fixed seed: the same noise in each frame, so
    points move and do not flicker.
    """
    own = [wall] if model.members else [*beside(__name__, type(model)), generic]
    seed(0, data.x.device)
    return own[0].draw(model, data, full, pointer)


def more(model: Family, data: Dataset, history: list[dict[str, Any]], full: bool) -> Arrays:
    """What is drawn of the rows so far."""
    if model.members:
        return wall.scores(model, history)
    return curves(history) | levels(history, data) if full else {}


def curves(history: list[dict[str, Any]], most: int = 240) -> Arrays:
    """The rows so far as `curve/<chart>/<term>` arrays of (round, value), about `most` long."""
    terms: dict[str, list[tuple[float, float]]] = {}
    for row in history:
        for term, value in row.items():
            if term != "round" and not isinstance(value, list):
                terms.setdefault(term, []).append((row["round"], value))
    found = {}
    for term, points in terms.items():
        thin = points[:: -(-len(points) // most)]
        found[f"curve/{_chart(term)}/{term}"] = np.asarray([*thin, points[-1]], np.float32)
    return found


def levels(history: list[dict[str, Any]], data: Dataset) -> Arrays:
    """What real points score in the charts of quality: the floor, and two standard errors around it."""
    recent = {term for row in history[-64:] for term in row}  # at most 64 rows from one measure to the next
    if "JS" not in recent:
        return {}
    found = {}
    for term, (value, error) in floors(data).items():
        band = [value, value - 2 * error, value + 2 * error]
        found[f"level/{_chart(term)}/real data"] = np.asarray(band, np.float32)
    return found


CHARTS = {
    "modes": "modes found",
    "high-quality": "high-quality share",
    "sliced Wasserstein": "distance from the data",
    "JS": "JS divergence, bits",
    "D(x)": "belief of D",
    "D(G(z))": "belief of D",
    "gradient": "gradient at a fake",
}


def _chart(term: str) -> str:
    return CHARTS.get(term, "loss")
