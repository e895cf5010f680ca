"""Slips in the lectures' slides and code, and what each one does, in numbers.

In the VAE's loss, s stands for log sigma^2 throughout, so that sigma = exp(s / 2); values are nats for one
latent dimension. In diffusion, alpha_bar (T + 1,) is that of engine/diffusion/schedule.py.
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
"""A formula for the KL term: a function of mu and s, which have the same shape."""


def true_kl(mu: Tensor, s: Tensor) -> Tensor:
    """The true KL[N(mu, sigma^2) || N(0, 1)], from the function that trains the lab's models."""
    return kl(Normal(mu, (s / 2).exp()))


def log_of_sigma(mu: Tensor, s: Tensor) -> Tensor:
    """The KL with log sigma in place of log sigma^2: (sigma^2 + mu^2 - 1 - log sigma) / 2."""
    return (s.exp() + mu.square() - 1 - s / 2) / 2


def without_half(mu: Tensor, s: Tensor) -> Tensor:
    """The same slip, and the factor 1/2 is missing too: sigma^2 + mu^2 - log sigma - 1."""
    return 2 * log_of_sigma(mu, s)


def one_letter(mu: Tensor, s: Tensor) -> Tensor:
    """The slide's (exp V + mu^2 - 1 - V) / 2 with V = sigma^2, as the line above it says; V = s is meant."""
    return true_kl(mu, s.exp())


def minimum(form: Form, steps: int = 50) -> tuple[float, float]:
    """The s at which a form that is convex in s is lowest, for mu = 0, and its value (Newton's method)."""
    s, zero = torch.zeros(2, dtype=torch.float64)
    slope = grad(lambda s: form(zero, s))
    for _ in range(steps):
        s = s - slope(s) / grad(slope)(s)
    return s.item(), form(zero, s).item()


def value_at(form: Form, mu: float, s: float) -> float:
    """The value of a form at one mu and s."""
    return form(*torch.tensor([mu, s], dtype=torch.float64)).item()


def kl_of_draws(s: float, factor: float = 1.0) -> float:
    """The true KL, at mu = 0, of z drawn with standard deviation factor * exp(s). The loss of that code reads
    exp(s) as the variance, and so charges `true_kl` at s."""
    return value_at(true_kl, 0.0, 2 * (s + math.log(factor)))


def grey_floor(data: Dataset) -> float:
    """The least binary cross-entropy that a decoder can reach on test pictures, in nats a picture: that of
    grey pixels with themselves, summed over pixels."""
    grey = (floats(data.test_x) + 1) / 2
    return -log_prob(Bernoulli(grey, validate_args=False), grey).mean().item()


def sigma_of(weight: float) -> float:
    """The spread of a Gaussian decoder whose -log p(x | z) is weight * ||x - mean||^2 plus a constant."""
    return math.sqrt(1 / (2 * weight))


# --- diffusion -----------------------------------------------------------------------------------


def variance_of_samples(alpha_bar: Tensor, under: Tensor) -> float:
    """The variance of samples from Algorithm 2 of Ho et al. 2020, for data N(0, 1) and the ideal net
    eps_theta = sqrt(1 - alpha_bar_t) x_t.

    `under` (T + 1,) is what stands under the root of the algorithm. Every step is linear, x_{t-1} = a x_t +
    sigma_t z, so the variance can be followed step by step from 1 at T.
    """
    steps, variance = beta(alpha_bar), torch.ones(())
    for t in range(len(alpha_bar) - 1, 0, -1):
        a = (1 - steps[t] / under[t].sqrt() * (1 - alpha_bar[t]).sqrt()) / (1 - steps[t]).sqrt()
        variance = a.square() * variance + (steps[t] if t > 1 else 0)
    return variance.item()


def variance_of_noised(alpha_bar: Tensor, of_noise: Tensor) -> Tensor:
    """The variance (T + 1,) of x_t, for data of variance 1 and noise of variance `of_noise` (T + 1,)."""
    return alpha_bar + of_noise
