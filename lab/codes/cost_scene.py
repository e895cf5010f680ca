"""The cost of drawing with a model. A large model is drawn more coarsely, so that its frames are not late."""

from __future__ import annotations

import math
from collections.abc import Callable
from weakref import WeakKeyDictionary

import torch
from torch.utils.flop_counter import FlopCounterMode

from engine.codes.base import Coder

DECODED, ENCODED = 8e9, 4e9  # operations that one frame may take: about 0.3 s of one core
_known: WeakKeyDictionary[Coder, tuple[int, int]] = WeakKeyDictionary()


def frame_budget(model: Coder) -> tuple[int, int]:
    """How many codes may be decoded, and how many examples encoded, for one frame."""
    if model not in _known:
        each = []
        for n in (1, 2):  # the difference leaves out costs that do not grow with n
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
    """The side of a square of about so many tiles."""
    return max(least, min(most, math.isqrt(tiles)))
