"""The scene of any family: its samples beside the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from engine.data import Dataset
from engine.family import Family

POINTS, IMAGES, DRAWS = 500, 64, 8192
NODES = 241  # of a graph


def draw(model: Family, data: Dataset, full: bool, pointer: dict[str, Any] | None) -> dict[str, np.ndarray]:
    if data.space.kind == "image":
        return {"images/samples": pictures(model.sample(IMAGES))}
    if data.space.kind == "line":
        return line(model.sample(DRAWS), data, full)
    found = {"points/fake": halves(model.sample(POINTS))}
    if full:
        found["points/real"] = halves(data.take(slice(POINTS)))
    return found


def halves(x: torch.Tensor) -> np.ndarray:
    """Points in two bytes a number, fine enough for a screen; far points stay at its range's end."""
    return x.clamp(-6e4, 6e4).cpu().numpy().astype(np.float16)


def pictures(x: torch.Tensor) -> np.ndarray:
    """Images (n, C, H, W) in [-1, 1] as bytes, (n, H, W) or (n, H, W, 3)."""
    bytes_ = ((x.clamp(-1, 1) + 1) * 127.5).round().byte().cpu().numpy()
    return bytes_[:, 0] if bytes_.shape[1] == 1 else bytes_.transpose(0, 2, 3, 1)


def line(draws: torch.Tensor, data: Dataset, full: bool) -> dict[str, np.ndarray]:
    """On a line: the density of the samples, by kernels, under the exact density of the data."""
    assert data.box
    x = torch.linspace(data.box[0], data.box[1], NODES, device=data.x.device, dtype=torch.float32)
    counts = torch.histc(draws.flatten().float(), NODES - 1, data.box[0], data.box[1])
    spread = (x[1] - x[0]) * 2
    middle = (x[1:] + x[:-1]) / 2
    kernel = torch.exp(-0.5 * ((x[:, None] - middle) / spread) ** 2) / (spread * (2 * torch.pi) ** 0.5)
    found = {"line/model density": graph(x, kernel @ counts / len(draws))}
    if full and data.target is not None:
        found["line/truth density"] = graph(x, data.target.log_prob(x[:, None]).exp())
    return found


def graph(x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    """A curve as points (x, y)."""
    return torch.stack([x, y.to(x)], dim=1).cpu().numpy().astype(np.float32)
