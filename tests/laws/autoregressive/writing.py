"""Small models of pixels with random weights, in float64, for the laws."""

from __future__ import annotations

from itertools import product

import torch

from engine.autoregressive.base import Ordered
from engine.families import find
from engine.space import Picture

COLOURS = ((0, 0, 0), (255, 0, 0), (20, 200, 40))
GREY, COLOURED = Picture((1, 3, 3), 3), Picture((3, 3, 3), 3, palette=COLOURS)
MODELS = [
    ("nade", {"H": 5}),
    ("nade", {"H": 5, "order": "spiral"}),
    ("nade", {"H": 5, "order": "random"}),
    ("made", {"width": 9}),
    ("made", {"width": 9, "depth": 3, "order": "random"}),
    ("made", {"width": 9, "order": "spiral", "orders": 3}),
    ("pixelcnn", {"channels": 4, "layers": 2}),
    ("pixelcnn", {"channels": 4, "layers": 4, "first": "3"}),
    ("pixelcnn", {"channels": 4, "layers": 1, "first": "5"}),
    ("gated-pixelcnn", {"channels": 4, "layers": 3}),
    ("gated-pixelcnn", {"channels": 4, "layers": 2, "conditional": True}),
    ("pixelrnn", {"h": 4, "layer": "Row LSTM", "first": "3"}),
    ("pixelrnn", {"h": 4, "layer": "Row LSTM", "layers": 2}),
    ("pixelrnn", {"h": 4, "layer": "Diagonal BiLSTM", "first": "3"}),
    ("pixelrnn", {"h": 4, "layer": "Diagonal BiLSTM", "layers": 2}),
]
NAMES = [f"{name} {' '.join(map(str, knobs.values()))}" for name, knobs in MODELS]
LEAKY = [
    ("made", {"width": 90, "mask": ">="}),
    ("pixelcnn", {"channels": 4, "layers": 1, "mask": "B"}),
    ("pixelrnn", {"h": 4, "shift": False}),
]


def model(name: str, knobs: dict, space: Picture = GREY, seed: int = 0, size: float = 0.7) -> Ordered:
    """A model with random weights and biases of this size."""
    torch.manual_seed(seed)
    family = find(name)
    made = family(family.configure(space, knobs), space).double()
    for weight in made.parameters():
        weight.data = size * torch.randn_like(weight)
    return made


def label(made: Ordered, n: int, y: int = 1) -> torch.Tensor | None:
    return torch.full((n,), y) if made.conditional else None


def all_codes(K: int, D: int) -> torch.Tensor:
    """All K^D examples (K^D, D)."""
    return torch.tensor(list(product(range(K), repeat=D)))


def one_pass(made: Ordered, k: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
    """log p(x) (n,) of whole numbers k (n, D), from one pass."""
    return made.log_probs(k, y).sum(1)
