"""The score as a film: where the density rises at each noise level, for the model and exactly."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from engine.config import Refused
from engine.data import Dataset
from engine.device import seed as reseed
from engine.diffusion.base import Denoiser
from engine.diffusion.exact import exact
from engine.diffusion.schedule import levels
from engine.space import Plane
from lab.diffusion.diffusion_scene import scale
from lab.diffusion.films_probe import level, opening
from lab.probes import Answer, seed_of
from lab.scenes.arrays import arrows, field, halves
from lab.scenes.grid import lattice

__all__ = ["score"]

LEVELS = 25
SIDE, COARSE, FINE = 16, 8, 48  # of grids: of the score, of guesses, of the error
SHOWN, MEASURED = 200, 2000  # examples that are drawn, and on which the error is measured
LONGEST = 1.3  # length of an arrow at the 95th percentile, in spaces of the grid
WORST = 0.5  # error in eps that gets the strongest shade


@torch.no_grad()
def score(model: Denoiser, data: Dataset, seed: int = 0) -> Iterator[Answer]:
    """A film of the score on a grid at LEVELS levels from T to 1, over data with the noise of that level.

    Screen "model" shows the model's score. Where the exact one is known, "exact" shows it on the same scale,
    "x0" has arrows from x_t to E[x_0 | x_t], and "error" shows the error of eps (WORST and more is 255).
    """
    if not isinstance(data.space, Plane):
        raise Refused("The score is drawn as arrows in the plane; choose points as the data.")
    best = exact(data)
    screens = ["model", "exact", "x0"] if best else ["model"]
    first = opening(model, data)
    box = first["box"]
    fine, grid, coarse = (lattice(box, side).to(**model.like) for side in (FINE, SIDE, COARSE))
    x0 = data.some(MEASURED, test=True)[0]
    reseed(seed_of(seed), model.device)
    eps = torch.randn_like(x0)
    for t in [1 + t for t in levels(model.config.T - 1, LEVELS - 1)]:
        x, signal, noise = model.q(x0, t, eps), float(model.signal[t]), float(model.noise[t])
        part: Answer = {"t": t, "numbers": level(model, t)}
        part |= {f"{screen}/points/real": halves(x[:SHOWN]) for screen in screens}
        scores = {"model": model.score(grid, t)}
        if best:
            scores["exact"] = best.score(grid, signal, noise)
            away = model.predict(fine, t)[0] - best.predict(fine, signal, noise)[0]
            part["error/field/error"] = field(away.norm(dim=1) / WORST)
            part["x0/arrows/model"] = arrows(coarse, model.predict(coarse, t)[1] - coarse)
            part["x0/arrows/truth"] = arrows(coarse, best.predict(coarse, signal, noise)[1] - coarse)
            part["numbers"]["relative error"] = best.error(model, x0, t)
        length = scale([*scores.values()][-1], box, SIDE, LONGEST)
        for name, values in scores.items():
            part[f"{name}/arrows/score"] = arrows(grid, values * length)
        part["numbers"]["score of an arrow of length 1"] = 1 / length
        yield first | part
        first = {}
