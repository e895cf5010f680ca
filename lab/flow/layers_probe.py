"""Questions to a flow of points: a film of its layers, its density, one place on its way, and its bridges.

As in `engine.flow`, h_0 = x, h_l = f_l(h_{l-1}) and z = h_L.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import reduce

import numpy as np
import torch
from torch import Tensor

from engine.config import Refused
from engine.data import Dataset
from engine.device import precise
from engine.device import seed as reseed
from engine.flow.base import Flow
from engine.flow.transforms import Transform
from engine.space import Plane
from lab.probes import Answer, seed_of, whole
from lab.probes.brought import finite
from lab.scenes.arrays import field, halves, single
from lab.scenes.grid import box_of, cell, lattice, mesh

__all__ = ["bridges", "layers", "plane", "point"]

NODES = 25  # of the mesh, along a side
SIDE, FINE = 64, 128  # nodes along a side of a field: of a layer, and of the model's density
DRAWS = 20_000  # of the base, for its quantiles
INSIDE, MARGIN = 0.98, 0.05  # share of all points in the box of the film, and how much wider it is
LEAST = 0.05  # nats: a smaller log-determinant is not given the full colour
BASE = 3.3  # nearly all of a base lies within
FAR = 1e3  # bound of a coordinate
GRID, COARSE = 200, 64  # nodes of the grid for bridges along a side; the second where each one is expensive
HELD = 0.999  # share of the data; the data are not in the rest of the plane
DEPTH = 12.0  # nats below the largest density: the faintest shade


def in_the_plane(data: Dataset) -> None:
    """Raises `Refused` for data that are no points."""
    if not isinstance(data.space, Plane):
        raise Refused("The way through the layers is drawn in the plane; choose points as the data.")


# --- the film ------------------------------------------------------------------------------------


@torch.no_grad()
def layers(model: Flow, data: Dataset, seed: int = 0, n: int = 400) -> Iterator[Answer]:
    """A film from t = L, the base, to t = 0, the data.

    Samples (fake) go back through the layers; data (real) are encoded up to layer t; a grid of z has cells of
    equal probability if the numbers of the base are independent. The density of h_t is relative to its
    maximum. log|det| of f_t^-1 at each place shows where the layer stretches (more than 128) or squeezes, on
    one scale for all layers.
    """
    in_the_plane(data)
    n = whole(n, "n", 1, 5000)
    reseed(seed_of(seed), model.device)
    L = len(model.transforms)
    z = model.base.sample(n)
    fake, grids = (back(model, start) for start in (z, quantiles(model)))
    x = data.some(n)[0]
    real = [x, *(h for h, _ in model.average.way(x))]
    box = around([*fake, *real], data)
    grid = lattice(box, nodes_of(model, SIDE)).to(**model.like)
    steps = [grid.new_zeros(len(grid)), *(f.inverse(grid)[1] for f in model.transforms)]
    scale = max(LEAST, strongest(torch.cat(steps[1:])))
    first: Answer = {"T": L, "box": box}
    for t in range(L, -1, -1):
        yield first | {
            "t": t,
            "note": model.transforms[t - 1].title if t else "",
            "numbers": {"scale of the colours": scale},
            "h/points/fake": halves(fake[L - t]),
            "h/points/real": halves(real[t]),
            "h/mesh/generator": halves(grids[L - t]).reshape(NODES, NODES, 2),
            "density/field/density": field(relative(density(model, grid, t))),
            "stretch/field/stretch": field(((1 + steps[t] / scale) / 2).nan_to_num(0.5)),
        }
        first = {}


def back(model: Flow, z: Tensor) -> list[Tensor]:
    """The way h_L = z, h_{L-1}, ..., h_0 = x."""
    return [z, *(h for h, _ in model.average.back(z))]


def quantiles(model: Flow) -> Tensor:
    """A grid of z (NODES^2, 2), row by row: along each side the quantiles of that number."""
    z = model.base.sample(DRAWS).float()
    share = (torch.arange(NODES, device=z.device) + 0.5) / NODES
    across, up = z.quantile(share, 0).to(**model.like).T
    return mesh(across, up)


def around(clouds: list[Tensor], data: Dataset) -> list[float]:
    """A square around INSIDE of all points and around the box of the data."""
    assert data.box
    h = torch.cat(clouds).float()
    h = h[h.isfinite().all(1)]
    tail = (1 - INSIDE) / 2
    low, high = h.quantile(h.new_tensor([tail, 1 - tail]), 0).tolist() if len(h) else ([0.0] * 2, [0.0] * 2)
    room = [MARGIN * (b - a) for a, b in zip(low, high, strict=True)]
    x0, x1, y0, y1 = data.box
    across = min(low[0] - room[0], x0), max(high[0] + room[0], x1)
    up = min(low[1] - room[1], y0), max(high[1] + room[1], y1)
    return box_of([across, up])


def nodes_of(model: Flow, side: int) -> int:
    """Nodes along a side of a field: half as many where each one is expensive."""
    return side // 2 if "density" in model.slow else side


def density(model: Flow, h: Tensor, t: int) -> Tensor:
    """The log-density of h_t (n,): that of the base through the layers t + 1 ... L."""
    total = h.new_zeros(len(h))
    for f in model.transforms[t:]:
        h, log_det = f(h)
        total = total + log_det
    return model.base.log_prob(h) + total


def strongest(values: Tensor) -> float:
    """The absolute value that 99 % of these do not exceed."""
    sizes = values.abs().float()
    sizes = sizes[sizes.isfinite()]
    return float(np.quantile(sizes.cpu().numpy(), 0.99)) if len(sizes) else 0.0


def relative(log_p: Tensor) -> Tensor:
    """The density as a share of its maximum; 0 where there is none."""
    log_p = log_p.nan_to_num(-math.inf, -math.inf, -math.inf)
    return (log_p - log_p.max().clamp(min=-1e30)).exp()


# --- one place -----------------------------------------------------------------------------------


@torch.no_grad()
def plane(model: Flow, data: Dataset) -> Answer:
    """The density on a grid relative to its maximum, some of the data, and its integral, the `mass`."""
    in_the_plane(data)
    assert data.box
    x0, x1, y0, y1 = data.box
    box = box_of([(min(x0, -BASE), max(x1, BASE)), (min(y0, -BASE), max(y1, BASE))])
    side = nodes_of(model, FINE)
    log_p = model.log_prob(lattice(box, side).to(**model.like))
    p = log_p.exp().nan_to_num(0).reshape(side, side)
    step = (box[1] - box[0]) / (side - 1)  # of a square
    mass = torch.trapezoid(torch.trapezoid(p)).item() * step**2
    return {
        "field/density": field(relative(log_p)),
        "points/real": halves(data.some(400)[0]),
        "box": box,
        "mass": finite(mass),
    }


@torch.no_grad()
def point(model: Flow, data: Dataset, x: float, y: float) -> Answer:
    """The way h_0 = x ... h_L = z of one place, with log|det| and the Jacobian of each layer, and df/dx.

    All in float64. `truth` is the data's log-density where this is known; None where it is -inf.
    """
    in_the_plane(data)
    exact = precise(model).requires_grad_(False)
    start = torch.tensor([[coordinate(x, "x"), coordinate(y, "y")]], **exact.like)
    steps = exact.average.way(start)
    way, log_dets = [start, *(h for h, _ in steps)], torch.cat([log_det for _, log_det in steps])
    jacobians = [jacobian(f, h) for f, h in zip(exact.transforms, way[:-1], strict=True)]
    log_pz = exact.base.log_prob(way[-1])
    numbers = {
        "log_pz": log_pz.item(),
        "log_px": (log_pz + log_dets.sum()).item(),
        "inversion": (start - back(exact, way[-1])[-1]).abs().max().item(),
    }
    if data.target is not None:
        numbers["truth"] = data.target.log_prob(start).item()
    return {
        "way": single(torch.cat(way)),
        "log_dets": single(log_dets),
        "jacobians": single(torch.stack(jacobians)),
        "jacobian": single(reduce(lambda so_far, J: J @ so_far, jacobians, torch.eye(2).to(start))),
        "titles": [f.title for f in exact.transforms],
        "numbers": {name: finite(value) for name, value in numbers.items()},
    }


def coordinate(value: object, name: str) -> float:
    """A number between -FAR and FAR. Raises `Refused`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < FAR:
        raise Refused(f"{name} is {str(value)[:40]!r}; it must be a number between −{FAR:g} and {FAR:g}.")
    return float(value)


