r"""Real-NVP: real-valued non-volume-preserving transformations (Dinh, Sohl-Dickstein and Bengio, 2017,
https://arxiv.org/abs/1605.08803).

A layer keeps half of x, and scales and shifts the other half as two nets say of the kept one:

    z_{1:d} = x_{1:d},      z_{d+1:D} = x_{d+1:D} exp(s(x_{1:d})) + t(x_{1:d})               eq. (4), (5)
    log |det dz/dx| = sum_j s(x_{1:d})_j                                                    eq. (6)

The inverse costs as little, and never inverts s or t: x_{d+1:D} = (z_{d+1:D} - t(z_{1:d})) exp(-s(z_{1:d})).
From layer to layer the halves change their roles. Here s and t are one net with two outputs, and s is bent
softly into a range in which exp neither overflows nor vanishes.
"""

from __future__ import annotations

from engine.flow.base import PICTURES, Flow, FlowConfig
from engine.flow.transforms import Transform, affine
from engine.space import Picture, Plane


class RealNVP(Flow):
    name = "real-nvp"
    title = "Real-NVP"
    source = "Dinh, Sohl-Dickstein and Bengio, 2017, https://arxiv.org/abs/1605.08803"
    Config = FlowConfig
    kinds = (Plane, Picture)
    recipes = {Picture: PICTURES}

    def build(self) -> list[Transform]:
        couplings = [self.coupling(keep, affine, 2) for keep in self.kept()]
        return [*self.pixels(), *couplings]
