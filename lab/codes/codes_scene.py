"""The scene of families with codes: the latent plane with its decoded pictures, samples of the prior, and for
points what the decoder makes of the plane."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Normal

from engine.codes.base import Coder, Variational
from engine.data import Dataset
from engine.space import Picture, Plane
from lab.codes.cost_scene import affordable, side
from lab.codes.plane_scene import CodePlane, plane_of, prior_circles
from lab.scenes.arrays import (
    POINTS,
    Arrays,
    Pointer,
    arrows,
    halves,
    number,
    pictures,
    pointed,
    shades,
    webp,
)
from lab.scenes.grid import laid, plane_of_noise

CODES, FEWEST = 500, 100  # test examples
IMAGES = 25  # samples
SIDE, STRIP = 40, 200  # tiles of the atlas along a side; where z is one number, in its one row
QUALITY, SHEET_QUALITY = 55, 40  # of WebP
NODES_OF_MESH, CURVE = 21, 201  # as of the GAN's mesh
ARROWS = 150
CELLS, BINS = 64, 384  # of the density: nodes along a side, and cells in which decoded points are counted
FINE = {1: 6001, 2: 301}  # values of each dimension of z in the integral over the prior


def draw(model: Coder, data: Dataset, full: bool, pointer: Pointer) -> Arrays:
    x, y = data.some(codes(model, data), test=True)
    mu, sigma = model.encode(x, y)
    plane = plane_of(model, mu, pointer)
    found = {"codes/test": halves(plane.places(mu, y)), "codes/spread": halves(plane.spread(sigma))}
    found["circle/prior"] = prior_circles(plane)
    image = isinstance(data.space, Picture)
    z = model.p_z(IMAGES if image else POINTS)
    made = model.emit(z, model.labels(len(z)) if model.labelled else None)
    if full:
        found["latent/fake"] = halves(z)
        if y is not None:
            found["codes/label"] = y.byte().cpu().numpy()
    if image:
        return found | {"images/samples": pictures(made)}
    found["points/fake"] = halves(made)
    if full:
        found["points/real"] = halves(data.take(slice(POINTS)))
    y = None if y is None else y[:ARROWS]
    back = model.decode(mu[:ARROWS], y) - x[:ARROWS]
    found["arrows/reconstruction"] = arrows(x[:ARROWS], back)
    return found | mesh(model, data, pointer, full)


def rarely(model: Coder, data: Dataset, pointer: Pointer) -> Arrays:
    """What takes long: the part of the plane that is shown, and what is decoded of it."""
    x, y = data.some(codes(model, data), test=True)
    mu, _ = model.encode(x, y)
    plane = plane_of(model, mu, pointer)
    box = plane.box(mu)
    found = {
        "box/plane": np.asarray(box, np.float32),
        "axes/plane": np.asarray([*plane.names, model.config.z], np.float32),
    }
    found |= atlas(model, plane, box, pointer)
    if isinstance(data.space, Plane) and isinstance(model, Variational) and model.config.z in FINE:
        found |= density(model, data, pointer)
    return found


def once(model: Coder, data: Dataset) -> Arrays:
    """What never changes: the test pictures."""
    return {"atlas/tests": _sheet(data, codes(model, data))} if isinstance(data.space, Picture) else {}


def codes(model: Coder, data: Dataset) -> int:
    """How many test examples are shown; fewer where the encoder is slow."""
    return min(len(data.test_x), max(FEWEST, min(CODES, affordable(model)[1])))


def asked_label(model: Coder, pointer: Pointer, n: int) -> Tensor | None:
    """The label that the page looks at, n times, for a family that needs one."""
    if not model.labelled:
        return None
    label = pointed(pointer, "label", 0.0)
    known = 0 <= label < model.space.classes
    return torch.full((n,), int(label) if known else 0, device=model.device)


def atlas(model: Coder, plane: CodePlane, box: list[float], pointer: Pointer) -> Arrays:
    """The plane decoded at the middles of a grid of cells, the row of the largest y first: for points the
    decoded places (rows, columns, 2), for pictures one WebP picture (`packed`)."""
    tiles = affordable(model)[0]
    columns = side(tiles, SIDE) if plane.up is not None else max(SIDE, min(STRIP, tiles))
    rows = columns if plane.up is not None else 1
    u, v = middles(box[0], box[1], columns), middles(box[2], box[3], rows).flip(0)
    places = torch.cartesian_prod(v, u).flip(1).to(plane.base)
    made = model.decode(plane.z(places), asked_label(model, pointer, len(places)))
    if isinstance(model.space, Plane):
        return {"atlas/decoder": halves(made).reshape(rows, columns, 2)}
    size = np.asarray([columns, rows, *model.space.shape[1:]], np.float32)
    return {"atlas/decoder": packed(pictures(made), rows, columns), "atlas/size": size}


def middles(low: float, high: float, n: int) -> Tensor:
    """The middles of n equal parts."""
    return low + (high - low) * (torch.arange(n, dtype=torch.float64) + 0.5) / n


def packed(tiles: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Tiles (rows x columns, H, W[, 3]) as the bytes of one WebP picture in which not the pixels of a tile
    lie side by side, but the same pixel of all tiles: pixel (h, w) of tile (i, j) is in row h rows + i and
    column w columns + j. Neighbouring tiles are nearly alike, so this takes a third of the bytes, and
    loses less."""
    _, h, w, *colour = tiles.shape
    apart = tiles.reshape(rows, columns, h, w, -1).transpose(2, 0, 3, 1, 4)
    return webp(apart.reshape(h * rows, w * columns, *colour), QUALITY)


