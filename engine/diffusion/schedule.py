"""Noise schedules of a diffusion: how much of x_0 is left, and how much noise has come, at each t.

beta_t is the variance that step t adds, alpha_t = 1 - beta_t, and alpha_bar_t = alpha_1 ... alpha_t is the
share of x_0's variance that is left (Ho et al. 2020, eq. 2 and 4). Index t runs from 0, where alpha_bar_0 is
1, to T.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LEAST = 1e-4  # of alpha_bar_T: x_0 is guessed from x_T by dividing by its root
MADE_FOR = 1000  # steps, of the linear schedule of the paper


def linear(T: int, scaled: bool = True) -> Tensor:
    """alpha_bar (T + 1,) of beta_t from 1e-4 to 0.02 in equal steps (Ho et al. 2020, section 4), float64.

    These numbers are for 1,000 steps. With `scaled` each of T steps does the work of 1,000 / T of them, so
    that alpha_bar_T is 4e-5 for every T; without it alpha_bar_T is 0.36 at T = 100.
    """
    beta = torch.linspace(1e-4, 0.02, T, dtype=torch.float64)
    return products((1 - beta) ** (MADE_FOR / T if scaled else 1))


def cosine(T: int) -> Tensor:
    """alpha_bar (T + 1,) that falls like a squared cosine (Nichol and Dhariwal 2021, eq. 17), float64.
    The paper keeps beta_t below 0.999; here alpha_bar stays above 1e-4 instead, for T of every size."""
    s = 0.008  # so that the first beta is not too small
    u = torch.arange(T + 1, dtype=torch.float64) / T
    return above(((u + s) / (1 + s) * math.pi / 2).cos().square())


def sigmoid(T: int) -> Tensor:
    """alpha_bar (T + 1,) that falls like a sigmoid from 3 to -3 (Jabri et al. 2022, algorithm 1), float64."""
    return above(torch.linspace(3, -3, T + 1, dtype=torch.float64).sigmoid())


def above(f: Tensor) -> Tensor:
    """f (T + 1,), moved and scaled so that it falls from 1 to LEAST."""
    share = (f - f[-1]) / (f[0] - f[-1])
    return LEAST + (1 - LEAST) * share


def products(alpha: Tensor) -> Tensor:
    """alpha_bar (T + 1,) from alpha_1 ... alpha_T."""
    return torch.cat([alpha.new_ones(1), alpha.cumprod(0)])


def alpha_bar(name: str, T: int, scaled: bool = True) -> Tensor:
    """The schedule of this name: "linear", "cosine" or "sigmoid"."""
    return linear(T, scaled) if name == "linear" else {"cosine": cosine, "sigmoid": sigmoid}[name](T)


def beta(alpha_bar: Tensor) -> Tensor:
    """beta (T + 1,) of alpha_bar (T + 1,); beta_0 = 0."""
    return torch.cat([alpha_bar.new_zeros(1), 1 - alpha_bar[1:] / alpha_bar[:-1]])


def by_steps(alpha_bar: Tensor) -> list[tuple[float, float]]:
    """Mean and variance of x_t for x_0 = 1 and t = 0 ... T, followed through every step of eq. (2)."""
    mean, variance, found = 1.0, 0.0, []
    for b in beta(alpha_bar).tolist():
        mean, variance = math.sqrt(1 - b) * mean, (1 - b) * variance + b
        found.append((mean, variance))
    return found


def posterior_variance(alpha_bar: Tensor) -> Tensor:
    """beta tilde (T + 1,), the variance of q(x_{t-1} | x_t, x_0) (Ho et al. 2020, eq. 7)."""
    before = torch.cat([alpha_bar.new_ones(2), alpha_bar[1:-1]])
    left = 1 - alpha_bar
    left[0] = 1  # t = 0 has no step before it
    return (1 - before) / left * beta(alpha_bar)


def levels(T: int, steps: int) -> list[int]:
    """The values of t at which a walk from T to 0 stops: at most `steps` steps, as equal as whole
    numbers allow. [T, ..., 0]"""
    n = min(steps, T)
    return [round(T * (n - i) / n) for i in range(n + 1)]
