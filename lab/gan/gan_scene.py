"""The scene of a game: what G makes of z, what D believes about it, and where each fake wants to go.

A game with labels shows pictures as one row for each label, with the same z in each column. Its points are
the fakes of all labels, or of the one label that is looked at. Only then is there a belief everywhere, and a
plane of z to bend.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.data import Dataset
from engine.gan.base import Game
from engine.space import Line, Picture
from lab.gan.line_scene import line
from lab.scenes import arrays
from lab.scenes.arrays import POINTS, Arrays, Pointer, halves, number, per_side, pictures, pointed, some, turn
from lab.scenes.grid import laid, lattice, plane_of_noise

CELLS = 48  # of the field of D, along a side
NODES_OF_MESH = 21  # along a side
IMAGES = 64
CURVE = 201  # nodes where z is one number
ARROWS = 150
JUDGED = 128  # real examples
LONGEST = 0.12  # of the box's width: an arrow at the 95th percentile


def draw(model: Game, data: Dataset, full: bool, pointer: Pointer) -> Arrays:
    label = looked_at(model, data, pointer)
    z, y = drawn(model, data, label)
    x = model.fakes(z, y)
    fake = model.belief(x, y)
    scene = {"belief/fake": halves(fake)} | number("D at a fake, mean", fake.mean())
    if full:
        scene["latent/fake"] = halves(z)
    if turn(0, 4):
        real = model.belief(*data.some(JUDGED))
        scene["belief/real"] = halves(real)
        if not isinstance(data.space, Line):
            scene |= number("D at a real, mean", real.mean())
    if isinstance(data.space, Line):
        return scene | line(model, data, full)
    if isinstance(data.space, Picture):
        return scene | {"images/samples": pictures(x), "score/samples": halves(fake)}
    scene["points/fake"] = halves(x)
    if full:
        own = slice(POINTS) if label is None or data.y is None else (data.y == label).nonzero()[:POINTS, 0]
        scene["points/real"] = halves(data.take(own))
    if turn(1, 4):
        scene |= field(model, data, label)
    if turn(2, 4) or full:
        scene |= mesh(model, data, full, label)
    return scene | pulls(model, data, x, y) if turn(3, 4) else scene


def looked_at(model: Game, data: Dataset, pointer: Pointer) -> Tensor | None:
    """The label () whose points are looked at; None where all are."""
    label = int(pointed(pointer, "label", -1))
    one = model.labelled and not isinstance(data.space, Picture) and 0 <= label < data.space.classes
    return torch.tensor(label, device=model.device) if one else None


def drawn(model: Game, data: Dataset, label: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Noise (n, z) and the labels (n,) that it is drawn under, the same noise for each label."""
    image, classes = isinstance(data.space, Picture), data.space.classes
    if not model.labelled:
        return model.p_z(IMAGES) if image else model.p_z(POINTS)[: some(POINTS)], None
    each = classes if image else -(-some(POINTS) // classes)  # a square of pictures
    z = model.p_z(classes if image else -(-POINTS // classes))[:each]  # the same, however many are drawn
    y = model.labels(classes) if label is None else label[None]
    return z.repeat(len(y), 1), y.repeat_interleave(each)


def field(model: Game, data: Dataset, label: Tensor | None) -> Arrays:
    """D's belief on a grid over the box, in bytes, row 0 at the bottom; grey where D needs a label."""
    if model.labelled and label is None:
        return {"field/discriminator": np.full((2, 2), 128, np.uint8)}
    grid = lattice(data.box, per_side(CELLS)).to(data.x.device)
    return {"field/discriminator": arrays.field(model.belief(grid, label))}


def mesh(model: Game, data: Dataset, full: bool, label: Tensor | None) -> Arrays:
    """Where G takes a grid of z whose cells hold equal shares of the noise; empty where G needs a label."""
    if model.labelled and label is None:
        return {"mesh/generator": np.zeros((0, 0, 2), np.float16)}
    c = model.config
    z, grid = plane_of_noise(c.z, c.noise, data.x.device, NODES_OF_MESH, CURVE)
    rows, columns = z.shape[:2]
    x = model.fakes(z.flatten(0, 1), label)
    nodes = {"mesh/generator": halves(x).reshape(rows, columns, 2)}
    if full:
        nodes["origin/generator"] = halves(laid(grid, data.box)).reshape(rows, columns, 2)
    return nodes


def pulls(model: Game, data: Dataset, x: Tensor, y: Tensor | None) -> Arrays:
    """Where some of the fakes want to go: down the gradient of G's loss with respect to the fake itself. The
    longest arrows have a fixed length, because gradients shrink a thousandfold in training."""
    assert data.box
    some = slice(ARROWS) if y is None else slice(None, None, -(-len(x) // ARROWS))  # labels stand in a row
    x, y = x[some], None if y is None else y[some]
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(model.value_to_descend(x, y).sum(), x)
    length = slope.norm(dim=1)
    far = length.quantile(0.95).clamp(min=1e-20)
    step = -slope * (LONGEST * (data.box[1] - data.box[0]) / far)
    return {"arrows/gradient": arrays.arrows(x.detach(), step)} | number(
        "mean gradient at a fake", length.mean()
    )
