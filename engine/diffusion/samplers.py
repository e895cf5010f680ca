"""Samplers: generators of `Step` that lead from noise x_T to a sample x_0 by asking a denoiser.

Each takes a `Walk` and the start x. The walk has `predict(x, t) -> (eps, x0)`, the model's prediction from
x_t; the schedule as two lists, `signal` (root of alpha_bar_t) and `noise` (root of 1 - alpha_bar_t), with
index t = 0 ... T; and the levels to stop at, [T, ..., 0] or fewer of them.

    x_t = signal_t x_0 + noise_t eps                                         Ho et al. 2020, eq. (4)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

Predict = Callable[[Tensor, int], tuple[Tensor, Tensor]]


class Step(NamedTuple):
    """One level of a walk: x_t and the model's prediction from it."""

    t: int
    x: Tensor  # x_t, (n, *shape)
    eps: Tensor  # the predicted noise
    x0: Tensor  # the predicted x_0


class Walk(NamedTuple):
    """What every sampler needs: the model, the schedule, and the levels to stop at."""

    predict: Predict
    signal: Sequence[float]
    noise: Sequence[float]
    levels: Sequence[int]
    eta: float = 0.0  # DDIM: 0 adds no noise, 1 as much as DDPM with the posterior's variance
    posterior: bool = False  # DDPM: whether the variance is beta tilde and not beta

    def alpha(self, t: int, s: int) -> float:
        """The alpha of the step from s up to t: the product of alpha_{s+1} ... alpha_t."""
        return (self.signal[t] / self.signal[s]) ** 2

    def variance(self, t: int, s: int) -> float:
        """The beta tilde, the variance of q(x_s | x_t, x_0): eq. (7)."""
        return (self.noise[s] / self.noise[t]) ** 2 * (1 - self.alpha(t, s))

    def sigma(self, t: int, s: int) -> float:
        """The sigma_t, the standard deviation of the noise that a step of DDPM adds."""
        return math.sqrt(self.variance(t, s) if self.posterior else 1 - self.alpha(t, s))


def ended(x: Tensor) -> Step:
    """The end of a walk."""
    return Step(0, x, torch.zeros_like(x), x)


def ddpm(w: Walk, x: Tensor) -> Iterator[Step]:
    """Ancestral sampling (Ho et al. 2020, algorithm 2): each step goes to the mean of q(x_s | x_t, x_0) at
    the predicted x_0, and adds noise."""
    for t, s in pairwise(w.levels):
        eps, x0 = w.predict(x, t)
        yield Step(t, x, eps, x0)
        alpha = w.alpha(t, s)
        mean = (x - (1 - alpha) / w.noise[t] * eps) / math.sqrt(alpha)
        x = mean + w.sigma(t, s) * torch.randn_like(x) if s > 0 else mean
    yield ended(x)


def ddpm_of_the_slide(w: Walk, x: Tensor) -> Iterator[Step]:
    """Algorithm 2 with the slide's slip, by which every step removes too much noise: 1 - alpha_t under the
    root, where 1 - alpha_bar_t belongs."""
    for t, s in pairwise(w.levels):
        eps, x0 = w.predict(x, t)
        yield Step(t, x, eps, x0)
        alpha = w.alpha(t, s)
        mean = (x - (1 - alpha) / math.sqrt(1 - alpha) * eps) / math.sqrt(alpha)
        x = mean + w.sigma(t, s) * torch.randn_like(x) if s > 0 else mean
    yield ended(x)


def ddim(w: Walk, x: Tensor) -> Iterator[Step]:
    """DDIM (Song et al. 2021, https://arxiv.org/abs/2010.02502, eq. 12): the predicted x_0 is noised to level
    s with the predicted noise and, for eta > 0, some new noise."""
    for t, s in pairwise(w.levels):
        eps, x0 = w.predict(x, t)
        yield Step(t, x, eps, x0)
        variance = w.eta**2 * w.variance(t, s)
        x = w.signal[s] * x0 + math.sqrt(max(0.0, w.noise[s] ** 2 - variance)) * eps
        if variance > 0:
            x = x + math.sqrt(variance) * torch.randn_like(x)
    yield ended(x)


def euler(w: Walk, x: Tensor) -> Iterator[Step]:
    """Euler's method in t for the probability-flow ODE dx/dt = -beta(t) / 2 (x + score(x, t)).

    The score is -eps / noise_t and beta(t) is -log alpha_t (Song et al. 2021,
    https://arxiv.org/abs/2011.13456, eq. 13).
    """
    for t, s in pairwise(w.levels):
        eps, x0 = w.predict(x, t)
        yield Step(t, x, eps, x0)
        slope = math.log(w.alpha(t, t - 1)) / 2 * (x - eps / w.noise[t])
        x = x + (s - t) * slope
    yield ended(x)


def heun(w: Walk, x: Tensor) -> Iterator[Step]:
    """Heun's method (Karras et al. 2022, algorithm 1) for the same ODE.

    In x / signal and sigma = noise / signal the ODE is dx/dsigma = eps, and Euler's method is DDIM. A step
    goes as DDIM does, evaluates the net again, and takes the mean of both slopes: two evaluations a step, and
    one in the last.
    """
    for t, s in pairwise(w.levels):
        eps, x0 = w.predict(x, t)
        yield Step(t, x, eps, x0)
        there = w.signal[s] * x0 + w.noise[s] * eps
        if s > 0:
            again, _ = w.predict(there, s)
            sigma_t, sigma_s = w.noise[t] / w.signal[t], w.noise[s] / w.signal[s]
            there = there + w.signal[s] * (sigma_s - sigma_t) / 2 * (again - eps)
        x = there
    yield ended(x)


def dpm_solver(w: Walk, x: Tensor) -> Iterator[Step]:
    """DPM-Solver++(2M) (Lu et al. 2022, https://arxiv.org/abs/2211.01095, algorithm 2).

    It goes as DDIM does, but extrapolates x_0 from the last two predictions along lambda =
    log(signal / noise). The last step is of order one.
    """
    before: tuple[Tensor, float] | None = None  # the last prediction, and its distance in lambda
    for t, s in pairwise(w.levels):
        eps, x0 = w.predict(x, t)
        yield Step(t, x, eps, x0)
        D = x0
        h = math.log(w.signal[s] / w.noise[s] / w.signal[t] * w.noise[t]) if s > 0 else math.inf
        if before is not None and s > 0:
            last, width = before
            D = x0 + h / (2 * width) * (x0 - last)
        x = w.noise[s] / w.noise[t] * x + w.signal[s] * (1 - math.exp(-h)) * D
        before = x0, h
    yield ended(x)


SAMPLERS: dict[str, Callable[[Walk, Tensor], Iterator[Step]]] = {
    "DDPM": ddpm,
    "DDIM": ddim,
    "Euler": euler,
    "Heun": heun,
    "DPM-Solver++": dpm_solver,
    "DDPM as on the slide": ddpm_of_the_slide,
}
