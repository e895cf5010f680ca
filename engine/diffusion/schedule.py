"""Noise schedules of a diffusion: how much signal and how much noise x_t has at each t.

beta_t is the variance that step t adds, alpha_t = 1 - beta_t, and alpha_bar_t = alpha_1 ... alpha_t is the
share of x_0's variance that remains (Ho et al. 2020, eq. 2 and 4). Index t runs from 0, where alpha_bar_0 is
1, to T.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

LEAST = 1e-4  # smallest alpha_bar_T: predicting x_0 from x_T divides by its root
PAPER_STEPS = 1000  # for which the paper chose its linear schedule


def linear(T: int, scaled: bool = True) -> Tensor:
    """The alpha_bar (T + 1,) of beta_t from 1e-4 to 0.02 in equal steps (Ho et al. 2020, section 4), float64.

    These numbers suit 1,000 steps. If `scaled`, each of the T steps does the work of 1,000 / T steps, so
    alpha_bar_T is 4e-5 for every T; otherwise alpha_bar_T is 0.36 at T = 100.
    """
    beta = torch.linspace(1e-4, 0.02, T, dtype=torch.float64)
    alpha = (1 - beta) ** (PAPER_STEPS / T if scaled else 1)
    return torch.cat([alpha.new_ones(1), alpha.cumprod(0)])


def cosine(T: int) -> Tensor:
    """The alpha_bar (T + 1,) of a squared cosine (Nichol and Dhariwal 2021, eq. 17), float64. It stays above
    LEAST for every T; the paper instead keeps beta_t below 0.999."""
    s = 0.008  # keeps the first beta from being too small
    u = torch.arange(T + 1, dtype=torch.float64) / T
    return above(((u + s) / (1 + s) * math.pi / 2).cos().square())


def sigmoid(T: int) -> Tensor:
    """The alpha_bar (T + 1,) of a sigmoid from 3 to -3 (Jabri et al. 2022, algorithm 1), float64."""
    return above(torch.linspace(3, -3, T + 1, dtype=torch.float64).sigmoid())


def above(f: Tensor) -> Tensor:
    """Shift and scale f (T + 1,) so that it falls from 1 to LEAST."""
    share = (f - f[-1]) / (f[0] - f[-1])
    return LEAST + (1 - LEAST) * share


def alpha_bar(name: str, T: int, scaled: bool = True) -> Tensor:
    """The schedule of this name: "linear", "cosine" or "sigmoid"."""
    return linear(T, scaled) if name == "linear" else {"cosine": cosine, "sigmoid": sigmoid}[name](T)


def beta(alpha_bar: Tensor) -> Tensor:
    """The beta (T + 1,) of alpha_bar (T + 1,); beta_0 = 0."""
    return torch.cat([alpha_bar.new_zeros(1), 1 - alpha_bar[1:] / alpha_bar[:-1]])


def by_steps(alpha_bar: Tensor) -> list[tuple[float, float]]:
    """Mean and variance of x_t for x_0 = 1 and t = 0 ... T, by applying eq. (2) step by step."""
    mean, variance, moments = 1.0, 0.0, []
    for b in beta(alpha_bar).tolist():
        mean, variance = math.sqrt(1 - b) * mean, (1 - b) * variance + b
        moments.append((mean, variance))
    return moments


def levels(T: int, steps: int) -> list[int]:
    """The levels [T, ..., 0] of a walk of at most `steps` steps, as equal as whole numbers allow."""
    n = min(steps, T)
    return [round(T * (n - i) / n) for i in range(n + 1)]


def groups(T: int, n: int) -> list[range]:
    """The levels 1 ... T in n groups of neighbours, or T if that is less, as equal as whole numbers allow."""
    return [range(s + 1, t + 1) for s, t in pairwise(reversed(levels(T, n)))]
