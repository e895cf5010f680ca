"""Denoising applied to one picture: fill in a part of it, or turn a drawing into a digit."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from engine.config import Refused
from engine.data import Dataset, floats
from engine.device import seed as reseed
from engine.diffusion.base import Denoiser
from engine.diffusion.samplers import Step, ended
from engine.diffusion.schedule import levels
from lab.diffusion.films_probe import noiseless, told, walked
from lab.diffusion.noising_probe import further
from lab.probes import Answer, only_pictures, seed_of, whole
from lab.probes.brought import place, shown
from lab.scenes.arrays import pictures

__all__ = ["inpaint", "redraw"]

FILLED = 16  # samples
STEPS = 25  # of filling in
AGAIN = 2  # times that each step is made


@torch.no_grad()
def inpaint(
    model: Denoiser, data: Dataset, index: int, mask: str = "right", seed: int = 0
) -> Iterator[Answer]:
    """A film of FILLED ways to fill in a part of test picture `index`, whose label the model is told: the
    "left", "right", "top" or "bottom" half, or the "middle"."""
    only_pictures(data)
    known = floats(data.test_x[[place(data, index)]])
    hidden = masked(mask, known)
    label = int(data.test_y[index]) if model.conditional and data.test_y is not None else None
    y = told(model, label, FILLED)
    reseed(seed_of(seed), model.device)
    still = {
        "still/known/images/known": pictures(known.masked_fill(hidden, 0)),
        "still/whole/images/real": pictures(known),
    }
    stops = levels(model.config.T, STEPS)
    yield from walked(model, data, filled(model, known, hidden, y, stops), STEPS, still)


def masked(mask: Any, x: Tensor) -> Tensor:
    """A mask (H, W), True where pictures (n, C, H, W) are hidden. Raises `Refused`."""
    high, wide = x.shape[-2:]
    half, side = slice(high // 2), slice(wide // 2)
    parts = {
        "left": (slice(None), side), "right": (slice(None), slice(wide // 2, None)),
        "top": (half, slice(None)), "bottom": (slice(high // 2, None), slice(None)),
        "middle": (slice(high // 4, high - high // 4), slice(wide // 4, wide - wide // 4)),
    }  # fmt: skip
    if not isinstance(mask, str) or mask not in parts:
        raise Refused(f"mask is {str(mask)[:40]!r}; it must be one of {', '.join(parts)}.")
    hidden = torch.zeros(high, wide, dtype=torch.bool, device=x.device)
    hidden[parts[mask]] = True
    return hidden


def filled(
    model: Denoiser, known: Tensor, hidden: Tensor, y: Tensor | None, stops: list[int]
) -> Iterator[Step]:
    """RePaint (Lugmayr et al. 2022, https://arxiv.org/abs/2201.09865, algorithm 1): at every level the known
    pixels are drawn from q(x_t | x_0), and each step is undone and repeated, so that the others fit them."""
    x = model.p_T(FILLED)
    knobs = {"sampler": "DDPM", "variance": "posterior"} if "DDPM" in model.samplers else {}
    for t, s in pairwise(stops):
        for turn in range(AGAIN):
            if turn:
                x = further(model, x, s, t)
            x = torch.where(hidden, x, model.q(known, t, torch.randn_like(x)))
            step, then = model.walk_from(x, y, stops=[t, s], **knobs)
            x = then.x
        yield step
    yield ended(torch.where(hidden, x, known))


@torch.no_grad()
def redraw(
    model: Denoiser, data: Dataset, picture: str, t: int, seed: int = 0, label: int | None = None
) -> Iterator[Answer]:
    """SDEdit (Meng et al. 2022, https://arxiv.org/abs/2108.01073), FILLED times: a drawing (784 bytes in
    base64) is noised to level t and denoised from there."""
    only_pictures(data)
    drawing = shown(data, picture, None, False)
    t = whole(t, "t", 1, model.config.T)
    y = None if label is None else told(model, label, FILLED)
    reseed(seed_of(seed), model.device)
    x, stops = model.q(drawing, t, model.p_T(FILLED)), levels(t, model.config.steps)
    walk = model.walk_from(x, y, stops=stops, **noiseless(model))
    yield from walked(model, data, walk, len(stops) - 1, {"still/known/images/real": pictures(drawing)})
