"""The scene of flows: the exact density as a field, beside the data's and the difference of both; samples,
and the grid of z bent into the space of x."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from engine.data import Dataset
from engine.data.targets import Box
from engine.flow.base import Flow
from engine.flow.bases import Uniform
from engine.flow.measures import KL
from engine.space import Line, Picture, Plane
from lab.scenes.arrays import (
    NODES,
    POINTS,
    Arrays,
    Pointer,
    graph,
    halves,
    number,
    pictures,
    shades,
)
from lab.scenes.grid import lattice, nodes

SIDE, COARSE = 64, 32  # nodes of a field along a side; where each costs much
FINE = 141  # cells along a side of the box over which p is integrated
ACROSS = 21  # nodes of the mesh, along a side
LINKS = 31  # from z to x, on a line
IMAGES = 36

LogProb = Callable[[Tensor], Tensor]


def draw(model: Flow, data: Dataset, full: bool, pointer: Pointer) -> Arrays:
    if isinstance(data.space, Picture):
        return {} if "samples" in model.slow else samples(model)
    if isinstance(data.space, Line):
        return line(model, data, full)
    found = {"points/fake": halves(model.sample(POINTS)), "mesh/generator": mesh(model)}
    if full:
        found["points/real"] = halves(data.take(slice(POINTS)))
    return found | fields(model, data)


def rarely(model: Flow, data: Dataset, pointer: Pointer) -> Arrays:
    """What takes long: pictures that are made number by number; the integral of p, far beyond the box."""
    if isinstance(data.space, Picture):
        return samples(model) if "samples" in model.slow else {}
    return number("∫ p over the plane", whole(model, data))


def once(model: Flow, data: Dataset) -> Arrays:
    """The exact density of the data, where it is known."""
    if not isinstance(data.space, Plane) or data.target is None:
        return {}
    p = truth(data, SIDE)
    return {"side/target": shades(p / p.max())}


def samples(model: Flow) -> Arrays:
    return {"images/samples": pictures(model.sample(IMAGES))}


@lru_cache(maxsize=8)
def truth(data: Dataset, side: int) -> Tensor:
    """The exact density of the data on the grid of the box."""
    assert data.box
    assert data.target
    return on_grid(data.box, side, data.target.log_prob, data.x.device)[0]


def on_grid(box: Box, side: int, log_prob: LogProb, device: torch.device) -> tuple[Tensor, float]:
    """A density on the nodes (side, side) of a grid over the box, row 0 at the bottom, and the area that a
    node stands for."""
    x0, x1, y0, y1 = box
    p = log_prob(lattice(box, side).to(device)).exp().reshape(side, side)
    return p, (x1 - x0) * (y1 - y0) / (side - 1) ** 2


def whole(model: Flow, data: Dataset) -> Tensor:
    """The integral of p by midpoints: over the data's box, and in larger cells over a box three times as wide
    and high around it, which holds nearly the whole plane."""
    assert data.box
    x0, x1, y0, y1 = data.box
    dx, dy = x1 - x0, y1 - y0
    if isinstance(data.space, Line):
        x = torch.linspace(x0 - dx, x1 + dx, FINE**2, device=data.x.device)
        return torch.trapezoid(model.log_prob(x[:, None]).exp(), x)
    n = COARSE // 2 * 3 if "density" in model.slow else FINE  # the box is n / 3 larger cells wide
    share = (torch.arange(n, device=data.x.device) + 0.5) / n  # of the box's sides
    near = torch.cartesian_prod(share, share)
    far = 3 * near - 1
    far = far[((far < 0) | (far > 1)).any(1)]
    p = model.log_density(torch.cat([near, far]) * far.new_tensor([dx, dy]) + far.new_tensor([x0, y0])).exp()
    return (p[: n * n].sum() + 9 * p[n * n :].sum()) * dx * dy / n**2


def fields(model: Flow, data: Dataset) -> Arrays:
    """The model's density, what it misses of the data's or adds, and how far apart the two are."""
    side = COARSE if "density" in model.slow else SIDE
    assert data.box
    p, area = on_grid(data.box, side, model.log_density, data.x.device)
    top = p.max()
    found = {}
    if data.target is not None:
        exact = truth(data, side)
        top = exact.max()
        found["side/error"] = shades((exact - p) / top / 2 + 0.5)  # blue: the data have more
        gap = torch.where(exact > 0, exact * (exact.log() - p.clamp(min=1e-30).log()), 0.0)
        found |= number(KL, gap.sum() * area)
    return found | {"field/density": shades(p / top)}


def along(model: Flow, n: int) -> Tensor:
    """n values of one number of z (n,): the base has the same share between any two neighbours. Of a mixture,
    whose pieces lie anywhere, those of N(0, 1)."""
    uniform = isinstance(model.base, Uniform)
    return nodes(n, "uniform" if uniform else "Gaussian", model.device).to(**model.like) * (
        Uniform.EDGE if uniform else 1
    )


def mesh(model: Flow) -> np.ndarray:
    """Where a grid of z lands whose cells hold the same share of the base."""
    z = torch.cartesian_prod(along(model, ACROSS), along(model, ACROSS)).flip(1)
    return halves(model.inverse(z)[0]).reshape(ACROSS, ACROSS, 2)


def line(model: Flow, data: Dataset, full: bool) -> Arrays:
    """On a line: the exact density under the data's, and the curve z = f(x) as links from z to x."""
    assert data.box
    x = torch.linspace(data.box[0], data.box[1], NODES, device=data.x.device)
    p = model.log_prob(x[:, None]).exp()
    z = along(model, LINKS)[:, None]
    found = {
        "line/model density": graph(x, p),
        "links/generator": halves(torch.cat([z, model.inverse(z)[0]], 1)),
    }
    if full and data.target is not None:
        found["line/truth density"] = graph(x, data.target.log_prob(x[:, None]).exp())
    return found
