"""What is drawn for a model: named arrays, whose names tell the stage how (`points/fake`, `curve/loss/D`).

A family without a scene of its own gets `generic`, which needs only `sample`.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import torch

from engine.data import Dataset
from engine.device import seed
from engine.families import style
from engine.family import Family, beside
from engine.flow import BITS, NLL
from engine.metrics import floors
from engine.metrics.flow import KL
from lab.scenes import generic, wall

Arrays = dict[str, np.ndarray]
Pointer = dict[str, dict[str, float]] | None


@torch.no_grad()
def draw(model: Family, data: Dataset, full: bool = True, pointer: Pointer = None) -> Arrays:
    """The picture of a model now. `full` adds what does not change, such as the data's points.

    Scenes run outside the run's random stream, from a fixed seed: the same noise in each frame, so
    points move and do not flicker. `pointer` is what the page looks at, by kind: {"label": {"x": 3, "y": 0}}.
    """
    seed(0, data.x.device)
    return scene(model).draw(model, data, full, pointer)


@torch.no_grad()
def rarely(model: Family, data: Dataset, once: bool = True, pointer: Pointer = None) -> Arrays:
    """What a scene has that takes long to draw; and `once` what never changes."""
    if not has_rare(model):
        return {}
    seed(0, data.x.device)
    found = scene(model).rarely(model, data, pointer)
    return found | scene(model).once(model, data) if once else found


def has_rare(model: Family) -> bool:
    return hasattr(scene(model), "rarely")


def scene(model: Family) -> ModuleType:
    """The module that draws this model."""
    return wall if model.members else [*beside(__name__, type(model)), generic][0]


def more(model: Family, data: Dataset, history: list[dict[str, Any]], full: bool) -> Arrays:
    """What is drawn of the rows so far."""
    if model.members:
        return wall.scores(model, history)
    return curves(history) | levels(history, data) if full else {}


def curves(history: list[dict[str, Any]], most: int = 240) -> Arrays:
    """The rows so far as arrays of (round, value), about `most` long: `curve/<chart>/<term>`, or `stack/...`
    for terms that are parts of a sum. Of lists with a name in BARS the last one, as `bars/<name>`."""
    terms: dict[str, list[tuple[float, float]]] = {}
    found: Arrays = {}
    for row in history:
        for term, value in row.items():
            if term in BARS:
                found[f"bars/{term}"] = np.asarray(value, np.float32)
            elif term != "round" and not isinstance(value, list):
                terms.setdefault(term, []).append((row["round"], value))
    for term, points in terms.items():
        thin = np.asarray([*points[:: -(-len(points) // most)], points[-1]], np.float32)
        if term in STACKS:
            name, sign = STACKS[term]
            found[f"stack/{name}"] = thin * np.asarray([1, sign], np.float32)
        elif term in NUMBERS:
            found[f"number/{term}"] = thin[-1, 1:]
        else:
            found[f"curve/{_chart(term)}/{term}"] = thin
    return found


def levels(history: list[dict[str, Any]], data: Dataset) -> Arrays:
    """What real points score in the charts of quality: the floor, and two standard errors around it. Of a
    negative log-likelihood the floor is the data's entropy."""
    recent = {term for row in history[-64:] for term in row}  # at most 64 rows from one measure to the next
    found = {}
    if NLL in recent and data.target is not None:
        least = data.target.entropy()
        found[f"level/{_chart(NLL)}/entropy"] = np.asarray([least] * 3, np.float32)
    if "JS" not in recent:
        return found
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
    "ELBO": "bound on log p(x)",
    "log p(x)": "bound on log p(x)",
    "test error": "test error",
    "test loss": "test loss",
    "score error": "score error",
    NLL: NLL,
    f"test {NLL}": NLL,
    BITS: BITS,
    f"test {BITS}": BITS,
}
STACKS = {"reconstruction": ("minus ELBO/−reconstruction", -1), "KL": ("minus ELBO/KL", 1)}  # and the sign
STACKS |= {term: (f"loss of the layers/{term}", 1) for term in style.TERMS}
BARS = ("KL of each dimension", "loss by t")
NUMBERS = ("active units", "holes", "sharpness", KL, "frozen")


def _chart(term: str) -> str:
    return CHARTS.get(term, "loss")
