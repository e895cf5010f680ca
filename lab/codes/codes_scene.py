"""The scene of families with codes: the latent plane, decoded, and samples; for points also the density."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Normal
from torch.utils.flop_counter import FlopCounterMode

from engine.codes.base import Coder, Variational
from engine.data import Dataset
from engine.space import Picture, Plane
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
    turn,
    webp,
)
from lab.scenes.grid import laid, plane_of_noise

CODES, FEWEST = 500, 100  # test examples shown
IMAGES = 25  # samples shown
SIDE, COARSEST = 40, 10  # tiles along a side of the atlas, at most and at least
STRIP = 200  # tiles in its single row, if z is one number
QUALITY, SHEET_QUALITY = 55, 40  # of WebP
NODES_OF_MESH, CURVE = 21, 201  # nodes along a side of the mesh; on a curve, if z is one number
ARROWS = 150
CELLS, BINS = 64, 384  # of the density along a side: nodes, and cells in which decoded points are counted
FINE = {1: 6001, 2: 301}  # by the dimension of z: nodes along each axis in the integral over the prior
DECODED, ENCODED = 8e9, 4e9  # operations that one frame may take: about 0.3 s of one core
_known: WeakKeyDictionary[Coder, tuple[int, int]] = WeakKeyDictionary()


def draw(model: Coder, data: Dataset, full: bool, pointer: Pointer) -> Arrays:
    """The codes of test examples in the plane, and samples."""
    image, arrays = isinstance(data.space, Picture), dict[str, np.ndarray]()
    if turn(0, 2) or full or not image:
        x, y = data.some(shown(model, data), test=True)
        mu, sigma = model.encode(x, y)
        plane = plane_of(model, mu, pointer)
        arrays = {"codes/test": halves(plane.places(mu, y)), "codes/spread": halves(plane.spread(sigma))}
        arrays["circle/prior"] = prior_circles(plane)
        if full and y is not None:
            arrays["codes/label"] = y.byte().cpu().numpy()
    if image and not turn(1, 2):
        return arrays
    z = model.p_z(IMAGES if image else POINTS)
    samples = model.emit(z, model.labels(len(z)) if model.labelled else None)
    if full:
        arrays["latent/fake"] = halves(z)
    if image:
        return arrays | {"images/samples": pictures(samples)}
    arrays["points/fake"] = halves(samples)
    if full:
        arrays["points/real"] = halves(data.take(slice(POINTS)))
    y = None if y is None else y[:ARROWS]
    back = model.decode(mu[:ARROWS], y) - x[:ARROWS]
    arrays["arrows/reconstruction"] = arrows(x[:ARROWS], back)
    return arrays | mesh(model, data, pointer, full)


def rarely(model: Coder, data: Dataset, pointer: Pointer) -> Arrays:
    """What takes long to draw: the visible part of the plane, decoded, and the density."""
    x, y = data.some(shown(model, data), test=True)
    mu, _ = model.encode(x, y)
    plane = plane_of(model, mu, pointer)
    box = plane.box(mu)
    axes = np.asarray([*plane.names, model.config.z], np.float32)
    arrays = {"box/plane": np.asarray(box, np.float32), "axes/plane": axes}
    arrays |= atlas(model, plane, box, pointer)
    if isinstance(data.space, Plane) and isinstance(model, Variational) and model.config.z in FINE:
        arrays |= density(model, data, pointer)
    return arrays


def once(model: Coder, data: Dataset) -> Arrays:
    """What never changes: the test pictures."""
    return {"atlas/tests": _sheet(data, shown(model, data))} if isinstance(data.space, Picture) else {}


def shown(model: Coder, data: Dataset) -> int:
    """How many test examples are shown; fewer if the encoder is slow."""
    return min(len(data.test_x), max(FEWEST, min(CODES, frame_budget(model)[1])))


def frame_budget(model: Coder) -> tuple[int, int]:
    """How many codes may be decoded, and how many examples encoded, for one frame."""
    if model not in _known:
        each = []
        for n in (1, 2):  # the difference leaves out costs that do not grow with n
            y = model.labels(n) if model.labelled else None
            x = torch.zeros(n, *model.space.shape, **model.like)
            z = torch.zeros(n, model.config.z, **model.like)
            each.append([_operations(model.decode, z, y), _operations(model.encode, x, y)])
        decode, encode = (max(1, two - one) for one, two in zip(*each, strict=True))
        _known[model] = int(DECODED / decode), int(ENCODED / encode)
    return _known[model]


def _operations(act: Callable[..., object], *given: object) -> int:
    with FlopCounterMode(display=False) as counter:
        act(*given)
    return int(counter.get_total_flops())


def asked_label(model: Coder, pointer: Pointer, n: int) -> Tensor | None:
    """The label that the page looks at, n times, for a family that is told labels."""
    if not model.labelled:
        return None
    label = pointed(pointer, "label", 0.0)
    known = 0 <= label < model.space.classes
    return torch.full((n,), int(label) if known else 0, device=model.device)


def atlas(model: Coder, plane: CodePlane, box: list[float], pointer: Pointer) -> Arrays:
    """The plane, decoded at the middles of a grid of cells; the row of the largest y comes first.

    For points these are the decoded places (rows, columns, 2), for pictures one WebP picture (`packed`).
    """
    tiles, square = frame_budget(model)[0], plane.up is not None
    columns = max(COARSEST, min(SIDE, math.isqrt(tiles))) if square else max(SIDE, min(STRIP, tiles))
    rows = columns if square else 1
    u, v = middles(box[0], box[1], columns), middles(box[2], box[3], rows).flip(0)
    places = torch.cartesian_prod(v, u).flip(1).to(plane.base)
    decoded = model.decode(plane.z(places), asked_label(model, pointer, len(places)))
    if isinstance(model.space, Plane):
        return {"atlas/decoder": halves(decoded).reshape(rows, columns, 2)}
    size = np.asarray([columns, rows, *model.space.shape[1:]], np.float32)
    return {"atlas/decoder": packed(pictures(decoded), rows, columns), "atlas/size": size}


def middles(low: float, high: float, n: int) -> Tensor:
    """The middles of n equal parts of a range."""
    return low + (high - low) * (torch.arange(n, dtype=torch.float64) + 0.5) / n


def packed(tiles: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Tiles (rows x columns, H, W[, 3]) as the bytes of one interleaved WebP picture.

    Pixel (h, w) of tile (i, j) stands in row h rows + i and column w columns + j. Neighbouring tiles are
    nearly alike, so this takes a third of the bytes and loses less.
    """
    _, h, w, *colour = tiles.shape
    apart = tiles.reshape(rows, columns, h, w, -1).transpose(2, 0, 3, 1, 4)
    return webp(apart.reshape(h * rows, w * columns, *colour), QUALITY)


