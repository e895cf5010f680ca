r"""Denoising diffusion probabilistic model (Ho, Jain and Abbeel, 2020, https://arxiv.org/abs/2006.11239).

The forward process adds noise to x_0 step by step, or in one jump:

    q(x_t | x_{t-1}) = N(sqrt(1 - beta_t) x_{t-1}, beta_t I)                                    eq. (2)
    q(x_t | x_0)     = N(sqrt(alpha_bar_t) x_0, (1 - alpha_bar_t) I)                            eq. (4)

The reverse process p(x_{t-1} | x_t) = N(mu(x_t, t), sigma_t^2 I) removes it again, with the mean

    mu = 1 / sqrt(alpha_t) (x_t - beta_t / sqrt(1 - alpha_bar_t) eps_theta(x_t, t))             eq. (11)

and the net learns eps by least squares                                                         eq. (14)

engine/diffusion/schedule.py has the noise schedules, engine/diffusion/samplers.py the reverse process and
faster samplers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from torch import Tensor

from engine.config import Where, knob
from engine.diffusion import schedule
from engine.diffusion.base import PICTURES, Denoiser, DenoiserConfig
from engine.diffusion.samplers import SAMPLERS, Predict, Step, Walk
from engine.space import Picture, Plane, Space


class DDPMConfig(DenoiserConfig):
    """Knobs of DDPM: the schedule, what the net predicts, and how samples are drawn."""

    schedule: Literal["linear", "cosine", "sigmoid"] = knob(
        "linear", label="Noise schedule", symbol=r"\beta_t", says="how the noise grows with t"
    )
    scaled: bool = knob(
        True, label="Schedule scaled with T", advanced=True,
        says="whether the linear schedule, designed for 1,000 steps, is rescaled to T steps",
        where=Where("only for the linear schedule", lambda c, _: c.schedule == "linear" and c.T != 1000),
    )  # fmt: skip
    predicts: Literal["eps", "x0", "v"] = knob(
        "eps", label="The net predicts", says="the noise, the data, or v = signal eps - noise x0"
    )
    weighting: Literal["simple", "bound", "min-SNR"] = knob(
        "simple", label="Weight of the loss", advanced=True, live=True,
        says="every t alike; as in the bound on log p(x); or with less weight on low noise",
    )  # fmt: skip
    sampler: Literal["DDPM", "DDIM", "Euler", "Heun", "DPM-Solver++", "DDPM as on the slide"] = knob(
        "DDPM", label="Sampler", live=True, says="the method that turns noise into samples"
    )
    variance: Literal["beta", "posterior"] = knob(
        "beta", label="Variance of a DDPM step", symbol=r"\sigma_t^2", live=True, advanced=True,
        says="beta_t, optimal for data of variance 1, or the posterior's, optimal for a single point",
        where=Where("only with the sampler DDPM", lambda c, _: c.sampler.startswith("DDPM")),
    )  # fmt: skip
    eta: float = knob(
        0.0, 0, 1, label="Noise of DDIM", symbol=r"\eta", step=0.05, live=True, advanced=True,
        says="0 adds none, 1 as much as DDPM with the posterior's variance",
        where=Where("only with the sampler DDIM", lambda c, _: c.sampler == "DDIM"),
    )  # fmt: skip
    clip: bool = knob(
        True, label="Pixels kept in range", live=True, advanced=True,
        says="whether each predicted picture is clipped to the range of black to white",
        where=Where("only with pictures", lambda _, space: isinstance(space, Picture)),
    )  # fmt: skip


class DDPM(Denoiser):
    """A net that learns to remove noise, and walks from pure noise to data."""

    name = "ddpm"
    title = "Denoising diffusion"
    source = "Ho, Jain and Abbeel, 2020, https://arxiv.org/abs/2006.11239"
    branch = "approximate"
    Config = DDPMConfig
    samplers = tuple(SAMPLERS)
    recipes = {
        Plane: {"schedule": "cosine"},  # more levels where shapes are fine: the ring takes half the time
        Picture: PICTURES | {"sampler": "DDIM"},
    }

    def __init__(self, config: DDPMConfig, space: Space) -> None:
        alpha_bar = schedule.alpha_bar(config.schedule, config.T, config.scaled)
        super().__init__(config, space, alpha_bar.sqrt(), (1 - alpha_bar).sqrt())
        self.alpha_bar, self.predicts = alpha_bar, config.predicts

    def weight(self, t: Tensor) -> Tensor:
        """The weight of the squared error of the output at each t (n,), by the knob `weighting`.

        "bound": beta_t^2 / (2 sigma_t^2 alpha_t (1 - alpha_bar_t)) of an error in eps (eq. 12). "min-SNR":
        min(SNR, 5) / SNR of an error in eps (Hang et al. 2023, https://arxiv.org/abs/2303.09556).
        """
        if self.config.weighting == "simple":
            return super().weight(t)
        ab = self.alpha_bar  # float64, on the CPU: not every device has it
        snr, beta = ab / (1 - ab), schedule.beta(ab)
        bound = beta / (2 * (1 - beta) * (1 - ab))  # with sigma_t^2 = beta_t
        of_eps = snr.clamp(max=5) / snr if self.config.weighting == "min-SNR" else bound
        p, q = self.mixture(t)
        signal, noise = self.at(t, self.signal), self.at(t, self.noise)
        # an error e of the output is an error of signal e / (p signal - q noise) in eps
        share = (signal / (p * signal - q * noise)).flatten()
        return of_eps.to(share.dtype).to(share.device)[t] * share.square()

    def way(self, c: Any, predict: Predict, x: Tensor, stops: list[int]) -> Iterator[Step]:
        """Run one of SAMPLERS; predicted pictures are clipped if the knob `clip` says so."""
        clips = c.clip and isinstance(self.space, Picture)

        def clipped(x: Tensor, t: int) -> tuple[Tensor, Tensor]:
            eps, x0 = predict(x, t)
            if clips:
                x0 = x0.clamp(-1, 1)
                eps = (x - self.signal[t] * x0) / self.noise[t]
            return eps, x0

        signal, noise = self.alpha_bar.sqrt().tolist(), (1 - self.alpha_bar).sqrt().tolist()
        return SAMPLERS[c.sampler](Walk(clipped, signal, noise, stops, c.eta, c.variance == "posterior"), x)
