r"""Masked autoregressive flow (Papamakarios, Pavlakou and Murray, 2017, https://arxiv.org/abs/1705.07057).

Each layer standardizes every number by a mean and a scale that depend on the numbers before it:

    z_i = (x_i - mu_i(x_{1:i-1})) exp(-s_i(x_{1:i-1})),      log |det dz/dx| = -sum_i s_i    eq. (3) to (5)

One pass of a masked net (MADE) gives all mu_i and s_i, so the density is fast. A sample is slow: x_i needs
x_{1:i-1}, so it takes D steps that wait for each other,

    x_i = z_i exp(s_i(x_{1:i-1})) + mu_i(x_{1:i-1})
"""

from __future__ import annotations

from engine.flow.base import PICTURES, AutoregressiveFlow, FlowConfig
from engine.flow.transforms import Autoregressive, Transform, standardize
from engine.nets.masked import MADE
from engine.space import Picture, Plane


class MAF(AutoregressiveFlow):
    """Autoregressive layers: fast densities, slow samples."""

    name = "maf"
    title = "Masked autoregressive flow"
    source = "Papamakarios, Pavlakou and Murray, 2017, https://arxiv.org/abs/1705.07057"
    Config = FlowConfig
    kinds = (Plane, Picture)
    slow = ("samples",)
    recipes = {Picture: PICTURES | {"layers": 5, "width": 512}}

    def build(self) -> list[Transform]:
        """Autoregressive layers, after those that turn pixels into numbers."""
        c = self.config
        nets = [MADE(rank, c.width, c.depth, 2) for rank in self.ranks()]
        return [*self.pixels(), *[Autoregressive(net, standardize) for net in nets]]
