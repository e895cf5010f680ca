"""A question to models of sound that are suspected: what does one sample depend on, before and after it?"""

from __future__ import annotations

import torch

from engine.autoregressive.influence import touched
from engine.autoregressive.wavenet import WaveNet
from engine.data import Dataset, floats
from engine.data.waves import inverse_mu_law
from lab.probes import Answer, whole
from lab.scenes.arrays import single

__all__ = ["both_ways"]


def both_ways(model: WaveNet, data: Dataset, sample: int = 900) -> Answer:
    """What the distribution of one sample of the data's first sound depends on: `heat` (2 f + 1,), the slope
    of a random sum of its logits in the f samples before it, in itself and in the f after it, where f is the
    model's field; `wave` (2 f + 1,), the sound there, 0 beyond its ends; `before`, `itself` and `ahead`, on
    how many of these it depends; and `past` and `future`, how many there are."""
    i = whole(sample, "sample", 1, model.D - 1)
    x, y = floats(data.x[:1]), None if data.y is None else data.y[:1]
    slopes = touched(model, model.seen(model.coded(x)), i, model.told(y)).cpu()
    places = torch.arange(i - model.field, i + model.field + 1)
    there = (places >= 0) & (places < model.D)
    places = places.clamp(0, model.D - 1)
    return {
        "heat": single(slopes[places] * there), "wave": single(inverse_mu_law(x[0].cpu())[places] * there),
        "before": int((slopes[:i] > 0).sum()), "itself": int(slopes[i] > 0),
        "ahead": int((slopes[i + 1 :] > 0).sum()), "past": i, "future": model.D - i - 1,
        "rate": model.space.rate,
    }  # fmt: skip