@lru_cache(maxsize=4)
def _sheet(data: Dataset, shown: int) -> np.ndarray:
    """The test pictures below one another in columns of 25, as WebP."""
    tiles = pictures(data.some(shown, test=True)[0])
    n, h, w, *colour = tiles.shape
    rows = -(-n // 25)
    whole = np.zeros((rows * 25, h, w, *colour), np.uint8)
    whole[:n] = tiles
    sheet = whole.reshape(rows, 25, h, w, -1).swapaxes(1, 2).reshape(rows * h, 25 * w, *colour)
    return webp(sheet, SHEET_QUALITY)


def mesh(model: Coder, data: Dataset, pointer: Pointer, full: bool) -> Arrays:
    """Where the decoder takes a grid of z, whose cells all hold the same share of the prior."""
    z, grid = plane_of_noise(model.config.z, "Gaussian", data.x.device, NODES_OF_MESH, CURVE)
    rows, columns = z.shape[:2]
    z = z.flatten(0, 1).to(**model.like)
    made = model.decode(z, asked_label(model, pointer, len(z)))
    found = {"mesh/generator": halves(made).reshape(rows, columns, 2)}
    if full:
        found["origin/generator"] = halves(laid(grid, data.box)).reshape(rows, columns, 2)
    return found


def density(model: Variational, data: Dataset, pointer: Pointer) -> Arrays:
    """p(x) = E_z[p(x | z)] over its maximum, on the nodes of a grid over the box, in bytes, row 0 at the
    bottom; and the maximum itself."""
    assert data.box
    x0, x1, y0, y1 = data.box
    p = marginal(model, torch.linspace(x0, x1, CELLS), torch.linspace(y0, y1, CELLS), pointer)
    if p is None:
        return {}
    most = float(p.max())
    return {"field/density": shades(p / max(most, 1e-30))} | number("largest p(x)", most)


def marginal(model: Any, x: Tensor, y: Tensor, pointer: Pointer = None) -> Tensor | None:
    """p at the nodes (len(y), len(x)) of a grid: the integral of p(x | z) p(z) over z, by quadrature on a
    fine grid of z. The decoder's noise is the same everywhere, so the means are counted in small cells
    first, each shared between the four nearest, and then blurred. None if the decoder is not Gaussian."""
    n = FINE[model.config.z]
    line = torch.linspace(-5, 5, n, dtype=torch.float64)
    z = torch.cartesian_prod(*[line] * model.config.z).reshape(-1, model.config.z)
    weight = torch.exp(-z.square().sum(1) / 2)
    p = model.p(z.to(**model.like), *([asked_label(model, pointer, len(z))] if model.labelled else []))
    if not isinstance(p, Normal):
        return None
    mean, sigma = p.mean.double().nan_to_num().cpu(), float(p.stddev.flatten()[0])
    axes = []
    for values, to in zip(mean.T, (x.double(), y.double()), strict=True):
        margin = 5 * sigma
        low, high = float(to[0]) - margin, float(to[-1]) + margin  # means beyond add nothing
        cell = (high - low) / (BINS - 1)
        at = ((values - low) / cell).clamp(0, BINS - 1)
        kernel = Normal(to[:, None], sigma).log_prob(low + cell * torch.arange(BINS)).exp()
        axes.append((at.floor().long(), at - at.floor(), kernel))
    (i, right, along), (j, above, upward) = axes
    cells = torch.zeros((BINS + 1) ** 2, dtype=torch.float64)
    for di, wi in ((0, 1 - right), (1, right)):
        for dj, wj in ((0, 1 - above), (1, above)):
            cells.index_add_(0, (j + dj) * (BINS + 1) + i + di, weight * wi * wj)
    inside = cells.reshape(BINS + 1, BINS + 1)[:BINS, :BINS] / weight.sum()
    return upward @ inside @ along.T
