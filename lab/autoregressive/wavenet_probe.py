"""Questions to WaveNet: say something, and what a sample depends on."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.autoregressive.influence import touched
from engine.autoregressive.wavenet import WaveNet
from engine.data import Dataset, floats
from engine.data.waves import inverse_mu_law
from engine.device import seed as set_seed
from lab.autoregressive.asked import labels_of, temperature_of
from lab.probes import Answer, seed_of, whole
from lab.scenes.arrays import single

__all__ = ["clip", "hear", "utter"]

PARTS = 60  # of a sound that is written, about
WINDOW = 1200  # samples before the one that is looked at


def utter(
    model: WaveNet, data: Dataset, label: int = 0, seed: int = 0, temperature: float = 1.0
) -> Iterator[Answer]:
    """A sound, written sample by sample: each part has all so far, `wave` (t,), as amplitudes in [-1, 1]."""
    y, temperature = labels_of(model, label, 1), temperature_of(temperature)
    set_seed(seed_of(seed))
    for done, now in enumerate(model.written(1, y, temperature=temperature), 1):
        if done == model.D or done % (model.D // PARTS) == 0:
            x = model.shown(now.k[:, :done])[0]
            yield {"wave": single(inverse_mu_law(x)), "done": done, "D": model.D, "rate": model.space.rate}


def clip(model: WaveNet, data: Dataset, label: int = 0) -> Answer:
    """The data's own sound of this label, `wave` (t,)."""
    x, _ = sound_of(model, data, label)
    sounds = int(model.space.sounding(x).sum())
    return {"wave": single(inverse_mu_law(x[0, :sounds])), "rate": model.space.rate}


def hear(model: WaveNet, data: Dataset, label: int = 0, sample: int = 600) -> Answer:
    """What the distribution of one sample of the data's sound depends on: `heat` (WINDOW,), the slope of a
    random sum of its logits in the samples before it; `ahead`, on how many later samples it depends."""
    i = whole(sample, "sample", 1, model.D - 1)
    x, y = sound_of(model, data, label)
    slopes = touched(model, model.seen(model.coded(x)), i, model.told(y)).cpu()
    start = max(0, i - WINDOW)
    heat = torch.zeros(WINDOW)
    heat[WINDOW - (i - start) :] = slopes[start:i]
    later, field = int((slopes[i:] > 0).sum()), int(i - slopes.nonzero().min()) if slopes.any() else 0
    return {"heat": single(heat), "ahead": later, "field": field, "declared": model.field,
            "rate": model.space.rate}  # fmt: skip


def sound_of(model: WaveNet, data: Dataset, label: int) -> tuple[Tensor, Tensor | None]:
    """The data's first sound (1, T) of this label, and the label. Raises `Refused` if there is none."""
    label = whole(label, "label", 0, max(0, model.space.classes - 1))
    which = int((data.y == label).nonzero()[0]) if data.y is not None else 0
    here = slice(which, which + 1)
    return floats(data.x[here]), None if data.y is None else data.y[here]
