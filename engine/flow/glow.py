r"""Glow (Kingma and Dhariwal, 2018, https://arxiv.org/abs/1807.03039).

A step has three layers (table 1 of the paper):

    actnorm      z = (x - m) exp(s)                        H W sum(s)
    1 x 1        z = W x at every place, W = P L U         H W sum(log |U_ii|)
    coupling     z_a = x_a, z_b = x_b exp(s(x_a)) + t(x_a)      sum(s)

so the choice of the half that is kept is learned as well. A point has one place and two channels. Pictures
are squeezed: every 2 x 2 pixels become four channels. Half of the steps see 14 x 14 places, half 7 x 7. The
paper lets channels exit early; here all numbers go through all steps.
"""

from __future__ import annotations

import torch
from torch import nn

from engine.flow.base import PICTURES, Flow, FlowConfig
from engine.flow.linear import ActNorm, Mix
from engine.flow.pixels import Logit, Reshape, Squeeze
from engine.flow.transforms import Coupling, Transform, affine
from engine.space import Picture, Plane


class Glow(Flow):
    """A flow of steps that scale, mix, and couple."""

    name = "glow"
    title = "Glow"
    source = "Kingma and Dhariwal, 2018, https://arxiv.org/abs/1807.03039"
    Config = FlowConfig
    kinds = (Plane, Picture)
    recipes = {
        Plane: {"layers": 6},
        # the matrices choose the halves
        Picture: PICTURES | {"layers": 8, "width": 64, "batch": 64, "lr": 2e-3, "order": "none"},
    }

    def build(self) -> list[Transform]:
        """Steps of actnorm, mixing and coupling."""
        if isinstance(self.space, Picture):
            return self.of_pictures()
        layers: list[Transform] = []
        for keep in self.kept():
            coupling = self.coupling(keep, affine, 2)
            layers += [ActNorm(self.space.size), Mix(self.space.size), coupling]
        return layers

    def of_pictures(self) -> list[Transform]:
        """Steps on squeezed pictures."""
        C, H, W = self.space.shape
        # all places of a channel share one scale, for which black is too narrow with a wider margin
        layers: list[Transform] = [Logit(1e-6)]
        for scale in range(2):
            C, H, W = 4 * C, H // 2, W // 2
            layers.append(Squeeze())
            for keep in self.halves(torch.arange(C) < C // 2)[: (self.config.layers + 1 - scale) // 2]:
                layers += [ActNorm(C), Mix(C), Coupling(keep, self.conv(C), affine)]
        return [*layers, Reshape((C, H, W), (self.space.size,))]

    def conv(self, C: int) -> nn.Sequential:
        """The net of a coupling of pictures, whose hidden layers are 1 x 1; its outputs begin at 0."""
        width, depth = self.config.width, self.config.depth
        last = nn.Conv2d(width, C, 3, padding=1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        net = [nn.Conv2d(C // 2, width, 3, padding=1), nn.ReLU()]
        for _ in range(depth):
            net += [nn.Conv2d(width, width, 1), nn.ReLU()]
        return nn.Sequential(*net, last)
