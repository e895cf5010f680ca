r"""Planar flow (Rezende and Mohamed, 2015, https://arxiv.org/abs/1505.05770).

Each layer pushes points along one direction u, by an amount that depends on one linear function of x:

    f(x) = x + u h(w x + b),      |det df/dx| = |1 + h'(w x + b) w u|                       eq. (10) to (12)

with h = tanh. It is invertible while w u >= -1. The paper maps z to x with it, for an encoder; here it maps x
to z, as all flows of the lecture do, so that log p(x) is exact and takes one pass.
"""

from __future__ import annotations

from engine.config import knob
from engine.flow.base import Flow, FlowConfig
from engine.flow.transforms import Planar, Transform
from engine.space import Line, Plane


class PlanarConfig(FlowConfig):
    """Knobs of the planar flow, which has no nets and changes all variables at once."""

    idle = ("order", "width", "depth")
    layers: int = knob(
        16, 1, 32, label="Layers", symbol="L", says="how many pushes, each along one direction"
    )


class PlanarFlow(Flow):
    """A flow of pushes, each along one direction."""

    name = "planar"
    title = "Planar flow"
    source = "Rezende and Mohamed, 2015, https://arxiv.org/abs/1505.05770"
    Config = PlanarConfig
    kinds = (Line, Plane)
    recipes = {Plane: {"lr": 5e-3}, Line: {"lr": 5e-3, "layers": 8}}

    def build(self) -> list[Transform]:
        """Planar layers."""
        return [Planar(self.space.size) for _ in range(self.config.layers)]
