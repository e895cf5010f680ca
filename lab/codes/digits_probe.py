"""What probes of codes share: test pictures, their codes, and a budget."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.codes.base import Coder
from engine.data import Dataset, floats
from lab.probes.brought import CHUNK

WORK = 1e11  # multiplications in convolutions that one answer may take: a few seconds


def tests(model: Coder, data: Dataset, index: list[int]) -> tuple[Tensor, Tensor | None]:
    """Test pictures x (n, *shape), and their labels (n,) if the model is told labels."""
    y = model.known(data.test_y)[index] if model.labelled else None
    return floats(data.test_x[index]), y


def codes(model: Coder, x: Tensor, y: Tensor | None = None) -> Tensor:
    """The mean codes (n, z) of x (n, *shape), computed in chunks."""
    ys = [None] * len(x) if y is None else y.split(CHUNK)
    return torch.cat([model.encode(*pair)[0] for pair in zip(x.split(CHUNK), ys, strict=False)])


def decoded(model: Coder, z: Tensor, y: Tensor | None = None) -> Tensor:
    """The mean pictures (n, *shape) of codes z (n, z), in chunks; y is one label for all, or one each."""
    if y is None:
        return torch.cat([model.decode(part) for part in z.split(CHUNK)])
    parts = zip(z.split(CHUNK), y.expand(len(z)).split(CHUNK), strict=True)
    return torch.cat([model.decode(part, labels) for part, labels in parts])


def within_budget(model: Coder, n: int) -> int:
    """How many of n pictures one answer may use: fewer, but at least 100, where convolutions are costly."""
    weights = sum(layer.weight.numel() for layer in model.modules() if isinstance(layer, nn.Conv2d))
    positions = model.space.size // model.space.shape[0] / 4  # on average: nets halve and double
    return n if not weights else min(n, max(100, int(WORK / (weights * positions))))
