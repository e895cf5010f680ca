r"""Neural spline flow (Durkan, Bekasov, Murray and Papamakarios, 2019, https://arxiv.org/abs/1906.04032).

As Real-NVP or MAF, but each number goes through a monotone curve instead of being scaled and shifted. The
curve has K pieces, each a quotient of two parabolas, and a net chooses its knots: engine/flow/spline.py.

    coupling           z_a = x_a,      z_b = g(x_b; net(x_a))
    autoregressive     z_i = g(x_i; net(x_{1:i-1}))

On a line there is nothing for a net to see: each layer is one curve.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

from engine.config import Where, knob
from engine.flow.base import Flow, FlowConfig
from engine.flow.spline import spline
from engine.flow.transforms import Autoregressive, Elementwise, Transform
from engine.nets.masked import MADE
from engine.space import Line, Plane

NET = Where("only with several variables", lambda _, space: not isinstance(space, Line))


class SplineFlowConfig(FlowConfig):
    """Knobs of the spline flow."""

    only = dict.fromkeys(("width", "depth", "order", "kind"), NET)
    layers: int = knob(4, 1, 16, label="Layers", symbol="L", says="invertible layers, one after another")
    bins: int = knob(8, 2, 32, label="Bins", symbol="K", says="pieces of each curve")
    bound: float = knob(
        4.0, 1, 10, label="Reach of the curve", symbol="B", advanced=True,
        says="numbers beyond it stay unchanged",
    )  # fmt: skip
    kind: Literal["coupling", "autoregressive"] = knob(
        "coupling", label="Kind of layer", advanced=True,
        says="whether one half shapes the curves of the other, or each number those of later ones",
    )  # fmt: skip


class SplineFlow(Flow):
    """A flow whose layers send each number through a monotone curve."""

    name = "spline-flow"
    title = "Neural spline flow"
    source = "Durkan et al., 2019, https://arxiv.org/abs/1906.04032"
    Config = SplineFlowConfig
    kinds = (Line, Plane)
    recipes = {Line: {"layers": 2, "bins": 16, "lr": 5e-3}}

    def build(self) -> list[Transform]:
        """Couplings or autoregressive layers with splines; plain splines on a line."""
        c = self.config
        curve, free = partial(spline, bound=c.bound), 3 * c.bins - 1
        if isinstance(self.space, Line):
            return [Elementwise(1, free, curve) for _ in range(c.layers)]
        if c.kind == "autoregressive":
            return [Autoregressive(MADE(rank, c.width, c.depth, free), curve) for rank in self.ranks()]
        return [self.coupling(keep, curve, free) for keep in self.kept()]
