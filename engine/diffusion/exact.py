r"""The optimum of any net: E[x_0 | x_t] in closed form, for data from a mixture of Gaussians.

With x_0 ~ sum_k w_k N(c_k, sigma^2 I) and x_t = signal x_0 + noise eps, x_t follows a mixture as well, of
N(signal c_k, v I) with v = signal^2 sigma^2 + noise^2. Let r_k be the posterior probability that x_t came
from component k, and c = sum_k r_k c_k the posterior mean of the centres. Then

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

CHUNK = 2**20  # probabilities r_k held at a time
Number = float | Tensor


class Exact:
    """The exact denoiser of a mixture. `signal` and `noise` are numbers: one level t for all x."""

    def __init__(self, mixture: Mixture) -> None:
        self.mixture = mixture

    def predict(self, x: Tensor, signal: Number, noise: Number) -> tuple[Tensor, Tensor]:
        """E[eps | x_t] and E[x_0 | x_t], (n, d) each, at x_t = x (n, d)."""
        c, v = self._centre(x, signal, noise)
        away = x - signal * c
        return noise / v * away, c + signal * self.mixture.sigma**2 / v * away

    def score(self, x: Tensor, signal: Number, noise: Number) -> Tensor:
        """The gradient of log p_t at x (n, d)."""
        c, v = self._centre(x, signal, noise)
        return (signal * c - x) / v

    def _centre(self, x: Tensor, signal: Number, noise: Number) -> tuple[Tensor, Number]:
        """The c (n, d) and v."""
        v = signal**2 * self.mixture.sigma**2 + noise**2
        centres, log_w = self.mixture.centres.to(x), self.mixture.weights.log().to(x)
        # |x|^2 is the same for every k, so it is left out
        ground = log_w - signal**2 * centres.square().sum(1) / (2 * v)
        parts = x.split(CHUNK // len(centres))
        return torch.cat([(signal / v * x @ centres.T + ground).softmax(1) @ centres for x in parts]), v

    def error(self, model: Denoiser, x0: Tensor, t: int) -> float:
        """The root mean square error of the model's score at x_t of examples x0 (n, d), relative to the
        root mean square of the exact score; draws the noise of x_t."""
        x = model.q(x0, t, torch.randn_like(x0))
        truth = self.score(x, model.signal[t], model.noise[t])
        return float((model.score(x, t) - truth).norm() / truth.norm())


def exact(data: Dataset) -> Exact | None:
    """The exact denoiser of these data, or None; a curve counts as the mixture that gives its density."""
    target = data.target.quadrature if isinstance(data.target, Curve) else data.target
    return Exact(target) if isinstance(target, Mixture) else None
