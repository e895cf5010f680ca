"""The reverse process as films: from noise to data, between two noises, and at several guidances."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from engine.config import Refused
from engine.data import Dataset
from engine.device import seed as reseed
from engine.diffusion.base import Denoiser
from engine.diffusion.samplers import Step
from engine.space import Picture
from lab.diffusion.films_probe import SHOWN, filmed, knobs_of, named, noiseless, real, told, walked
from lab.probes import Answer, only_pictures, seed_of
from lab.probes.ways import arc
from lab.scenes.arrays import halves
from lab.scenes.grid import mesh, nodes

__all__ = ["between", "guided", "reverse"]

NODES = 21  # of the mesh, along a side
SCALES = (0.0, 1.0, 2.0, 4.0, 8.0)  # of guidance
ROWS = 8  # and columns, of a grid of pictures between two noises
ALONG = 64  # points between two noises


@torch.no_grad()
def reverse(
    model: Denoiser, data: Dataset, seed: int = 0, label: int | None = None, **knobs: Any
) -> Iterator[Answer]:
    """A film of samples from x_T to x_0; `knobs` are other values for the sampler. If no noise is added, a
    grid of noise goes the same way as a mesh, whose cells hold equal shares of it."""
    filmed(data)
    c, n = knobs_of(model, knobs), SHOWN[data.space.kind]
    y = told(model, label, n)
    reseed(seed_of(seed), model.device)
    walk = model.walk_from(model.p_T(n), y, **knobs)
    film = walked(model, data, walk, c.steps, real("x_t", data) | named("x_t", y))
    if isinstance(data.space, Picture) or adds_noise(c) or (y is not None and label is None):
        yield from film
        return
    side = nodes(NODES, "Gaussian", model.device)
    grid = mesh(side, side).to(**model.like)
    beside = model.walk_from(grid, told(model, label, len(grid)), **knobs)
    for part in film:
        there = next(step.x for step in beside if step.t == part["t"])
        yield part | {"x_t/mesh/generator": halves(there).reshape(NODES, NODES, 2)}


def adds_noise(c: Any) -> bool:
    """Whether the sampler of this config adds noise on its way."""
    return c.sampler.startswith("DDPM") or (c.sampler == "DDIM" and c.eta > 0)


@torch.no_grad()
def between(
    model: Denoiser, data: Dataset, seed_a: int, seed_b: int, label: int | None = None
) -> Iterator[Answer]:
    """A film of samples from noises along the arc between two ends, which keeps |x_T| typical of noise: for
    pictures from ROWS pairs of ends, a row each; for points from one pair, with a line through samples."""
    filmed(data)
    image = isinstance(data.space, Picture)
    pairs, along = (ROWS, ROWS) if image else (1, ALONG)
    ends = []
    for name, value in {"seed_a": seed_a, "seed_b": seed_b}.items():
        reseed(seed_of(value, name), model.device)
        ends.append(model.p_T(pairs).flatten(1))
    share = torch.linspace(0, 1, along, **model.like)[:, None]
    x = torch.cat([arc(a, b, share) for a, b in zip(*ends, strict=True)]).unflatten(1, model.space.shape)
    y = told(model, label, pairs)
    y = None if y is None else y.repeat_interleave(along)
    walk = model.walk_from(x, y, **noiseless(model))
    for part in walked(model, data, walk, model.config.steps, real("x_t", data)):
        yield part if image else part | {"x_t/paths/between": part["x_t/points/fake"][None]}


@torch.no_grad()
def guided(model: Denoiser, data: Dataset, seed: int = 0) -> Iterator[Answer]:
    """A film from one noise: a row for each of SCALES, a column for each class, in one picture."""
    only_pictures(data)
    if not model.conditional:
        raise Refused("Guidance needs a model that was trained with labels; train one with labels.")
    columns = min(10, model.space.classes)
    reseed(seed_of(seed), model.device)
    x, y = model.p_T(1).expand(columns, *model.space.shape), model.labels(columns)
    walks = [model.walk_from(x, y, guidance=scale, **noiseless(model)) for scale in SCALES]
    for part in walked(model, data, map(together, *walks), model.config.steps, {}):
        yield {name: sheet(value, columns) if "/images/" in name else value for name, value in part.items()}


def together(*steps: Step) -> Step:
    """Join steps at the same level into one."""
    x, eps, x0 = (torch.cat([getattr(step, name) for step in steps]) for name in ("x", "eps", "x0"))
    return Step(steps[0].t, x, eps, x0)


def sheet(tiles: np.ndarray, columns: int) -> np.ndarray:
    """Pictures (n, H, W[, 3]) in bytes as one picture (1, ...) with so many columns and grey lines."""
    lined = np.pad(tiles, [(0, 0), (0, 2), (0, 2), *[(0, 0)] * (tiles.ndim - 3)], constant_values=128)
    n, h, w, *colour = lined.shape
    grid = lined.reshape(n // columns, columns, h, w, *colour).swapaxes(1, 2)
    return np.ascontiguousarray(grid.reshape(1, n // columns * h, columns * w, *colour)[:, :-2, :-2])
