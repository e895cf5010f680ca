"""The GAN's scene: what G makes of z, what D believes of it, and where each fake wants to go."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.data import Dataset
from engine.gan.gan import GAN
from engine.space import Line, Picture
from lab.gan.line_scene import line
from lab.scenes.arrays import (
    POINTS,
    Arrays,
    Pointer,
    arrows,
    halves,
    number,
    pictures,
    shades,
)
from lab.scenes.grid import laid, lattice, plane_of_noise

CELLS = 48  # of the field of D, along a side
NODES_OF_MESH = 21  # along a side
IMAGES = 64
CURVE = 201  # nodes where z is one number
ARROWS = 150
JUDGED = 128  # real examples
LONGEST = 0.12  # of the box's width: an arrow at the 95th percentile


def draw(model: GAN, data: Dataset, full: bool, pointer: Pointer) -> Arrays:
    z = model.p_z(IMAGES if isinstance(data.space, Picture) else POINTS)
    x = model.G(z)
    real, fake = model.belief(data.some(JUDGED)[0]), model.belief(x)
    found = {"belief/real": halves(real), "belief/fake": halves(fake)}
    if full:
        found["latent/fake"] = halves(z)
    if isinstance(data.space, Line):
        return found | line(model, data, full) | number("D at a fake, mean", fake.mean())
    found |= number("D at a real, mean", real.mean()) | number("D at a fake, mean", fake.mean())
    if isinstance(data.space, Picture):
        return found | {"images/samples": pictures(x), "score/samples": halves(fake)}
    found["points/fake"] = halves(x)
    if full:
        found["points/real"] = halves(data.take(slice(POINTS)))
    return found | field(data, model.belief) | mesh(model, data, full) | pulls(model, data, x[:ARROWS])


def field(data: Dataset, belief: Callable[[Tensor], Tensor]) -> Arrays:
    """A belief on the nodes of a grid over the box, in bytes, row 0 at the bottom."""
    shares = belief(lattice(data.box, CELLS).to(data.x.device)).reshape(CELLS, CELLS)
    return {"field/discriminator": shades(shares)}


def mesh(model: GAN, data: Dataset, full: bool) -> Arrays:
    """Where G takes a grid of z, whose cells all hold the same share of the noise."""
    c = model.config
    z, grid = plane_of_noise(c.z, c.noise, data.x.device, NODES_OF_MESH, CURVE)
    rows, columns = z.shape[:2]
    found = {"mesh/generator": halves(model.G(z.flatten(0, 1))).reshape(rows, columns, 2)}
    if full:
        found["origin/generator"] = halves(laid(grid, data.box)).reshape(rows, columns, 2)
    return found


def pulls(model: GAN, data: Dataset, x: Tensor) -> Arrays:
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
    return {"arrows/gradient": arrows(x.detach(), step)} | number("mean gradient at a fake", length.mean())