@lru_cache(maxsize=4)
def _sheet(data: Dataset, count: int) -> np.ndarray:
    """The first `count` test pictures in rows of 25, as WebP."""
    tiles = pictures(data.some(count, test=True)[0])
    black = np.zeros_like(tiles, shape=(-len(tiles) % 25, *tiles.shape[1:]))
    return webp(mosaic(np.concatenate([tiles, black]), 25), SHEET_QUALITY)


def mosaic(tiles: np.ndarray, columns: int) -> np.ndarray:
    """Pictures (N, H, W[, 3]), in rows of `columns`, as one (N / columns · H, columns · W[, 3])."""
    rows = tiles.reshape(-1, columns, *tiles.shape[1:]).swapaxes(1, 2)
    return rows.reshape(rows.shape[0] * rows.shape[1], -1, *tiles.shape[3:])


def mesh(model: Coder, data: Dataset, pointer: Pointer, full: bool) -> Arrays:
    """Where the decoder takes a grid of z whose cells all hold the same share of the prior."""
    z, grid = plane_of_noise(model.config.z, "Gaussian", data.x.device, NODES_OF_MESH, CURVE)
    decoded = model.decode(z.flatten(0, 1).to(**model.like), asked_label(model, pointer, len(grid)))
    arrays = {"mesh/generator": halves(decoded).reshape(*z.shape[:2], 2)}
    if full:
        arrays["origin/generator"] = halves(laid(grid, data.box)).reshape(*z.shape[:2], 2)
    return arrays


def density(model: Variational, data: Dataset, pointer: Pointer) -> Arrays:
    """The density p(x) = E_z[p(x | z)] on a grid over the box, in bytes, relative to its maximum, and the
    maximum; row 0 is at the bottom."""
    assert data.box
    x0, x1, y0, y1 = data.box
    p = marginal(model, torch.linspace(x0, x1, CELLS), torch.linspace(y0, y1, CELLS), pointer)
    if p is None:
        return {}
    most = float(p.max())
    return {"field/density": shades(p / max(most, 1e-30))} | number("largest p(x)", most)


def marginal(model: Variational, x: Tensor, y: Tensor, pointer: Pointer = None) -> Tensor | None:
    """The density at the nodes (len(y), len(x)) of a grid; None if the decoder is not Gaussian.

    It is the integral of p(x | z) p(z) over z, by quadrature on a fine grid of z. The decoder's noise is the
    same everywhere, so its means are counted in small cells, each shared by the four nearest, and blurred.
    """
    n = FINE[model.config.z]
    line = torch.linspace(-5, 5, n, dtype=torch.float64)
    z = torch.cartesian_prod(*[line] * model.config.z).reshape(-1, model.config.z)
    weight = torch.exp(-z.square().sum(1) / 2)
    label = asked_label(model, pointer, len(z))
    p = model.p(z[:1].to(**model.like), None if label is None else label[:1])
    if not isinstance(p, Normal):
        return None
    mean = model.decoded(z.to(**model.like), label).cpu().double().nan_to_num()
    sigma = float(p.stddev.flatten()[0])
    axes = []
    for values, to in zip(mean.T, (x.double(), y.double()), strict=True):
        low, high = float(to[0]) - 5 * sigma, float(to[-1]) + 5 * sigma  # means beyond these add nothing
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
