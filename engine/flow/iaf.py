r"""Inverse autoregressive flow (Kingma et al., 2016, https://arxiv.org/abs/1606.04934).

The inverse of MAF's map: x and z change places, so the nets see the preceding numbers of z, not of x:

    z_i = x_i exp(s_i(z_{1:i-1})) + mu_i(z_{1:i-1}),      log |det dz/dx| = sum_i s_i
    x_i = (z_i - mu_i(z_{1:i-1})) exp(-s_i(z_{1:i-1}))

(The paper and the lecture write these maps with other letters: their s is -s, and their mu -mu exp(-s).) So a
sample takes one pass, and the density of a given x takes D steps that wait for each other. The paper uses it
where only samples are needed, as the posterior of a VAE. Training by maximum likelihood, as here, is fast in
the plane only.
"""

from __future__ import annotations

from engine.flow.base import AutoregressiveFlow, FlowConfig
from engine.flow.transforms import Autoregressive, Inverse, Transform, standardize
from engine.nets.masked import MADE
from engine.space import Plane


class IAF(AutoregressiveFlow):
    """MAF inverted: fast samples, slow densities."""

    name = "iaf"
    title = "Inverse autoregressive flow"
    source = "Kingma et al., 2016, https://arxiv.org/abs/1606.04934"
    Config = FlowConfig
    kinds = (Plane,)

    def build(self) -> list[Transform]:
        """Inverted autoregressive layers: the law that takes x to z in MAF takes z to x here."""
        c = self.config
        nets = [MADE(rank, c.width, c.depth, 2) for rank in self.ranks()]
        return [Inverse(Autoregressive(net, standardize)) for net in nets]
