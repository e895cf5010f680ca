"""For laws of samplers: denoisers that are exact in closed form, and how a sampler responds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from engine.diffusion.samplers import SAMPLERS, Predict, Walk


@dataclass
class Levels:
    """A schedule: x_t = signal_t x_0 + noise_t eps, t = 0 ... T."""

    signal: list[float]
    noise: list[float]

    @property
    def all(self) -> list[int]:
        return [*range(len(self.signal) - 1, -1, -1)]

    @property
    def alpha_bar(self) -> list[float]:
        return [s**2 for s in self.signal]


def of(alpha_bar: Tensor) -> Levels:
    return Levels(alpha_bar.sqrt().tolist(), (1 - alpha_bar).sqrt().tolist())


def circle(T: int, end: float = 1.5) -> Levels:
    """signal = cos, noise = sin: smooth down to t = 0, so that a method shows its order."""
    angles = [end * t / T for t in range(T + 1)]
    return Levels([math.cos(a) for a in angles], [math.sin(a) for a in angles])


def even(T: int, low: float = -2.5, high: float = 7.0) -> Levels:
    """log(signal / noise) in equal steps, but for the last to t = 0: so DPM-Solver's order is proven."""
    share = torch.linspace(high, low, T, dtype=torch.float64).mul(2).sigmoid()
    return of(torch.cat([share.new_ones(1), share]))


def of_betas(first: float, last: float, T: int) -> Levels:
    ab = torch.linspace(first, last, T, dtype=torch.float64).neg().add(1).cumprod(0)
    return of(torch.cat([ab.new_ones(1), ab]))


def gaussian(levels: Levels, mean: Tensor, covariance: Tensor) -> Predict:
    """The best guess for data of N(mean, covariance): linear in x."""

    def predict(x: Tensor, t: int) -> tuple[Tensor, Tensor]:
        a, b = levels.signal[t], levels.noise[t]
        spread = a**2 * covariance + b**2 * torch.eye(len(mean))
        x0 = mean + a * (x - a * mean) @ torch.linalg.solve(spread, covariance)
        return (x - a * x0) / b, x0

    return predict


def mixture(levels: Levels, weights: Tensor, centres: Tensor, sigma: float) -> Predict:
    """The best guess for data of sum_k w_k N(c_k, sigma^2 I): the guesses of all components, each
    as likely as x makes it."""

    def predict(x: Tensor, t: int) -> tuple[Tensor, Tensor]:
        a, b = levels.signal[t], levels.noise[t]
        spread = (a * sigma) ** 2 + b**2
        away = x[:, None] - a * centres
        likely = (weights.log() - away.square().sum(-1) / (2 * spread)).softmax(1)
        x0 = (likely[..., None] * (centres + a * sigma**2 / spread * away)).sum(1)
        return (x - a * x0) / b, x0

    return predict


def end(name: str, levels: Levels, predict: Predict, x: Tensor, stops: Sequence[int] = (), **knobs) -> Tensor:
    """Where a sampler ends that starts from x."""
    walk = Walk(predict, levels.signal, levels.noise, stops or levels.all, **knobs)
    *_, last = SAMPLERS[name](walk, x)
    assert last.t == 0
    return last.x


def moments(go: Callable[[Tensor], Tensor], d: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Tensor, Tensor]:
    """Mean (d,) and covariance (d, d) of where a sampler ends that is linear in x and in its noise, exactly.

    Row 0 of its batch is told that all noise is zero, and each other row that one number of one noise is 1:
    what the rows differ by is what that number does."""
    rows, asked = 1 + 2000 * d, [0]

    def one_number_each(like: Tensor) -> Tensor:
        noise = torch.zeros_like(like)
        for i in range(d):
            noise[1 + d * asked[0] + i, i] = 1
        asked[0] += 1
        return noise

    monkeypatch.setattr(torch, "randn_like", one_number_each)
    x = go(one_number_each(torch.zeros(rows, d)))
    monkeypatch.undo()
    does = x[1:] - x[0]
    return x[0], does.T @ does
