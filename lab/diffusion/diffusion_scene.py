"""The scene of diffusions: where noise goes and the score for points; guesses and samples for pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.quasirandom import SobolEngine

from engine.data import Dataset
from engine.diffusion.base import Denoiser
from engine.diffusion.samplers import Step
from engine.space import Line, Picture
from lab.scenes import family_scene
from lab.scenes.arrays import POINTS, Arrays, Pointer, arrows, halves, number, pictures, pointed, some, turn
from lab.scenes.grid import lattice

STEPS = 10  # of a quick walk
DRAWS = 1024  # samples on a line
PATHS = 40  # of samples of points
SIDE = 14  # of the grid of arrows
LONGEST = 1.2  # length of an arrow at the 95th percentile, in spaces of the grid
IMAGES, DENOISED = 25, 6  # samples, and test pictures
SHARES = (0.1, 0.3, 0.6)  # of T: the levels at which test pictures are denoised


def draw(model: Denoiser, data: Dataset, full: bool, pointer: Pointer) -> Arrays:
    """The picture of a diffusion now."""
    if isinstance(data.space, Picture):
        return {"images/denoised": pictures(denoised(model, data))}
    if isinstance(data.space, Line):
        # a Sobol sequence has no gaps, so that fewer samples show a smooth density
        u = SobolEngine(1, scramble=True, seed=0).draw(DRAWS).clamp(1e-6, 1 - 1e-6)
        return family_scene.line(quick(model, torch.special.ndtri(u).to(**model.like))[-1], data, full)
    arrays: Arrays = {}
    if turn(0, 2):
        way = quick(model, model.p_T(POINTS)[: some(POINTS)])
        arrays = {"points/fake": halves(way[-1]), "paths/reverse": halves(torch.stack(way, 1)[:PATHS])}
    if full:
        arrays["points/real"] = halves(data.take(slice(POINTS)))
    if not turn(1, 2):
        return arrays
    t = pointed(pointer, "t", math.nan)
    return arrays | score_field(model, data, int(t) if 1 <= t <= model.config.T else at(model, 0.3))


def rarely(model: Denoiser, data: Dataset, pointer: Pointer) -> Iterator[Arrays]:
    """What takes long: samples of pictures, step by step, with the labels in turn if the model knows them."""
    if not isinstance(data.space, Picture):
        return
    y = model.labels(IMAGES) if model.conditional else None
    for step in shortly(model, model.p_T(IMAGES), y):
        yield {} if step.t else {"images/samples": pictures(step.x)}


def quick(model: Denoiser, x: Tensor, y: Tensor | None = None) -> list[Tensor]:
    """The way of noise x to samples, in few steps."""
    return [step.x for step in shortly(model, x, y)]


def shortly(model: Denoiser, x: Tensor, y: Tensor | None = None) -> Iterator[Step]:
    """Walk from noise x to samples in at most STEPS steps. Ancestral sampling suffers from few steps: it is
    replaced by the fastest sampler of the same distribution."""
    c, knobs = model.config, dict[str, Any]()
    if min(c.steps, c.T) > STEPS:
        knobs = {"steps": STEPS} | ({"sampler": "DPM-Solver++"} if c.sampler == "DDPM" else {})
    return model.walk_from(x, y, **knobs)


def at(model: Denoiser, share: float) -> int:
    """The level at this share of T."""
    return max(1, round(share * model.config.T))


def score_field(model: Denoiser, data: Dataset, t: int) -> Arrays:
    """The score at level t on a grid, and t."""
    assert data.box
    x = lattice(data.box, SIDE).to(**model.like)
    score = model.score(x, t)
    drawn = arrows(x, score * scale(score, data.box, SIDE, LONGEST))
    return {"arrows/gradient": drawn} | number("t of the arrows", t)


def scale(score: Tensor, box: Any, side: int, longest: float) -> float:
    """The factor that makes the 95th percentile of scores (n, 2) `longest` spaces of the grid long."""
    far = score.norm(dim=1).quantile(0.95).clamp(min=1e-20)
    return float(longest * (box[1] - box[0]) / (side - 1) / far)


def denoised(model: Denoiser, data: Dataset) -> Tensor:
    """A column for each of DENOISED test pictures: at each level x_t, and below it the predicted x_0."""
    x0, y = data.some(DENOISED, test=True)
    y = y if model.conditional else None
    rows = []
    for share in SHARES:
        t = at(model, share)
        x = model.q(x0, t, torch.randn_like(x0))
        rows += [x, model.predict(x, t, y, 1.0)[1]]
    return torch.cat(rows)
