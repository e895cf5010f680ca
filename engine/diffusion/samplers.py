"""Samplers: ways from noise x_T to a sample x_0 through a denoiser, as generators of `Step`.

Each takes `predict(x, t) -> (eps, x0)`, what the model says of x_t; the schedule as two lists, `signal`
(root of alpha_bar_t) and `noise` (root of 1 - alpha_bar_t), index t = 0 ... T; the levels to stop at,
[T, ..., 0] or fewer of them; and the start x. At every level it yields where it is and what the model says.

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
    """A level of a walk."""

    t: int
    x: Tensor  # x_t, (n, *shape)
    eps: Tensor  # the noise that the model sees in it
    x0: Tensor  # what it takes x_0 to be


class Walk(NamedTuple):
    """What every sampler is given."""

    predict: Predict
    signal: Sequence[float]
    noise: Sequence[float]
    levels: Sequence[int]
    eta: float = 0.0  # of DDIM: 0 adds no noise, 1 as much as DDPM with the posterior's variance
    posterior: bool = False  # of DDPM: the variance beta tilde, and not beta

    def alpha(self, t: int, s: int) -> float:
        """alpha of the step from s up to t: the product of alpha_{s+1} ... alpha_t."""
        return (self.signal[t] / self.signal[s]) ** 2

    def variance(self, t: int, s: int) -> float:
        """Of q(x_s | x_t, x_0): beta tilde, eq. (7)."""
        return (self.noise[s] / self.noise[t]) ** 2 * (1 - self.alpha(t, s))


def ended(x: Tensor) -> Step:
    """The end of a walk."""
    return Step(0, x, torch.zeros_like(x), x)


def ddpm(w: Walk, x: Tensor) -> Iterator[Step]:
    """Ancestral sampling (Ho et al. 2020, algorithm 2): the mean of q(x_s | x_t, x_0) at the guessed x_0,
    and noise."""
    for t, s in pairwise(w.levels):
        eps, x0 = w.predict(x, t)
        yield Step(t, x, eps, x0)
        alpha = w.alpha(t, s)
        mean = (x - (1 - alpha) / w.noise[t] * eps) / math.sqrt(alpha)
        x = mean + _sigma(w, t, s) * torch.randn_like(x) if s > 0 else mean
    yield ended(x)


def ddpm_of_the_slide(w: Walk, x: Tensor) -> Iterator[Step]:
    """Algorithm 2 with the slide's slip: under the root stands 1 - alpha_t where 1 - alpha_bar_t belongs, so
    that every step takes too much noise away."""
    for t, s in pairwise(w.levels):
        eps, x0 = w.predict(x, t)
        yield Step(t, x, eps, x0)
        alpha = w.alpha(t, s)
        mean = (x - (1 - alpha) / math.sqrt(1 - alpha) * eps) / math.sqrt(alpha)
        x = mean + _sigma(w, t, s) * torch.randn_like(x) if s > 0 else mean
    yield ended(x)


def _sigma(w: Walk, t: int, s: int) -> float:
    """sigma_t, the standard deviation of the noise that a step of DDPM adds."""
    return math.sqrt(w.variance(t, s) if w.posterior else 1 - w.alpha(t, s))


def ddim(w: Walk, x: Tensor) -> Iterator[Step]:
    """Song et al. 2021 (https://arxiv.org/abs/2010.02502), eq. (12): the guessed x_0, put back at level s
    with the guessed noise and, for eta > 0, some new one."""
    for t, s in pairwise(w.levels):
        eps, x0 = w.predict(x, t)
        yield Step(t, x, eps, x0)
        variance = w.eta**2 * w.variance(t, s)
        x = w.signal[s] * x0 + math.sqrt(max(0.0, w.noise[s] ** 2 - variance)) * eps
        if variance > 0:
            x = x + math.sqrt(variance) * torch.randn_like(x)
    yield ended(x)


def euler(w: Walk, x: Tensor) -> Iterator[Step]:
    """Euler's method in t for the probability-flow ODE dx/dt = -beta(t) / 2 (x + score(x, t)), where the
    score is -eps / noise_t (Song et al. 2021, https://arxiv.org/abs/2011.13456, eq. 13) and beta(t) is
    -log alpha_t."""
    for t, s in pairwise(w.levels):
        eps, x0 = w.predict(x, t)
        yield Step(t, x, eps, x0)
        slope = math.log(w.alpha(t, t - 1)) / 2 * (x - eps / w.noise[t])
        x = x + (s - t) * slope
    yield ended(x)


def heun(w: Walk, x: Tensor) -> Iterator[Step]:
    """Heun's method (Karras et al. 2022, algorithm 1) for the same ODE as dx/dsigma = eps in x / signal and
    sigma = noise / signal, where Euler's method is DDIM: go as DDIM, look again, and take the mean of both
    slopes. Two looks a step, but one for the last."""
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
    """DPM-Solver++(2M) (Lu et al. 2022, https://arxiv.org/abs/2211.01095, algorithm 2): as DDIM, but x_0
    is guessed on from the last two guesses, along lambda = log(signal / noise). The last step is of order
    one."""
    before: tuple[Tensor, float] | None = None  # the last guess, and how far it was from this one
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
