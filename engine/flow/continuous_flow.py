r"""Continuous flow: a neural ODE (Chen et al., 2018, https://arxiv.org/abs/1806.07366).

(Grathwohl et al., 2019, https://arxiv.org/abs/1810.01367, use it as a density.) It is the limit of many
layers, each of which does little: x moves with a velocity that a net gives,

    dh/dt = v(h, t),      h(0) = x,  h(1) = z
    log p_x(x) = log p_z(z) + integral of tr(dv/dh) dt                     (Chen et al., theorem 1)

No layer needs to be invertible, because time can run backwards. The trace is exact here: derivatives go
through the net beside the values. A solver with adaptive steps follows the paths.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torchdiffeq import odeint

from engine.config import Refused, knob
from engine.device import widest
from engine.flow.base import Flow, FlowConfig
from engine.flow.bases import Base
from engine.flow.transforms import Bijection, Pair, Transform
from engine.space import Line, Plane

TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-11}  # of the mean over all paths: in training, in laws
STEPS = 1000  # of the solver, at most, for densities; a trained net needs about 10
EXACT = 1e-6  # of the worst path, for densities: it leaves them within 1e-4 nat


class Piece(Transform):
    """The movement with velocity v from time `start` to `end`."""

    title = "time"

    def __init__(self, v: nn.Sequential, start: float, end: float) -> None:
        super().__init__()
        self.shared: list[Any] = [v]  # in a list, so that it is no submodule: all pieces share it
        self.ends = start, end

    def forward(self, x: Tensor) -> Pair:
        """From x at `start` to z at `end`."""
        return self.follow(x, self.ends)

    def inverse(self, z: Tensor) -> Pair:
        """From z at `end` back to x at `start`."""
        return self.follow(z, self.ends[::-1])

    def follow(self, h: Tensor, ends: tuple[float, float], worst: float | None = None) -> Pair:
        """Along the paths of h between two times; `worst` bounds the error of each, not their mean."""
        tolerance, times = worst or TOLERANCE[h.dtype], h.new_tensor(ends)
        start = torch.cat([h, torch.zeros_like(h[:, :1])], 1)
        options: dict[str, Any] = {"dtype": widest(h.device)}
        options |= {"norm": farthest, "max_num_steps": STEPS} if worst else {}
        try:
            end = odeint(
                self.velocity, start, times, rtol=tolerance, atol=tolerance, method="dopri5", options=options
            )[-1]
        except AssertionError as error:  # steps have become too short, or too many
            raise Refused(
                "The velocity has become too steep to follow: rewind, or lower the learning rate."
            ) from error
        return end[:, :-1], end[:, -1]

    def velocity(self, t: Tensor, state: Tensor) -> Tensor:
        """The velocity v (n, D) at time t, and the trace of dv/dh (n, 1), side by side."""
        h = state[:, :-1]
        D = h.shape[1]
        first, *rest = self.shared[0]
        slopes = first.weight[:, :D].T.expand(len(h), D, -1)  # dh/dh_i (n, D, width)
        h = first(torch.cat([h, t.expand(len(h), 1)], 1))
        for layer in rest:
            h = layer(h)
            linear = isinstance(layer, nn.Linear)
            slopes = slopes @ layer.weight.T if linear else slopes * (1 - h.square())[:, None]
        return torch.cat([h, slopes.diagonal(dim1=1, dim2=2).sum(1, keepdim=True)], 1)


def farthest(errors: Tensor) -> Tensor:
    """The largest error; the solver's own norm is their mean square, in which one path counts for little."""
    return errors.abs().max()


class Straight(Bijection):
    """All pieces of time in one go, because each stop costs the solver extra steps."""

    def __init__(self, transforms: list[Transform], base: Base) -> None:
        super().__init__(transforms, base)
        self.v = self.transforms[0].shared[0]
        self.all_time = Piece(self.v, 0, 1)
        self.worst: float | None = None

    def forward(self, x: Tensor) -> Pair:
        """The image z = f(x) and log |det dz/dx| (n,)."""
        return self.all_time(x)  # type: ignore[no-any-return]

    def inverse(self, z: Tensor) -> Pair:
        """The origin x = f^-1(z) and log |det dx/dz| (n,)."""
        return self.all_time.inverse(z)

    def log_prob(self, x: Tensor) -> Tensor:
        """The density log p_x(x) (n,) in nats."""
        z, log_det = self.all_time.follow(x, self.all_time.ends, self.worst)
        return self.base.log_prob(z) + log_det


class ContinuousConfig(FlowConfig):
    """Knobs of the continuous flow, which changes all variables at once."""

    idle = ("order",)
    width: int = knob(64, 4, 256, label="Width", log=True, says="units of each hidden layer of the net")
    layers: int = knob(
        4, 1, 16, label="Pieces of time", symbol="L", says="stops on the way from x to z, which share one net"
    )


class ContinuousFlow(Flow):
    """A flow whose x moves continuously with a learned velocity."""

    name = "continuous-flow"
    title = "Continuous flow"
    source = "Chen et al., 2018, https://arxiv.org/abs/1806.07366"
    Config = ContinuousConfig
    kinds = (Line, Plane)
    bijection = Straight
    slow = ("density",)

    def exact(self) -> Straight:
        """A copy of the averaged f in float64, whose solver is as fine as densities need."""
        f: Straight = super().exact()
        f.worst = EXACT if self.like["dtype"] != torch.float64 else None
        return f

    def build(self) -> list[Transform]:
        """Pieces of time that share one net v."""
        c = self.config
        v = self.net(self.space.size + 1, self.space.size, act=nn.Tanh)
        return [Piece(v, i / c.layers, (i + 1) / c.layers) for i in range(c.layers)]
