"""The scene of any family: its samples beside the data."""

from __future__ import annotations

import torch

from engine.data import Dataset
from engine.family import Family
from engine.space import Line, Picture
from lab.scenes.arrays import NODES, POINTS, Arrays, Pointer, graph, halves, pictures

IMAGES, DRAWS = 64, 8192


def draw(model: Family, data: Dataset, full: bool, pointer: Pointer) -> Arrays:
    if isinstance(data.space, Picture):
        return {"images/samples": pictures(model.sample(IMAGES))}
    if isinstance(data.space, Line):
        return line(model.sample(DRAWS), data, full)
    drawn = {"points/fake": halves(model.sample(POINTS))}
    if full:
        drawn["points/real"] = halves(data.take(slice(POINTS)))
    return drawn


def line(draws: torch.Tensor, data: Dataset, full: bool) -> Arrays:
    """On a line: the density of the samples, by kernels, under the exact density of the data."""
    assert data.box
    x = torch.linspace(data.box[0], data.box[1], NODES, device=data.x.device, dtype=torch.float32)
    counts = torch.histc(draws.flatten().float(), NODES - 1, data.box[0], data.box[1])
    spread = (x[1] - x[0]) * 2
    middle = (x[1:] + x[:-1]) / 2
    kernel = torch.exp(-0.5 * ((x[:, None] - middle) / spread) ** 2) / (spread * (2 * torch.pi) ** 0.5)
    drawn = {"line/model density": graph(x, kernel @ counts / len(draws))}
    if full and data.target is not None:
        drawn["line/truth density"] = graph(x, data.target.log_prob(x[:, None]).exp())
    return drawn
