"""The scene of flows: the exact density, beside that of the data and their difference, and samples.

A grid of z is drawn where the flow maps it in the space of x.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from engine.data import Dataset
from engine.flow.base import Flow
from engine.flow.bases import Uniform
from engine.space import Line, Picture, Plane
from lab.scenes.arrays import (
    NODES,
    POINTS,
    Arrays,
    Pointer,
    field,
    graph,
    halves,
    number,
    per_side,
    pictures,
    some,
    turn,
)
from lab.scenes.grid import lattice, mesh, nodes

SIDE, COARSE = 64, 32  # nodes of a field along a side; the second where each one is expensive
FINE = 141  # cells along a side of the box over which p is integrated
ACROSS = 21  # nodes of the mesh, along a side
LINKS = 31  # from z to x, on a line
IMAGES = 36


def draw(model: Flow, data: Dataset, full: bool, pointer: Pointer) -> Arrays:
    """The picture of a flow now; for pictures nothing if their samples are slow."""
    if isinstance(data.space, Picture):
        return {} if "samples" in model.slow else {"images/samples": pictures(model.sample(IMAGES))}
    if isinstance(data.space, Line):
        return line(model, data, full)
    arrays: Arrays = {}
    if turn(0, 2):
        arrays["points/fake"] = halves(model.sample(some(POINTS)))
    if turn(1, 4):
        arrays["mesh/generator"] = bent_grid(model)
    if full:
        arrays["points/real"] = halves(data.take(slice(POINTS)))
    return arrays | fields(model, data) if turn(3, 4) else arrays


def rarely(model: Flow, data: Dataset, pointer: Pointer) -> Arrays:
    """What takes long: the integral of p far beyond the box."""
    if isinstance(data.space, Picture):
        return {}
    where = "line" if isinstance(data.space, Line) else "plane"
    return number(f"∫ p over the {where}", mass(model, data))


def once(model: Flow, data: Dataset) -> Arrays:
    """The exact density of the data, where it is known."""
    if not isinstance(data.space, Plane) or data.target is None:
        return {}
    p = truth(data, SIDE)
    return {"side/target": field(p / p.max())}


@lru_cache(maxsize=8)
def truth(data: Dataset, side: int) -> Tensor:
    """The exact density of the data (side^2,) at the nodes of a `lattice` over the box."""
    assert data.box
    assert data.target
    return data.target.log_prob(lattice(data.box, side).to(data.x.device)).exp()


def mass(model: Flow, data: Dataset) -> Tensor:
    """The integral of p by midpoints, over the box of the data and over one three times as wide and high.

    The larger box, in larger cells, holds nearly the whole plane.
    """
    assert data.box
    x0, x1, y0, y1 = data.box
    dx, dy = x1 - x0, y1 - y0
    if isinstance(data.space, Line):
        x = torch.linspace(x0 - dx, x1 + dx, FINE**2, device=data.x.device)
        return torch.trapezoid(model.log_density(x[:, None]).exp(), x)
    n = COARSE // 2 * 3 if "density" in model.slow else FINE  # the box is n / 3 larger cells wide
    share = (torch.arange(n, device=data.x.device) + 0.5) / n  # of the box's sides
    near = torch.cartesian_prod(share, share)
    far = 3 * near - 1
    far = far[((far < 0) | (far > 1)).any(1)]
    p = model.log_density(torch.cat([near, far]) * far.new_tensor([dx, dy]) + far.new_tensor([x0, y0])).exp()
    return (p[: n * n].sum() + 9 * p[n * n :].sum()) * dx * dy / n**2


def fields(model: Flow, data: Dataset) -> Arrays:
    """The model's density; and, where that of the data is known, the difference."""
    side = per_side(COARSE if "density" in model.slow else SIDE)
    assert data.box
    p = model.log_density(lattice(data.box, side).to(data.x.device)).exp()
    if data.target is None:
        return {"field/density": field(p / p.max())}
    exact = truth(data, side)
    top = exact.max()
    return {
        "side/error": field((exact - p) / top / 2 + 0.5),  # blue: the data have more
        "field/density": field(p / top),
    }


def along(model: Flow, n: int) -> Tensor:
    """Find n values of one number of z (n,), with equal mass of the base between neighbours.

    For a mixture, whose components lie anywhere, they are those of N(0, 1).
    """
    uniform = isinstance(model.base, Uniform)
    values = nodes(n, "uniform" if uniform else "Gaussian", model.device).to(**model.like)
    return values * (Uniform.EDGE if uniform else 1)


def bent_grid(model: Flow) -> np.ndarray:
    """Where the flow maps a grid of z whose cells have equal mass."""
    z = mesh(along(model, ACROSS), along(model, ACROSS))
    return halves(model.inverse(z)[0]).reshape(ACROSS, ACROSS, 2)


def line(model: Flow, data: Dataset, full: bool) -> Arrays:
    """On a line: the exact density beside that of the data, and the curve z = f(x) as links from z to x."""
    assert data.box
    x = torch.linspace(data.box[0], data.box[1], NODES, device=data.x.device)
    p = model.log_density(x[:, None]).exp()
    z = along(model, LINKS)[:, None]
    arrays = {
        "line/model density": graph(x, p),
        "links/generator": halves(torch.cat([z, model.inverse(z)[0]], 1)),
    }
    if full and data.target is not None:
        arrays["line/truth density"] = graph(x, data.target.log_prob(x[:, None]).exp())
    return arrays
