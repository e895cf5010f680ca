"""What the films of a diffusion share: a film is an answer in parts, one for each noise level that is shown.

A part has `t`, `numbers` by name, and arrays `<screen>/<kind>/<name>`. The first part also has T, the `box`
[x0, x1, y0, y1] of points, and `still/<screen>/...`, which stays under all parts. Pictures are bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.config import Refused
from engine.data import Dataset
from engine.diffusion.base import Denoiser
from engine.diffusion.ddpm import DDPM
from engine.diffusion.samplers import Step
from engine.diffusion.schedule import levels
from engine.space import Line
from lab.probes import Answer, whole
from lab.scenes.arrays import arrows, halves, pictures

SHOWN = {"points": 400, "image": 64}  # examples, or samples, at most
PARTS = {"points": 101, "image": 51}  # of a film, at most
NOISY = 3.3  # least end of the box: nearly all of N(0, 1) lies within
ARROWS = 150
ASKED = ("sampler", "steps", "eta", "guidance", "variance")  # knobs that a film may change


def filmed(data: Dataset) -> None:
    """Raises `Refused` for data that films cannot show."""
    if isinstance(data.space, Line):
        raise Refused("Films show points of the plane or pictures; choose other data than numbers on a line.")


def opening(model: Denoiser, data: Dataset) -> Answer:
    """What the first part says about all of them."""
    if data.box is None:
        return {"T": model.config.T}
    x0, x1, y0, y1 = data.box
    return {"T": model.config.T, "box": [min(x0, -NOISY), max(x1, NOISY), min(y0, -NOISY), max(y1, NOISY)]}


def shown(screen: str, x: Tensor) -> Answer:
    """Points or pictures x (n, *shape) on a screen."""
    return {f"{screen}/images/samples": pictures(x)} if x.ndim == 4 else {f"{screen}/points/fake": halves(x)}


def real(screen: str, data: Dataset) -> Answer:
    """The data under all parts, if they are points."""
    return {f"still/{screen}/points/real": halves(data.some(SHOWN["points"])[0])} if data.box else {}


def named(screen: str, y: Tensor | None) -> Answer:
    """The classes that colour the points of a screen."""
    return {} if y is None else {f"still/{screen}/label": y.byte().cpu().numpy()}


def level(model: Denoiser, t: int) -> dict[str, float]:
    """How much signal and noise there is at t; without their ratio where there is no noise."""
    if isinstance(model, DDPM):  # in float64, where 1 - ᾱ keeps its digits
        kept = model.alpha_bar[t].item()
        numbers, power, rest = {"ᾱ": kept}, kept, 1 - kept
    else:
        signal, noise = float(model.signal[t]), float(model.noise[t])
        numbers, power, rest = {"signal": signal, "noise": noise}, signal**2, noise**2
    return numbers | ({"SNR": power / rest} if rest else {})


def told(model: Denoiser, label: int | None, n: int) -> Tensor | None:
    """The labels of n samples: all `label`, or each in turn; None if the model knows none. Raises
    `Refused`."""
    if not model.conditional:
        if label is not None:
            raise Refused("This model was trained without labels; ask without one, or train one with labels.")
        return None
    if label is None:
        return model.labels(n)
    return torch.full((n,), whole(label, "label", 0, model.space.classes - 1), device=model.device)


def knobs_of(model: Denoiser, asked: dict[str, Any]) -> Any:
    """The model's config with these knobs changed. Raises `Refused`."""
    if strange := [name for name in asked if name not in ASKED]:
        raise Refused(f"A film cannot change {strange[0][:40]!r}; it can change {', '.join(ASKED)}.")
    return model.config.change(asked)


def noiseless(model: Denoiser) -> dict[str, Any]:
    """Knobs of a sampler that adds no noise, so that the start determines the end."""
    return {"sampler": "DDIM", "eta": 0.0} if "DDIM" in model.samplers else {}


def evenly(n: int, most: int) -> set[int]:
    """At most `most` of the numbers 0 ... n - 1, including the first and the last."""
    return set(levels(n - 1, most - 1)) if n > 1 else {0}


def walked(
    model: Denoiser, data: Dataset, walk: Iterator[Step], steps: int, still: Answer
) -> Iterator[Answer]:
    """The film of a walk of at most T steps: x_t, the predicted x_0, and the predicted noise, which for a
    point is an arrow that ends at x_t."""
    kept = evenly(min(steps, model.config.T) + 1, PARTS[data.space.kind])
    first = opening(model, data) | still
    for i, (t, x, eps, x0) in enumerate(walk):
        if i in kept:
            numbers = level(model, t) | {"variance of x_t": x.var(unbiased=False).item()}
            answer = first | {"t": t, "numbers": numbers} | shown("x_t", x) | shown("x0", x0)
            push = (model.noise[t] * eps)[:ARROWS]
            pushes = {} if x.ndim == 4 else {"eps/arrows/noise": arrows(x[:ARROWS] - push, push)}
            yield answer | (pushes or shown("eps", eps))
            first = {}


def counts(x: Tensor) -> np.ndarray:
    """How many numbers of x fall into each of 48 equal bins of [-4, 4]."""
    return torch.histc(x.float(), 48, -4, 4).cpu().numpy()
