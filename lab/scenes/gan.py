"""The GAN's scene: what G makes of z, what D believes of it, and where each fake wants to go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.data import Dataset
from engine.families.gan import GAN
from lab.scenes import generic
from lab.scenes.generic import halves
from lab.scenes.line import line, nodes

CELLS = 48  # of the field of D, along a side
NODES = 21  # of the mesh, along a side
CURVE = 201  # nodes where z is one number
ARROWS = 150
JUDGED = 128  # real examples
LONGEST = 0.12  # of the box's width: an arrow at the 95th percentile


def draw(model: GAN, data: Dataset, full: bool, pointer: dict[str, Any] | None) -> dict[str, np.ndarray]:
    z = model.p_z(generic.IMAGES if data.space.kind == "image" else generic.POINTS)
    x = model.G(z)
    real, fake = model.belief(data.some(JUDGED)[0]), model.belief(x)
    found = {"belief/real": halves(real), "belief/fake": halves(fake)}
    if full:
        found["latent/fake"] = halves(z)
    if data.space.kind == "line":
        return found | line(model, data, full) | number("D at a fake, mean", fake.mean())
    found |= number("D at a real, mean", real.mean()) | number("D at a fake, mean", fake.mean())
    if data.space.kind == "image":
        return found | {"images/samples": generic.pictures(x), "score/samples": halves(fake)}
    found["points/fake"] = halves(x)
    if full:
        found["points/real"] = halves(data.take(slice(generic.POINTS)))
    return found | field(data, model.belief) | mesh(model, data, full) | arrows(model, data, x[:ARROWS])


def number(name: str, value: Tensor | float) -> dict[str, np.ndarray]:
    return {f"number/{name}": np.asarray([float(value)], np.float32)}


def field(data: Dataset, belief: Callable[[Tensor], Tensor]) -> dict[str, np.ndarray]:
    """A belief on the nodes of a grid over the box, in bytes, row 0 at the bottom."""
    assert data.box
    x0, x1, y0, y1 = data.box
    rows = torch.linspace(y0, y1, CELLS, device=data.x.device)
    columns = torch.linspace(x0, x1, CELLS, device=data.x.device)
    found = belief(torch.cartesian_prod(rows, columns).flip(1)).reshape(CELLS, CELLS)
    return {"field/discriminator": (found * 255).round().byte().cpu().numpy()}


def mesh(model: GAN, data: Dataset, full: bool) -> dict[str, np.ndarray]:
    """Where G takes a grid of z, whose cells all hold the same share of the noise; where z is one
    number, a grid of a single row. Of more than two dimensions it is the plane of the first two, the
    others being 0."""
    assert data.box
    c, device = model.config, data.x.device
    across, down = (NODES, NODES) if c.z > 1 else (CURVE, 1)
    side = nodes(across, c.noise, device)
    grid = torch.cartesian_prod(nodes(down, c.noise, device), side).flip(1)
    z = torch.nn.functional.pad(grid, (0, c.z - 2))  # a negative pad takes the second column away
    found = {"mesh/generator": halves(model.G(z)).reshape(down, across, 2)}
    if full:
        x0, x1, y0, y1 = data.box
        middle = grid.new_tensor([x0 + x1, y0 + y1]) / 2
        reach = 0.45 * min(x1 - x0, y1 - y0) / float(side[-1])
        found["origin/generator"] = halves(middle + reach * grid).reshape(down, across, 2)
    return found


def arrows(model: GAN, data: Dataset, x: Tensor) -> dict[str, np.ndarray]:
    """Where each fake wants to go: down the gradient of G's loss with respect to the fake itself.

    Longest arrows have a fixed length, since gradients shrink a thousandfold in training; the true
    mean length is a number beside the picture.
    """
    assert data.box
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(model.value_to_descend(x).sum(), x)
    length = slope.norm(dim=1)
    far = length.quantile(0.95).clamp(min=1e-20)
    step = -slope * (LONGEST * (data.box[1] - data.box[0]) / far)
    return {"arrows/gradient": halves(torch.cat([x.detach(), step], 1))} | number(
        "mean gradient at a fake", length.mean()
    )
