"""Numbers in float64, on a device that has them. This is the only place of the flows that knows which."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from torch import nn

WITHOUT = ("mps",)  # kinds of devices that refuse float64: there the CPU computes


def precise(part: Any) -> Any:
    """A tensor, or a copy of a module, in float64."""
    if isinstance(part, nn.Module):
        part, device = deepcopy(part), next(part.buffers()).device
    else:
        device = part.device
    return part.to("cpu" if device.type in WITHOUT else device).double()
