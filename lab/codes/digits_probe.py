"""What the probes of codes share: pictures of the test data, and their codes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.codes.base import Coder
from engine.data import Dataset, floats
from lab.probes.brought import CHUNK

WORK = 1e11  # multiplications of convolutions for one answer: some seconds


def tests(model: Coder, data: Dataset, index: list[int]) -> tuple[Tensor, Tensor | None]:
    """Test pictures x (n, *shape), and their labels (n,) where the model wants them."""
    y = model.known(data.test_y)[index] if model.labelled else None
    return floats(data.test_x[index]), y


def codes(model: Coder, x: Tensor, y: Tensor | None = None) -> Tensor:
    """The mean codes (n, z) of x, a few at a time."""
    ys = [None] * len(x) if y is None else y.split(CHUNK)
    return torch.cat([model.encode(*pair)[0] for pair in zip(x.split(CHUNK), ys, strict=False)])


def decoded(model: Coder, z: Tensor, y: Tensor | None = None) -> Tensor:
    """The mean pictures (n, *shape) of codes z, a few at a time; y is one label for all, or one each."""
    if y is None:
        return torch.cat([model.decode(part) for part in z.split(CHUNK)])
    parts = zip(z.split(CHUNK), y.expand(len(z)).split(CHUNK), strict=True)
    return torch.cat([model.decode(part, of) for part, of in parts])


def affordable(model: Coder, n: int) -> int:
    """How many of n pictures to use, where convolutions make each dear: at least 100."""
    weights = sum(layer.weight.numel() for layer in model.modules() if isinstance(layer, nn.Conv2d))
    positions = model.space.size // model.space.shape[0] / 4  # on average, for nets halve and double
    return n if not weights else min(n, max(100, int(WORK / (weights * positions))))
