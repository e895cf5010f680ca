"""What it costs to draw with a model, so that a large one is drawn more coarsely instead of late."""

from __future__ import annotations

import math
from collections.abc import Callable
from weakref import WeakKeyDictionary

import torch
from torch.utils.flop_counter import FlopCounterMode

from engine.codes.base import Coder

DECODED, ENCODED = 8e9, 4e9  # operations that one picture may take: some 0.3 s of one core
_known: WeakKeyDictionary[Coder, tuple[int, int]] = WeakKeyDictionary()


def affordable(model: Coder) -> tuple[int, int]:
    """How many codes may be decoded, and how many examples encoded, for one picture."""
    if model not in _known:
        each = []
        for n in (1, 2):  # what does not grow with n is paid only once
            y = model.labels(n) if model.labelled else None
            x = torch.zeros(n, *model.space.shape, **model.like)
            z = torch.zeros(n, model.config.z, **model.like)
            each.append([_operations(model.decode, z, y), _operations(model.encode, x, y)])
        decode, encode = (max(1, two - one) for one, two in zip(*each, strict=True))
        _known[model] = int(DECODED / decode), int(ENCODED / encode)
    return _known[model]


def _operations(act: Callable[..., object], *given: object) -> int:
    with FlopCounterMode(display=False) as counter:
        act(*given)
    return int(counter.get_total_flops())


def side(tiles: int, most: int, least: int = 10) -> int:
    """Of a square of so many tiles."""
    return max(least, min(most, math.isqrt(tiles)))
