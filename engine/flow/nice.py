r"""NICE: non-linear independent components estimation (Dinh, Krueger and Bengio, 2014,
https://arxiv.org/abs/1410.8516).

A layer keeps half of x and adds to the other half what a net says of the kept one:

    z_a = x_a,      z_b = x_b + t(x_a)                                                      eq. (9)

Its determinant is 1. Only the last layer changes volume: z = S x with a diagonal S      (section 3.3).
"""

from __future__ import annotations

from engine.flow.base import PICTURES, Flow, FlowConfig
from engine.flow.transforms import ActNorm, Transform, additive
from engine.space import Picture, Plane


class NICE(Flow):
    name = "nice"
    title = "NICE"
    source = "Dinh, Krueger and Bengio, 2014, https://arxiv.org/abs/1410.8516"
    Config = FlowConfig
    kinds = (Plane, Picture)
    recipes = {Picture: PICTURES}

    def build(self) -> list[Transform]:
        couplings = [self.coupling(keep, additive, 1) for keep in self.kept()]
        return [*self.pixels(), *couplings, ActNorm(self.space.size)]
