r"""Flow matching with straight paths (Lipman et al., 2023, https://arxiv.org/abs/2210.02747; rectified flow,
Liu et al., 2023, https://arxiv.org/abs/2209.03003).

Noise and data are joined by a straight line, and the net learns the speed at which to walk along it:

    x_t = (1 - t) x_0 + t eps,      u = dx_t / dt = eps - x_0,      E || u_theta(x_t, t) - u ||^2

Here t = 0 is the data and t = 1 the noise, as for a diffusion (the first paper counts the other way), cut
into T levels. A sample follows dx/dt = u_theta from 1 to 0. No noise is added: the start decides all.
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
    sampler: Literal["Euler", "Heun"] = knob(
        "Euler", label="Sampler", live=True, says="how to follow the speed from noise to data"
    )


class FlowMatching(Denoiser):
    name = "flow-matching"
    title = "Flow matching"
    source = "Lipman et al., 2023, https://arxiv.org/abs/2210.02747"
    Config = FlowMatchingConfig
    samplers = ("Euler", "Heun")
    predicts = "u"
    recipes = {Picture: PICTURES}

    def __init__(self, config: FlowMatchingConfig, space: Space) -> None:
        t = torch.linspace(0, 1, config.T + 1, dtype=torch.float64)
        super().__init__(config, space, 1 - t, t)

    def way(self, c: Any, predict: Predict, x: Tensor, stops: list[int]) -> Iterator[Step]:
        """Euler's steps along u; with Heun's, along the mean of u at both ends, but the last."""
        for t, s in pairwise(stops):
            eps, x0 = predict(x, t)
            yield Step(t, x, eps, x0)
            u, dt = eps - x0, (s - t) / c.T
            if c.sampler == "Heun" and s > 0:
                eps, x0 = predict(x + dt * u, s)
                u = (u + eps - x0) / 2
            x = x + dt * u
        yield ended(x)
