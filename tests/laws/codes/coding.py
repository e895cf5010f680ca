"""Coders for laws: small, and away from the small weights of a fresh net."""

from __future__ import annotations

import torch

from engine.family import Family
from engine.space import Space


def shaken(family: type[Family], space: Space, **values) -> Family:
    """A small model of this family with larger weights."""
    torch.manual_seed(0)
    model = family(family.configure(space, {"width": 8, "z": 2} | values), space)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.4)
    return model
