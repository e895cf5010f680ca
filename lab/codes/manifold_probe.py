"""What a page may ask any model with codes: a plane of codes, decoded into one picture."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.codes.base import Coder
from engine.config import Refused
from engine.data import Dataset
from lab.codes.digits_probe import decoded
from lab.probes import Answer, only_pictures, whole
from lab.scenes.arrays import pictures

__all__ = ["manifold"]


def manifold(
    model: Coder, data: Dataset, n: int = 20, spread: str = "quantiles", r: float = 2.0,
    u: int = 0, v: int = 1, label: int = 0,
) -> Answer:  # fmt: skip
    """A picture of n x n decoded pictures, over two axes u and v of the code; one row if z is one number.

    The other dimensions stay at the prior's mean. Codes lie at "quantiles" of the prior, so that each stands
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


def mosaic(tiles: np.ndarray, columns: int) -> np.ndarray:
    """Pictures (N, H, W[, 3]), in rows of `columns`, as one (N / columns · H, columns · W[, 3])."""
    rows = tiles.reshape(-1, columns, *tiles.shape[1:]).swapaxes(1, 2)
    return rows.reshape(rows.shape[0] * rows.shape[1], -1, *tiles.shape[3:])
