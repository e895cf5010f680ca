"""The papers' schedules, targets and weights, written out number by number, for laws of what is trained."""

from __future__ import annotations

import math

LEFT = 1e-4  # of the variance of x_0 that "cosine" and "sigmoid" leave at T


def alpha_bar(name: str, T: int, scaled: bool = True) -> list[float]:
    """alpha_bar_0 ... alpha_bar_T: Ho et al. 2020, section 4; Nichol and Dhariwal 2021, eq. (17); Jabri et
    al. 2022, algorithm 1. The linear one, scaled, makes 1000 / T of the paper's steps in one."""
    if name == "linear":
        kept = [1.0]
        for i in range(T):
            beta = 1e-4 + (0.02 - 1e-4) * i / (T - 1)
            kept.append(kept[-1] * (1 - beta) ** (1000 / T if scaled else 1))
        return kept
    if name == "cosine":
        f = [math.cos((t / T + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(T + 1)]
    else:
        f = [1 / (1 + math.exp(6 * t / T - 3)) for t in range(T + 1)]
    return [LEFT + (1 - LEFT) * (one - f[T]) / (f[0] - f[T]) for one in f]


def path(name: str, T: int, scaled: bool = True) -> tuple[list[float], list[float]]:
    """The factors of x_0 and of eps in x_t, t = 0 ... T."""
    if name == "straight":
        return [1 - t / T for t in range(T + 1)], [t / T for t in range(T + 1)]
    kept = alpha_bar(name, T, scaled)
    return [math.sqrt(k) for k in kept], [math.sqrt(1 - k) for k in kept]


def target(predicts: str, a: float, b: float, x0: float, eps: float) -> float:
    """What the net should say: of v Salimans and Ho 2022, appendix D; of u Lipman et al. 2023, eq. (23)."""
    return {"eps": eps, "x0": x0, "v": a * eps - b * x0, "u": eps - x0}[predicts]


def weight(weighting: str, predicts: str, kept: list[float], t: int) -> float:
    """Of a squared error of the output at t: Ho et al. 2020, eq. (12), with sigma_t^2 = beta_t; Hang et al.
    2023, section 3.4, with gamma = 5."""
    if weighting == "simple":
        return 1.0
    snr, alpha = kept[t] / (1 - kept[t]), kept[t] / kept[t - 1]
    if weighting == "min-SNR":
        return min(snr, 5) / {"eps": snr, "x0": 1.0, "v": snr + 1}[predicts]
    of_eps = (1 - alpha) ** 2 / (2 * (1 - alpha) * alpha * (1 - kept[t]))
    return of_eps * {"eps": 1.0, "x0": snr, "v": kept[t]}[predicts]
