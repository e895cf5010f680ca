"""The score as a film: which way the density rises at each level of noise, by the model and exactly."""

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
from lab.diffusion.diffusion_scene import arrows, lattice, scale
from lab.diffusion.films_probe import level, opening
from lab.probes import Answer, seed_of
from lab.scenes.arrays import halves

__all__ = ["score"]

LEVELS = 25
SIDE, COARSE, FINE = 16, 8, 48  # of grids: of the score, of guesses, of the error
SHOWN, JUDGED = 200, 2000  # examples, drawn and used to measure
LONGEST = 1.3  # spaces of the grid: an arrow at the 95th percentile
WORST = 0.5  # of an error in eps that is drawn strongest


@torch.no_grad()
def score(model: Denoiser, data: Dataset, seed: int = 0) -> Iterator[Answer]:
    """At LEVELS levels from T to 1: the score on a grid, as the model has it ("model") and, where it is
    known, exactly ("exact"), both on one scale; E[x_0 | x_t] as arrows from x_t ("x0"); and how far the
    model's eps, which is the score times the noise, is from the exact one ("error", WORST and more is 255).
    Below all lie data with the noise of that level."""
    if not isinstance(data.space, Plane):
        raise Refused("The score is drawn as arrows in the plane; choose points as the data.")
    it = exact(data)
    screens = ["model", "exact", "x0"] if it else ["model"]
    first = opening(model, data)
    box = first["box"]
    fine, grid, coarse = (lattice(box, side).to(**model.like) for side in (FINE, SIDE, COARSE))
    x0 = data.some(JUDGED, test=True)[0]
    reseed(seed_of(seed), model.device)
    eps = torch.randn_like(x0)
    for t in [1 + t for t in levels(model.config.T - 1, LEVELS - 1)]:
        x, signal, noise = model.q(x0, t, eps), float(model.signal[t]), float(model.noise[t])
        found: Answer = {"t": t, "numbers": level(model, t)}
        found |= {f"{screen}/points/real": halves(x[:SHOWN]) for screen in screens}
        scores = {"model": model.score(grid, t)}
        if it:
            scores["exact"] = it.score(grid, signal, noise)
            away = model.predict(fine, t)[0] - it.predict(fine, signal, noise)[0]
            found["error/field/error"] = (
                (away.norm(dim=1) / WORST).clamp(max=1).mul(255).byte().reshape(FINE, FINE).cpu().numpy()
            )
            found["x0/arrows/model"] = arrows(coarse, model.predict(coarse, t)[1] - coarse)
            found["x0/arrows/truth"] = arrows(coarse, it.predict(coarse, signal, noise)[1] - coarse)
            found["numbers"]["relative error"] = it.error(model, x0, t)
        length = scale([*scores.values()][-1], box, SIDE, LONGEST)
        for name, it_says in scores.items():
            found[f"{name}/arrows/score"] = arrows(grid, it_says * length)
        found["numbers"]["score of an arrow of length 1"] = 1 / length
        yield first | found
        first = {}
