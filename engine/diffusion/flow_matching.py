r"""Flow matching with straight paths (Lipman et al., 2023, https://arxiv.org/abs/2210.02747).

Rectified flow (Liu et al., 2023, https://arxiv.org/abs/2209.03003) is the same idea. A straight line joins
noise and data, and the net learns the velocity along it:

    x_t = (1 - t) x_0 + t eps,      u = dx_t / dt = eps - x_0,      E || u_theta(x_t, t) - u ||^2

As in a diffusion, t = 0 is the data and t = 1 the noise (the first paper counts the other way), in T equal
steps. A sample follows dx/dt = u_theta from 1 to 0. No noise is added: the start determines the sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor

from engine.config import knob
from engine.diffusion.base import PICTURES, Denoiser, DenoiserConfig
from engine.diffusion.samplers import Predict, Step, ended
from engine.space import Picture, Space


class FlowMatchingConfig(DenoiserConfig):
    """Knobs of flow matching."""

    sampler: Literal["Euler", "Heun"] = knob(
        "Euler", label="Sampler", live=True, says="the method that follows the velocity from noise to data"
    )


class FlowMatching(Denoiser):
    """A net that learns the velocity along straight lines from noise to data."""

    name = "flow-matching"
    title = "Flow matching"
    source = "Lipman et al., 2023, https://arxiv.org/abs/2210.02747"
    branch = "tractable"  # its density is exact along the ODE, although its loss is another
    Config = FlowMatchingConfig
    samplers = ("Euler", "Heun")
    predicts = "u"
    recipes = {Picture: PICTURES}

    def __init__(self, config: FlowMatchingConfig, space: Space) -> None:
        t = torch.linspace(0, 1, config.T + 1, dtype=torch.float64)
        super().__init__(config, space, 1 - t, t)

    def way(self, c: Any, predict: Predict, x: Tensor, stops: list[int]) -> Iterator[Step]:
        """Euler steps along u; Heun's use the mean of u at both ends of a step, except in the last."""
        for t, s in pairwise(stops):
            eps, x0 = predict(x, t)
            yield Step(t, x, eps, x0)
            u, dt = eps - x0, (s - t) / c.T
            if c.sampler == "Heun" and s > 0:
                eps, x0 = predict(x + dt * u, s)
                u = (u + eps - x0) / 2
            x = x + dt * u
        yield ended(x)
