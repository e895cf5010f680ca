"""What questions to models that write number by number have in common."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.autoregressive.base import Ordered
from engine.autoregressive.writer import Writer
from engine.config import Refused
from lab.probes import real, whole

HOTTEST = 5.0


def temperature_of(value: Any) -> float:
    """A temperature. Raises `Refused`."""
    return real(value, "temperature", 0, HOTTEST)


def labels_of(model: Ordered | Writer, label: Any, n: int) -> Tensor | None:
    """The label n times, if this model is told any; 0 if none is chosen. Raises `Refused`."""
    if not model.conditional:
        return None
    chosen = 0 if label is None else whole(label, "label", 0, model.space.classes - 1)
    return torch.full((n,), chosen, device=model.device)


def bytes_of(values: Any, n: int) -> Tensor:
    """The n bytes that a question has in base64, (n,). Raises `Refused`."""
    try:
        told = np.frombuffer(base64.b64decode(values, validate=True), np.uint8)
    except (TypeError, ValueError, binascii.Error) as error:
        raise Refused(f"values must be {n} bytes in base64.") from error
    if len(told) != n:
        raise Refused(f"values must be {n} bytes in base64, and these are {len(told)}.")
    return torch.from_numpy(told.copy())
