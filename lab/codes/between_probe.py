"""What a page may ask any model with codes: what lies between two test pictures, and sums of codes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.codes.base import Coder
from engine.data import Dataset
from lab.codes.digits_probe import codes, decoded, tests
from lab.probes import Answer, only_pictures, seed_of, whole
from lab.probes.brought import place
from lab.probes.ways import along, chosen, summed, ways
from lab.scenes.arrays import pictures

__all__ = ["arithmetic", "interpolate", "sheet"]

SHEET = 40  # numbered test pictures


def interpolate(model: Coder, data: Dataset, a: int, b: int, steps: int = 11) -> Answer:
    """The way from test picture a to test picture b, decoded along the line and the arc between their codes.

    `mixed` has the pictures themselves, cross-faded. A model that is told labels gets that of the nearer end.
    """
    only_pictures(data)
    steps = whole(steps, "steps", 2, 64)
    x, y = tests(model, data, [place(data, a, "a"), place(data, b, "b")])
    z = codes(model, x, y)
    t = torch.linspace(0, 1, steps, **model.like)[:, None]
    nearer = None if y is None else y[(t[:, 0] > 0.5).long()]
    both = ways(z[0], z[1], t)
    answer = along(both, lambda way: decoded(model, way, nearer))
    mixed = torch.lerp(x[0], x[1], t.view(-1, *[1] * (x.ndim - 1)))
    # pixels that are neither black nor white tell where two digits overlap
    grey = {"linear": decoded(model, both["linear"], nearer), "mixed": mixed}
    return answer | {
        "mixed": pictures(mixed), "ends": pictures(x), "labels": labels(data, [a, b]),
        "grey": {name: greyness(x).tolist() for name, x in grey.items()},
    }  # fmt: skip


def greyness(x: Tensor) -> Tensor:
    """How grey the ink of pictures x (n, *shape) is, (n,): 0 for black and white, and at most 4.

    It is the sum of 4 g (1 - g) over the sum of g, for greys g from 0 to 1.
    """
    g = ((x.clamp(-1, 1) + 1) / 2).flatten(1)
    return (4 * g * (1 - g)).sum(1) / g.sum(1).clamp(min=1e-9)


def labels(data: Dataset, index: list[int]) -> list[int] | None:
    """The labels of these test pictures, if there are any."""
    return None if data.test_y is None else data.test_y[index].tolist()


# --- arithmetic ------------------------------------------------------------------------------


def sheet(model: Coder, data: Dataset, seed: int) -> Answer:
    """A sheet of SHEET test pictures, with three groups (places on the sheet) to begin with.

    A and B are of one class, and A has more ink than B. C is of another class and has little ink.
    """
    only_pictures(data)
    index = on_sheet(data, seed)
    x, _ = tests(model, data, index)
    order = x.flatten(1).mean(1).argsort().tolist()  # from little ink to much
    named = labels(data, index) or [i % 2 for i in range(len(order))]
    classes: dict[int, list[int]] = {}
    for i in order:
        classes.setdefault(named[i], []).append(i)
    one, other = [*sorted(classes.values(), key=len, reverse=True), order][:2]
    few = max(1, min(3, len(one) // 2))
    return {"pictures": pictures(x), "index": index, "A": one[-few:], "B": one[:few], "C": other[:few]}


def on_sheet(data: Dataset, seed: int) -> list[int]:
    """The test pictures of the sheet of this seed."""
    rng = np.random.default_rng(seed_of(seed))
    count = min(SHEET, len(data.test_x))
    return rng.choice(len(data.test_x), count, replace=False).tolist()


def arithmetic(model: Coder, data: Dataset, seed: int, A: object, B: object, C: object) -> Answer:
    """The decoded mean A - mean B + mean C of the codes of three groups (Radford et al. 2016, figure 7).

    A model that is told labels gets that of the first picture in C.
    """
    only_pictures(data)
    index = on_sheet(data, seed)
    x, y = tests(model, data, index)
    z = codes(model, x, y)
    groups = chosen([A, B, C], "test picture", len(index))
    told = None if y is None else y[[groups["A"][0], groups["B"][0], groups["C"][0], groups["C"][0]]]
    return summed(z, groups, lambda z: decoded(model, z, told))
