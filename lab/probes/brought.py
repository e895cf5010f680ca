"""Pictures that a question names or brings: test pictures by number, drawings, labels. Each is checked."""

from __future__ import annotations

import base64
import binascii
import math

import numpy as np
import torch
from torch import Tensor

from engine.brought.drawn import INK, centred
from engine.config import Refused
from engine.data import Dataset, floats
from lab.probes import whole

CHUNK = 100  # examples that go through a convolutional net at a time


def place(data: Dataset, index: object, name: str = "The number of the test picture") -> int:
    """The index of a test picture. Raises `Refused`."""
    return whole(index, name, 0, len(data.test_x) - 1)


def shown(data: Dataset, picture: str | None, test: int | None, centre: bool) -> Tensor:
    """The picture that was brought or chosen, as the model sees pictures: (1, *shape). Raises `Refused`."""
    if test is not None:
        return floats(data.test_x[[place(data, test, "test")]])
    ink = brought(data, picture, centre)
    if ink.max() <= INK:
        raise Refused("Draw something first.")
    return floats(torch.from_numpy(ink.copy())[None, None].to(data.x.device))


def brought(data: Dataset, picture: str | None, centre: bool) -> np.ndarray:
    """The bytes (28, 28) of a drawing. Raises `Refused`."""
    if data.space.shape != (1, 28, 28):
        raise Refused("A drawing is 28 x 28 pixels, and these data are not: choose a test picture.")
    try:
        drawn = base64.b64decode(picture or "", validate=True)
    except (binascii.Error, ValueError, TypeError):
        drawn = b""
    if len(drawn) != 784:
        raise Refused("The drawing is not 28 x 28 bytes; clear it and draw again.")
    ink = np.frombuffer(drawn, np.uint8).reshape(28, 28)
    return centred(ink) if centre is True else ink


def finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
