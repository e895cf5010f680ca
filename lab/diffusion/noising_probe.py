"""The forward process as a film: data turn into noise, in one jump and step by step."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from engine.data import Dataset
from engine.device import seed as reseed
from engine.diffusion.base import Denoiser
from engine.diffusion.ddpm import DDPM
from engine.diffusion.schedule import beta
from lab.diffusion.films_probe import PARTS, SHOWN, counts, evenly, filmed, level, named, opening, real, shown
from lab.probes import Answer, seed_of

__all__ = ["forward"]


@torch.no_grad()
def forward(model: Denoiser, data: Dataset, seed: int = 0) -> Iterator[Answer]:
    """A film of test examples at t from 0 to T, with histograms of their numbers: in one jump, with one eps
    for an example at all t (screen "x_t"), and by single steps with new noise ("chain")."""
    filmed(data)
    x0, y = data.some(SHOWN[data.space.kind], test=True)
    reseed(seed_of(seed), model.device)
    eps, chain = torch.randn_like(x0), x0
    still = real("x_t", data) | real("chain", data) | named("x_t", y) | named("chain", y)
    first = opening(model, data) | still
    kept = evenly(model.config.T + 1, PARTS[data.space.kind])
    for t in range(model.config.T + 1):
        if t:
            chain = further(model, chain, t - 1, t)
        if t in kept:
            jump = model.q(x0, t, eps)
            numbers = level(model, t)
            if isinstance(model, DDPM) and t:
                numbers["β"] = beta(model.alpha_bar)[t].item()
            for name, x in {"one jump": jump, "step by step": chain}.items():
                numbers[f"mean, {name}"] = x.mean().item()
                numbers[f"variance, {name}"] = x.var(unbiased=False).item()
            part = {"t": t, "numbers": numbers, "hist/x_t": counts(jump), "hist/chain": counts(chain)}
            yield first | part | shown("x_t", jump) | shown("chain", chain)
            first = {}


def further(model: Denoiser, x: Tensor, s: int, t: int) -> Tensor:
    """Draw x_t from q(x_t | x_s = x), s < t, the only process of independent steps with these marginals, also
    for flow matching, which defines no steps."""
    kept = float(model.signal[t]) / float(model.signal[s])
    variance = float(model.noise[t]) ** 2 - (kept * float(model.noise[s])) ** 2
    return kept * x + math.sqrt(max(0.0, variance)) * torch.randn_like(x)
