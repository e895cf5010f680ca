r"""NICE: non-linear independent components estimation.

Dinh, Krueger and Bengio, 2014, https://arxiv.org/abs/1410.8516. A layer keeps half of x, and adds a function
of it to the other half:

    z_a = x_a,      z_b = x_b + t(x_a)                                                      eq. (9)

Its determinant is 1. Only the last layer changes volume: z = S (x - m) with a diagonal S (section 3.3,
whose m is 0)
"""

from __future__ import annotations

from engine.flow.base import PICTURES, Flow, FlowConfig
from engine.flow.linear import ActNorm
from engine.flow.transforms import Transform, additive
from engine.space import Picture, Plane


class NICE(Flow):
    """A flow of couplings that only shift."""

    name = "nice"
    title = "NICE"
    source = "Dinh, Krueger and Bengio, 2014, https://arxiv.org/abs/1410.8516"
    Config = FlowConfig
    kinds = (Plane, Picture)
    recipes = {Picture: PICTURES}

    def build(self) -> list[Transform]:
        """Additive couplings, and one scaling at the end."""
        couplings = [self.coupling(keep, additive, 1) for keep in self.kept()]
        return [*self.pixels(), *couplings, ActNorm(self.space.size)]
