r"""Planar flow (Rezende and Mohamed, 2015, https://arxiv.org/abs/1505.05770).

Each layer pushes the plane along one direction u, as far as one number of x says:

    f(x) = x + u h(w x + b),      |det df/dx| = |1 + h'(w x + b) w u|                       eq. (10) to (12)

with h = tanh. It is invertible while w u >= -1. The paper bends z into x with it, for an encoder; here it
goes from x to z, as all flows of the lecture do, so that log p(x) is exact and in one pass.
"""

from __future__ import annotations

from engine.config import knob
from engine.flow.base import Flow, FlowConfig
from engine.flow.transforms import Planar, Transform
from engine.space import Line, Plane


class PlanarConfig(FlowConfig):
    layers: int = knob(
        16, 1, 32, label="Layers", symbol="L", says="pushes along a direction, one after another"
    )


class PlanarFlow(Flow):
    name = "planar"
    title = "Planar flow"
    source = "Rezende and Mohamed, 2015, https://arxiv.org/abs/1505.05770"
    Config = PlanarConfig
    kinds = (Line, Plane)
    recipes = {Plane: {"lr": 5e-3}, Line: {"lr": 5e-3, "layers": 8}}

    def build(self) -> list[Transform]:
        return [Planar(self.space.size) for _ in range(self.config.layers)]
