"""Places on which a picture is computed: grids of a box, of noise, and boxes around what is there."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

STEPS = (1, 1.5, 2, 3, 4, 6, 8, 10)  # half of a shown part's width is one of these, times a power of ten


def lattice(box: Any, side: int) -> Tensor:
    """Nodes of a grid over the box x0, x1, y0, y1: (side^2, 2), row 0 at the bottom."""
    x0, x1, y0, y1 = box
    return mesh(torch.linspace(x0, x1, side), torch.linspace(y0, y1, side))


def mesh(across: Tensor, up: Tensor) -> Tensor:
    """All pairs (len(up) len(across), 2) of these numbers, row by row."""
    return torch.cartesian_prod(up, across).flip(1)


def cell(box: Any, side: int) -> float:
    """The area that a node of a `lattice` stands for."""
    x0, x1, y0, y1 = box
    return float((x1 - x0) * (y1 - y0) / (side - 1) ** 2)


def nodes(n: int, noise: str, device: torch.device) -> Tensor:
    """n values of one coordinate of z with the same share of the noise between any two neighbours."""
    if noise == "uniform":
        return torch.linspace(-1, 1, n, device=device) if n > 1 else torch.zeros(1, device=device)
    return torch.special.ndtri((torch.arange(n, device=device) + 0.5) / n)


def plane_of_noise(z: int, noise: str, device: torch.device, side: int, curve: int) -> tuple[Tensor, Tensor]:
    """A grid (rows, columns, z) of noise whose cells all hold the same share of it, and its first two columns
    (rows columns, 2). Of one number it is a single row of `curve` nodes; of more than two the plane of the
    first two, the others being 0."""
    across, down = (side, side) if z > 1 else (curve, 1)
    grid = mesh(nodes(across, noise, device), nodes(down, noise, device))
    # a negative pad takes the second column away
    return pad(grid, (0, z - 2)).reshape(down, across, z), grid


def laid(grid: Tensor, box: Any) -> Tensor:
    """A grid of noise (n, 2) as large as nine tenths of the box, in its middle."""
    x0, x1, y0, y1 = box
    middle = grid.new_tensor([x0 + x1, y0 + y1]) / 2
    reach = 0.45 * min(x1 - x0, y1 - y0) / float(grid[-1, 0])
    return middle + reach * grid


def box_of(ranges: list[tuple[float, float]]) -> list[float]:
    """The ends x0, x1, y0, y1 of the `square` around these ranges."""
    middles, half = square(ranges)
    return [end for middle in middles for end in (middle - half, middle + half)]


def square(ranges: list[tuple[float, float]]) -> tuple[list[float], float]:
    """The middle for each of these ranges, and half the width that is common to all; from a coarse grid."""
    if not all(math.isfinite(end) for ends in ranges for end in ends):
        return [0.0] * len(ranges), 3.0
    grid = _up(max(high - low for low, high in ranges) / 2) / 4
    middles = [grid * round((low + high) / 2 / grid) for low, high in ranges]
    return middles, _up(max(max(high - c, c - low) for (low, high), c in zip(ranges, middles, strict=True)))


def _up(size: float) -> float:
    """The next of STEPS x 10^k that is not smaller."""
    power = 10.0 ** math.floor(math.log10(max(size, 1e-6)))
    return next(step * power for step in STEPS if step * power >= size * (1 - 1e-6))
