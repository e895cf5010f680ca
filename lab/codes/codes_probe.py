"""What the tools of codes_tab ask: ways between pictures, sums, planes of codes, handwriting."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.codes.base import Coder
from engine.codes.cvae import CVAE
from engine.config import Refused
from engine.data import Dataset
from lab.codes.codes_scene import mosaic
from lab.codes.digits_probe import codes, decoded, tests
from lab.probes import Answer, only_pictures, seed_of, whole
from lab.probes.brought import place
from lab.probes.ways import along, chosen, summed, ways
from lab.scenes.arrays import pictures

__all__ = ["arithmetic", "interpolate", "manifold", "sheet", "styles"]

SHEET = 40  # numbered test pictures
ROWS = 12  # of handwriting, at most


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
    """How grey the ink of pictures x (n, *shape) is, (n,), from 0 (black and white) to 4: the sum of
    4 g (1 - g) over the sum of g, for greys g from 0 to 1."""
    g = ((x.clamp(-1, 1) + 1) / 2).flatten(1)
    return (4 * g * (1 - g)).sum(1) / g.sum(1).clamp(min=1e-9)


def labels(data: Dataset, index: list[int]) -> list[int] | None:
    """The labels of these test pictures, if there are any."""
    return None if data.test_y is None else data.test_y[index].tolist()


# --- arithmetic ----------------------------------------------------------------------------------


def sheet(model: Coder, data: Dataset, seed: int) -> Answer:
    """A sheet of SHEET test pictures, with three groups (places on the sheet) to begin with: A and B of one
    class, A with more ink than B, and C of another class, with little ink."""
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
    rng, n = np.random.default_rng(seed_of(seed)), len(data.test_x)
    return rng.choice(n, min(SHEET, n), replace=False).tolist()


def arithmetic(model: Coder, data: Dataset, seed: int, A: object, B: object, C: object) -> Answer:
    """The decoded mean A - mean B + mean C of the codes of three groups (Radford et al. 2016, figure 7). A
    model that is told labels gets that of the first picture in C."""
    only_pictures(data)
    index = on_sheet(data, seed)
    x, y = tests(model, data, index)
    z = codes(model, x, y)
    groups = chosen([A, B, C], "test picture", len(index))
    told = None if y is None else y[[groups["A"][0], groups["B"][0], groups["C"][0], groups["C"][0]]]
    return summed(z, groups, lambda z: decoded(model, z, told))


# --- the manifold --------------------------------------------------------------------------------


def manifold(
    model: Coder, data: Dataset, n: int = 20, spread: str = "quantiles", r: float = 2.0,
    u: int = 0, v: int = 1, label: int = 0,
) -> Answer:  # fmt: skip
    """A picture of n x n decoded pictures, over two axes u and v of the code; one row if z is one number.

    The other dimensions stay at 0. Codes lie at "quantiles" of N(0, I), so that each stands
    for the same share of it (Kingma and Welling 2014, figure 4), or "even" within r standard deviations. `at`
    has the places on axis u, from left to right, in standard deviations; axis v grows upwards.
    """
    only_pictures(data)
    dims = model.config.z
    n, u = whole(n, "n", 2, 30), whole(u, "u", 0, dims - 1)
    v = whole(v, "v", 0, dims - 1) if dims > 1 else 0
    if dims > 1 and u == v:
        raise Refused("The two axes are the same; choose two different latent dimensions.")
    y = None
    if model.labelled:
        y = torch.tensor([whole(label, "label", 0, data.space.classes - 1)], device=model.device)
    t = steps(n, spread, r).to(**model.like)
    z = torch.zeros(n if dims > 1 else 1, n, dims, **model.like)
    z[..., u] = t
    if dims > 1:
        z[..., v] = t.flip(0)[:, None]
    tiles = pictures(decoded(model, z.flatten(0, 1), y))
    return {"picture": mosaic(tiles, n), "at": t.tolist()}


def steps(n: int, spread: object, r: object) -> Tensor:
    """Places (n,) on a standard normal: its quantiles (i + 1/2) / n, or evenly spaced from -r to r."""
    if spread == "quantiles":
        return torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n)
    if spread != "even":
        raise Refused(f'spread is {str(spread)[:40]!r}; it must be "quantiles" or "even".')
    if isinstance(r, bool) or not isinstance(r, int | float) or not 0 < r <= 10:
        raise Refused("r is how many standard deviations are shown: a number above 0 and at most 10.")
    return torch.linspace(-r, r, n, dtype=torch.float64)


# --- the handwriting -----------------------------------------------------------------------------


def styles(model: CVAE, data: Dataset, index: object) -> Answer:
    """The z of each of these test pictures, encoded with its own label and decoded with every label: (rows,
    classes, H, W[, 3]). Only z passes from it to the others: the handwriting."""
    only_pictures(data)
    if not isinstance(index, list) or not 1 <= len(index) <= ROWS:
        raise Refused(f"Choose 1 to {ROWS} test pictures.")
    x, y = tests(model, data, [place(data, i) for i in index])
    z, classes = codes(model, x, y), data.space.classes
    every = torch.arange(classes, device=model.device).repeat(len(z))
    drawn = pictures(decoded(model, z.repeat_interleave(classes, 0), every))
    return {
        "originals": pictures(x), "labels": model.known(y).tolist(), "z": z.tolist(),
        "pictures": drawn.reshape(len(z), classes, *drawn.shape[1:]),
    }  # fmt: skip
