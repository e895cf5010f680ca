"""Layers shared by the families, so that a family's file holds only its model."""

from __future__ import annotations

from itertools import pairwise

from torch import nn


def mlp(inputs: int, width: int, depth: int, outputs: int, last: nn.Module | None = None) -> nn.Sequential:
    """`depth` hidden layers of `width` LeakyReLU(0.2) units; (B, inputs) to (B, outputs)."""
    sizes = [inputs] + [width] * depth
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
    layers.append(nn.Linear(sizes[-1], outputs))
    return nn.Sequential(*layers, *([last] if last else []))
