"""Questions to WaveNet: say something, and what a sample depends on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from engine.autoregressive.influence import touched
from engine.autoregressive.wavenet import WaveNet
from engine.config import Refused
from engine.data import Dataset, floats
from engine.data.waves import inverse_mu_law
from engine.device import seed as set_seed
from lab.probes import Answer, seed_of, whole
from lab.scenes.arrays import single

__all__ = ["clip", "hear", "utter"]

PARTS = 60  # of a sound that is written, about
WINDOW = 1200  # samples before the one that is looked at


def utter(
    model: WaveNet, data: Dataset, label: int = 0, seed: int = 0, temperature: float = 1.0
) -> Iterator[Answer]:
    """A sound, written sample by sample: each part has all so far, `wave` (t,), as amplitudes in [-1, 1]."""
    if isinstance(temperature, bool) or not isinstance(temperature, int | float) or not 0 <= temperature <= 5:
        raise Refused("temperature must be a number from 0 to 5.")
    y = torch.tensor([labelled(model, label)], device=model.device) if model.conditional else None
    set_seed(seed_of(seed))
    for done, now in enumerate(model.written(1, y, temperature=float(temperature)), 1):
        if done == model.D or done % (model.D // PARTS) == 0:
            x = model.shown(now.k[:, :done])[0]
            yield {"wave": single(inverse_mu_law(x)), "done": done, "D": model.D, "rate": model.space.rate}


def clip(model: WaveNet, data: Dataset, label: int = 0) -> Answer:
    """The data's own sound of this label, `wave` (t,)."""
    which = int((data.y == labelled(model, label)).nonzero()[0]) if data.y is not None else 0
    x = floats(data.x[which : which + 1])
    sounds = int(model.space.sounding(x).sum())
    return {"wave": single(inverse_mu_law(x[0, :sounds])), "rate": model.space.rate}


def hear(model: WaveNet, data: Dataset, label: int = 0, sample: int = 600) -> Answer:
    """What the distribution of one sample of the data's sound depends on: `heat` (WINDOW,), the slope of a
    random sum of its logits in the samples before it; `ahead`, on how many later samples it depends."""
    i = whole(sample, "sample", 1, model.D - 1)
    which = int((data.y == labelled(model, label)).nonzero()[0]) if data.y is not None else 0
    k = model.coded(floats(data.x[which : which + 1]))
    y = data.y[which : which + 1] if model.conditional and data.y is not None else None
    slopes = touched(model, model.seen(k), i, y).cpu()
    start = max(0, i - WINDOW)
    heat = torch.zeros(WINDOW)
    heat[WINDOW - (i - start) :] = slopes[start:i]
    later, field = int((slopes[i:] > 0).sum()), int(i - slopes.nonzero().min()) if slopes.any() else 0
    return {"heat": single(heat), "ahead": later, "field": field, "declared": model.field, "sample": i,
            "rate": model.space.rate, "wave": np.float32(model.shown(k)[0].cpu())}  # fmt: skip


def labelled(model: WaveNet, label: int) -> int:
    """The label. Raises `Refused` if there is none of this number."""
    return whole(label, "label", 0, max(0, model.space.classes - 1))
