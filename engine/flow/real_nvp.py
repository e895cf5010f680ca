r"""Real-NVP: real-valued non-volume-preserving transformations.

Dinh, Sohl-Dickstein and Bengio, 2017, https://arxiv.org/abs/1605.08803. A layer keeps half of x, and uses two
functions of it to scale and shift the other half:

    z_{1:d} = x_{1:d},      z_{d+1:D} = x_{d+1:D} exp(s(x_{1:d})) + t(x_{1:d})               eq. (4), (5)
    log |det dz/dx| = sum_j s(x_{1:d})_j                                                    eq. (6)

The inverse is as cheap, and never inverts s or t: x_{d+1:D} = (z_{d+1:D} - t(z_{1:d})) exp(-s(z_{1:d})).
From layer to layer the halves swap roles. Here s and t are two outputs of one net, and s is squashed softly
into a range where exp neither overflows nor vanishes.
"""

from __future__ import annotations

from engine.flow.base import PICTURES, Flow, FlowConfig
from engine.flow.transforms import Transform, affine
from engine.space import Picture, Plane


class RealNVP(Flow):
    """A flow of couplings that scale and shift."""

    name = "real-nvp"
    title = "Real-NVP"
    source = "Dinh, Sohl-Dickstein and Bengio, 2017, https://arxiv.org/abs/1605.08803"
    Config = FlowConfig
    kinds = (Plane, Picture)
    recipes = {Picture: PICTURES}

    def build(self) -> list[Transform]:
        """Affine couplings, after the layers that turn pixels into numbers."""
        couplings = [self.coupling(keep, affine, 2) for keep in self.kept()]
        return [*self.pixels(), *couplings]
