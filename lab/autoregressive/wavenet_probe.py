"""Questions to WaveNet: say something, what a sample depends on, how well it predicts a sound."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from engine.autoregressive.influence import touched
from engine.autoregressive.wavenet import WaveNet
from engine.config import Refused
from engine.data import Dataset
from engine.device import seed as set_seed
from lab.autoregressive.asked import bytes_of, labels_of, temperature_of
from lab.probes import Answer, seed_of, whole
from lab.scenes.arrays import single

__all__ = ["clip", "hear", "judge_sound", "scope", "utter"]

PARTS = 120  # of a sound that is written, about


def scope(model: WaveNet, data: Dataset) -> Answer:
    """What the scope must know: the sizes, the names of the labels, and how far each layer looks `back` and
    `ahead`."""
    return {
        "D": model.D, "K": model.K, "rate": model.space.rate, "field": model.field,
        "labels": list(data.labels), "back": [conv.back for conv in model.convs],
        "ahead": [conv.ahead for conv in model.convs],
    }  # fmt: skip


def utter(
    model: WaveNet, data: Dataset, label: int = 0, seed: int = 0, temperature: float = 1.0
) -> Iterator[Answer]:
    """A sound, written sample by sample: each part has the levels of those that are new, `k` (m,), and the
    distribution of the newest, `p` (K,), as the net gives it at temperature 1; `done` of `D` are written."""
    y, temperature = labels_of(model, label, 1), temperature_of(temperature)
    set_seed(seed_of(seed))
    told = 0
    for done, now in enumerate(model.written(1, y, temperature=temperature), 1):
        if done == model.D or done % max(1, model.D // PARTS) == 0:
            k = now.k[0, told:done].byte().cpu().numpy()
            yield {"k": k, "p": single(now.logits[0].softmax(-1)), "done": done, "D": model.D}
            told = done


def clip(model: WaveNet, data: Dataset, label: int = 0) -> Answer:
    """The data's first sound of this label as bytes of the mu-law, `wave` (T,), with the silence after it.
    Raises `Refused` if there is no such label."""
    label = whole(label, "label", 0, max(0, model.space.classes - 1))
    which = int((data.y == label).nonzero()[0]) if data.y is not None else 0
    return {"wave": data.x[which].cpu().numpy()}


def hear(model: WaveNet, data: Dataset, values: str, sample: int, label: int = 0) -> Answer:
    """What the distribution of one sample of a sound depends on. `values` are the D levels in base64.

    `p` (K,) is the distribution, and `heat` (D,) the slope of a random sum of its logits in each sample. It
    `reach`es so many samples back, and depends on so many that lie `ahead`: on itself, or on later ones.
    """
    i = whole(sample, "sample", 0, model.D - 1)
    v, y = model.seen(levels_of(model, values)[None]), labels_of(model, label, 1)
    slopes = touched(model, v, i, y).cpu()
    return {
        "p": single(model.logits(v, y)[0, i].softmax(-1)), "heat": single(slopes),
        "ahead": int((slopes[i:] > 0).sum()),
        "reach": int(i - slopes[:i].nonzero().min()) if slopes[:i].any() else 0,
    }  # fmt: skip


def judge_sound(model: WaveNet, data: Dataset, values: str, label: int = 0) -> Answer:
    """How many `bits` per sample the net needs for a sound, up to its end. `values` are the D levels in
    base64. Raises `Refused` for silence."""
    k = levels_of(model, values)[None]
    sounds = model.space.sounding(model.shown(k), model.K)
    if not sounds.any():
        raise Refused("This sound is silent: there is no sample to predict. Bring or write another one.")
    log_probs = model.log_probs(k, labels_of(model, label, 1))
    return {"bits": float(-log_probs[sounds].mean() / math.log(2)), "sounds": int(sounds.sum())}


def levels_of(model: WaveNet, values: Any) -> Tensor:
    """The D levels of a sound in base64, each below K, (D,). Raises `Refused`."""
    k = bytes_of(values, model.D).long()
    if bool((k >= model.K).any()):
        raise Refused(f"values must be below {model.K}: this net knows {model.K} levels.")
    return k.to(model.device)