def jacobian(f: Transform, h: Tensor) -> Tensor:
    """The Jacobian dz_i/dx_j (D, D) at one x = h (1, D)."""
    with torch.enable_grad():  # not torch.func, which the ODE solver does not support
        return torch.autograd.functional.jacobian(lambda x: f(x)[0][0], h)[:, 0]


# --- why it is not perfect -------------------------------------------------------------------------


@torch.no_grad()
def bridges(model: Flow, data: Dataset) -> Answer:
    """How much of the model's mass lies outside the smallest region that has HELD of the data.

    Pictures of logarithms of densities on a grid over the box: `model`, `data`, and `between`, the model
    outside the region. Numbers: the `share` of the model's mass there, the least `cost` of it, and the whole
    `divergence` KL(data || model), in nats. For the region alone, data and model are two coins, and
    KL(data || model) is no less than theirs.
    """
    if not isinstance(data.space, Plane):
        raise Refused("Bridges are measured in the plane; choose points as the data.")
    assert data.box
    side = COARSE if "density" in model.slow else GRID
    grid = lattice(data.box, side).to(**model.like)
    area = cell(data.box, side)
    log_q = model.log_prob(grid)
    if data.target is None:
        note = "These data are a table: nobody knows their density, nor where it is zero."
        return {"model": tones(log_q), "note": note}
    log_p = data.target.log_prob(precise(grid))
    p, q = log_p.exp() * area, log_q.exp() * area
    order = p.argsort(descending=True)
    first = int((p[order].cumsum(0) < HELD * p.sum()).sum()) + 1
    outside = torch.ones_like(p, dtype=torch.bool)
    outside[order[:first]] = False
    held, kept = float(p[~outside].sum() / p.sum()), float(q[~outside].sum() / q.sum())
    return {
        "model": tones(log_q),
        "data": tones(log_p),
        "between": tones(torch.where(outside, log_q, -math.inf), top=log_q.max()),
        "share": 1 - kept,
        "held": held,
        "cost": coin(held, kept),
        "divergence": float(torch.where(p > 0, p * (log_p - log_q.clamp(min=-1e3)), 0.0).sum()),
        "note": "",
    }


def coin(p: float, q: float) -> float:
    """KL of a coin that shows heads with probability p from one with probability q, in nats."""
    return sum(a * math.log(a / max(b, 1e-300)) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0)


def tones(log_p: Tensor, top: Tensor | None = None) -> np.ndarray:
    """Logarithms (side^2,) as bytes (side, side), 0 from DEPTH below the top on."""
    top = log_p.max() if top is None else top
    return field(1 + (log_p.clamp(min=-1e6) - top) / DEPTH)
