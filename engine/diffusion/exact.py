r"""The best that any net can do: E[x_0 | x_t] in closed form, where the data are a mixture of Gaussians.

With x_0 ~ sum_k w_k N(c_k, sigma^2 I) and x_t = signal x_0 + noise eps, x_t is a mixture too, of N(signal
c_k, v I) with v = signal^2 sigma^2 + noise^2. Let r_k be the probability that x_t came from part k (Bayes)
and c = sum_k r_k c_k, the mean of the centres as x_t sees it. Then

    E[x_0 | x_t] = c + signal sigma^2 / v (x_t - signal c)
    E[eps | x_t] = noise / v (x_t - signal c)
    grad log p_t = -(x_t - signal c) / v                      (Efron 2011, Tweedie's formula)

so that signal E[x_0 | x_t] + noise E[eps | x_t] = x_t, and score = -E[eps | x_t] / noise.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.data import Dataset
from engine.data.curves import Curve
from engine.data.targets import Mixture
from engine.diffusion.base import Denoiser

CHUNK = 2**20  # weights r_k that are held at a time


class Exact:
    """The denoiser of a mixture. `signal` and `noise` are numbers, of one level t for all x."""

    def __init__(self, mixture: Mixture) -> None:
        self.mixture = mixture

    def predict(self, x: Tensor, signal: float | Tensor, noise: float | Tensor) -> tuple[Tensor, Tensor]:
        """E[eps | x_t] and E[x_0 | x_t] at x_t = x (n, d), (n, d) each."""
        c, v = self._centre(x, signal, noise)
        away = x - signal * c
        return noise / v * away, c + signal * self.mixture.sigma**2 / v * away

    def score(self, x: Tensor, signal: float | Tensor, noise: float | Tensor) -> Tensor:
        """The gradient of log p_t at x (n, d)."""
        c, v = self._centre(x, signal, noise)
        return (signal * c - x) / v

    def _centre(
        self, x: Tensor, signal: float | Tensor, noise: float | Tensor
    ) -> tuple[Tensor, float | Tensor]:
        """c (n, d) and v."""
        v = signal**2 * self.mixture.sigma**2 + noise**2
        centres, log_w = self.mixture.centres.to(x), self.mixture.weights.log().to(x)
        # |x|^2 is the same for every k, and left out
        ground = log_w - signal**2 * centres.square().sum(1) / (2 * v)
        parts = x.split(max(1, CHUNK // len(centres)))
        return torch.cat([(signal / v * x @ centres.T + ground).softmax(1) @ centres for x in parts]), v

    def error(self, model: Denoiser, x0: Tensor, t: int) -> float:
        """How far the model's score is from the exact one: the root mean square of the difference over that
        of the exact score, at x_t of examples x0 (n, d). It draws their noise."""
        x = model.q(x0, t, torch.randn_like(x0))
        right = self.score(x, model.signal[t], model.noise[t])
        return float((model.score(x, t) - right).norm() / right.norm())


def exact(data: Dataset) -> Exact | None:
    """The exact denoiser of these data; None where it is not known. A curve counts as the finely weighted
    mixture that its density is computed from."""
    target = data.target.quadrature if isinstance(data.target, Curve) else data.target
    return Exact(target) if isinstance(target, Mixture) else None
