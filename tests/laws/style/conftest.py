"""A small network with random weights in the place of VGG-19, whose layers have the same names."""

from collections import OrderedDict
from functools import cache

import pytest
import torch
from torch import nn

from engine.nets import backbone as nets
from engine.nets.backbone import Backbone
from engine.style import canvas


@cache
def network(
    name: str, pooling: str, device: torch.device | None = None, dtype: torch.dtype = torch.float64
) -> Backbone:
    """Five blocks of two convolutions each. Every name and pooling has weights of its own."""
    seed = [*nets.Name.__args__].index(name)
    layers, channels = OrderedDict(), 3
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for block, width in enumerate((4, 5, 6, 7, 8), 1):
            for i in (1, 2):
                layers[f"conv{block}_{i}"] = nn.Conv2d(channels, width, 3, padding=1)
                layers[f"relu{block}_{i}"] = nn.ReLU()
                channels = width
            layers[f"pool{block}"] = nn.MaxPool2d(2) if pooling == "max" else nn.AvgPool2d(2)
    return Backbone(layers, nets.standard).to(dtype)


@pytest.fixture
def small(monkeypatch):
    """All transfers of the test see through small networks."""
    monkeypatch.setattr(canvas, "backbone", network)
