"""A question to a flow of pictures: what does its density do between two levels of grey?"""

from __future__ import annotations

import torch

from engine.config import Refused
from engine.data import Dataset
from engine.flow.base import Flow
from lab.probes import Answer, only_pictures, whole
from lab.probes.brought import place
from lab.scenes.arrays import single

__all__ = ["levels"]

REACH, FINE = 2.0, 40  # levels to both sides, and steps of each
LOWEST = -60.0  # nats below the highest; what is lower says no more


def levels(model: Flow, data: Dataset, number: int = 3, pixel: int | None = None) -> Answer:
    """log p(x) along the grey of one pixel of a test picture, all others as they are: `curve` (m, 2), the
    grey from 0 to 256 and the nats below the highest, not less than LOWEST. `grey` is the pixel's own byte;
    by default the pixel is one whose byte is in the middle of all."""
    only_pictures(data)
    x = data.some(len(data.test_x), test=True)[0][place(data, number, "number")][None]
    v = ((x + 1) * 127.5).round()
    flat = v.flatten()
    i = int((flat - 128).abs().argmin()) if pixel is None else whole(pixel, "pixel", 0, len(flat) - 1)
    grey = float(flat[i])
    low, high = max(0.0, grey - REACH), min(256.0, grey + 1 + REACH)
    c = torch.linspace(low, high, int((high - low) * FINE) + 1, **model.like)[1:-1]
    many = (v + 0.5).expand(len(c), *v.shape[1:]).flatten(1).clone()
    many[:, i] = c
    log_p = model.log_prob(many.view(len(c), *v.shape[1:]))
    if not log_p.isfinite().any():
        raise Refused("The density of this model is no number here; rewind or reset the run first.")
    below = (log_p - log_p[log_p.isfinite()].max()).nan_to_num(LOWEST).clamp(min=LOWEST)
    return {"curve": single(torch.stack([c, below.to(c)], 1)), "grey": int(grey), "pixel": i}
