"""What the lectures' slides and code write amiss here and there, and what such a slip does, in numbers.

Of the VAE's loss: s stands for log sigma^2 throughout, so that sigma = exp(s / 2), and values are nats of one
latent dimension. Of diffusion: alpha_bar (T + 1,) is that of engine/diffusion/schedule.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Normal
from torch.func import grad

from engine.codes.base import kl, log_prob
from engine.data import Dataset, floats
from engine.diffusion.schedule import beta

Form = Callable[[Tensor, Tensor], Tensor]
"""What stands for the KL term: a function of mu and s, of any one shape."""


def right(mu: Tensor, s: Tensor) -> Tensor:
    """KL[N(mu, sigma^2) || N(0, 1)], from the function that trains our models."""
    return kl(Normal(mu, (s / 2).exp()))


def log_of_sigma(mu: Tensor, s: Tensor) -> Tensor:
    """(sigma^2 + mu^2 - 1 - log sigma) / 2: log sigma stands where log sigma^2 is meant."""
    return (s.exp() + mu.square() - 1 - s / 2) / 2


def without_half(mu: Tensor, s: Tensor) -> Tensor:
    """sigma^2 + mu^2 - log sigma - 1: the same, and the 1/2 has gone too."""
    return 2 * log_of_sigma(mu, s)


def one_letter(mu: Tensor, s: Tensor) -> Tensor:
    """(exp V + mu^2 - 1 - V) / 2, read with V = sigma^2 as the line before it says; V = s is meant."""
    return right(mu, s.exp())


def lowest(form: Form, steps: int = 50) -> tuple[float, float]:
    """Where, in s at mu = 0, a form that is convex in s is lowest, and its value there (Newton's method)."""
    s, zero = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    slope = grad(lambda s: form(zero, s))
    for _ in range(steps):
        s = s - slope(s) / grad(slope)(s)
    return s.item(), form(zero, s).item()


def at(form: Form, mu: float, s: float) -> float:
    """The form's value at one place."""
    return form(*torch.tensor([mu, s], dtype=torch.float64)).item()


def drawn(s: float, factor: float = 1.0) -> float:
    """The true KL at mu = 0 of what is drawn with the standard deviation factor * exp(s), where the loss
    takes exp(s) for the variance and so charges `right` at s."""
    return at(right, 0.0, 2 * (s + math.log(factor)))


def grey_floor(data: Dataset) -> float:
    """Binary cross-entropy of test pictures with themselves, summed over pixels, mean over pictures, nats:
    what the best decoder there could be still pays where pixels are grey."""
    grey = (floats(data.test_x) + 1) / 2
    return -log_prob(Bernoulli(grey, validate_args=False), grey).mean().item()


def sigma_of(weight: float) -> float:
    """The spread of a Gaussian decoder whose -log p(x | z) is weight * ||x - mean||^2 and a constant."""
    return math.sqrt(1 / (2 * weight))


# --- diffusion -----------------------------------------------------------------------------------


def variance_of_samples(alpha_bar: Tensor, under: Tensor) -> float:
    """The variance of what Algorithm 2 of Ho et al. 2020 makes, for data N(0, 1), of the best net there is,
    eps_theta = sqrt(1 - alpha_bar_t) x_t, with `under` (T + 1,) under its root; alpha_bar (T + 1,).

    All is linear, x_{t-1} = a x_t + sigma_t z, so the variance can be followed step by step from 1 at T.
    """
    steps, variance = beta(alpha_bar), torch.ones((), dtype=alpha_bar.dtype)
    for t in range(len(alpha_bar) - 1, 0, -1):
        a = (1 - steps[t] / under[t].sqrt() * (1 - alpha_bar[t]).sqrt()) / (1 - steps[t]).sqrt()
        variance = a.square() * variance + (steps[t] if t > 1 else 0)
    return variance.item()


def variance_of_noised(alpha_bar: Tensor, of_noise: Tensor) -> Tensor:
    """The variance of x_t, for data of variance 1, where the noise has the variance `of_noise`; (T + 1,)."""
    return alpha_bar + of_noise
