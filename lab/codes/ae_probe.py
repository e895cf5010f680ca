"""What the room of the autoencoder asks: how a linear one compares with PCA, and a feature map, doubled."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from engine.codes.ae import AE
from engine.codes.base import Coder
from engine.codes.pca import principal_directions
from engine.config import Refused
from engine.data import Dataset, floats
from engine.device import seed as reseed
from engine.nets.layers import Up, pool, spread, unpool
from engine.space import Picture
from lab.codes.digits_probe import tests
from lab.probes import Answer, only_pictures, whole
from lab.probes.brought import place
from lab.scenes.arrays import pictures, shades

__all__ = ["against_pca", "upsampling"]


def against_pca(model: AE, data: Dataset) -> Answer:
    """A linear autoencoder beside PCA of the training data.

    The answer has the principal angles between their subspaces, in degrees; `lean`, the largest cosine
    between two axes of the code; the test errors; and, for pictures, the axes themselves. Raises `Refused` if
    the autoencoder is not linear.
    """
    if not model.config.is_linear(data.space):
        raise Refused("Only a linear autoencoder has a subspace: choose the linear activation and the MLP.")
    x, test = data.take(slice(None)).flatten(1), floats(data.test_x).flatten(1)
    z = model.config.z
    if z > x.shape[1]:
        raise Refused(f"{x.shape[1]} numbers have no {z} principal directions; choose fewer dimensions.")
    V, mean = principal_directions(x, z).T, x.mean(0)
    W = axes(model)
    cosines = torch.linalg.svdvals(torch.linalg.qr(W.T)[0].T @ V).clamp(max=1)
    unit = W / W.norm(dim=1, keepdim=True)
    centered = test - mean
    answer: Answer = {
        "angles": torch.rad2deg(cosines.acos()).tolist(),
        "lean": (unit @ unit.T - torch.eye(z).to(unit)).abs().max().item(),
        "error": (test - model.d(model.e(floats(data.test_x))).flatten(1)).square().sum(1).mean().item(),
        "error of PCA": (centered - centered @ V @ V.T).square().sum(1).mean().item(),
    }
    if isinstance(data.space, Picture):
        answer |= {"axes": as_pictures(unit, data), "principal axes": as_pictures(V.T, data)}
    return answer


def axes(model: AE) -> Tensor:
    """What one unit of each number of the code adds to x, (z, numbers of x)."""
    z = model.config.z
    one = torch.eye(z, **model.like)
    return (model.d(one) - model.d(torch.zeros(1, z, **model.like))).flatten(1)


def as_pictures(directions: Tensor, data: Dataset) -> np.ndarray:
    """Directions (k, d) as pictures in which grey is 0."""
    scaled = directions / directions.abs().amax(1, keepdim=True).clamp(min=1e-12)
    return pictures(scaled.unflatten(1, data.space.shape))


# --- up-sampling ---------------------------------------------------------------------------------


def upsampling(model: Coder, data: Dataset, index: int, channel: int = -1) -> Answer:
    """A feature map of test picture `index` before and after 2 x 2 max-pooling, and doubled in several ways.

    It is a channel of a convolutional encoder's first map (-1: the one that varies most), or else the picture
    itself. Each map comes as a picture, with the numbers of the square that varies most (2 x 2 of the pooled
    map, 4 x 4 of the others).
    """
    only_pictures(data)
    x, y = tests(model, data, [place(data, index)])
    channels, source = first_map(model, x)
    liveliest = int(channels.flatten(2).var(2)[0].argmax())
    chosen = liveliest if channel == -1 else whole(channel, "channel", 0, channels.shape[1] - 1)
    before = channels[:, chosen : chosen + 1]
    pooled, places = pool(before)
    reseed(0, model.device)
    fresh = nn.ConvTranspose2d(1, 1, 4, 2, 1).to(**model.like)
    maps = {
        "before": before,
        "pooled": pooled,
        "nearest": interpolate(pooled, scale_factor=2, mode="nearest"),
        "bilinear": interpolate(pooled, scale_factor=2, mode="bilinear"),
        "remembered": unpool(pooled, places),
        "spread": spread(pooled),
        "transposed": fresh(pooled),
    }
    if (own := last_up(model)) is not None:
        z = model.encode(x, y)[0]
        held: list[Tensor] = []
        hook = own.register_forward_hook(lambda _, given, out: held.append(out))
        model.decode(z, y)
        hook.remove()
        loud = int(held[0].flatten(2).var(2)[0].argmax())
        maps["own"] = held[0][:, loud : loud + 1]
    row, column = corner(pooled[0, 0])
    drawn = {}
    for name, one in maps.items():  # maps that only move the same numbers share one scale of greys
        ends = one if name in ("transposed", "own") else torch.cat([before.flatten(), before.new_zeros(1)])
        drawn[name] = as_picture(one[0, 0], ends, row, column, 1 if name == "pooled" else 2)
    error = {name: (maps[name] - before).square().mean().sqrt().item() for name in list(maps)[2:6]}
    return {"maps": drawn, "of": source, "channel": chosen, "channels": channels.shape[1], "error": error}


def first_map(model: Coder, x: Tensor) -> tuple[Tensor, str]:
    """The input (1, C, H, W) of the model's first max-pooling layer, or the picture if it has none."""
    for net in (module for module in model.modules() if isinstance(module, nn.Sequential)):
        for i, layer in enumerate(net):
            if isinstance(layer, nn.MaxPool2d):
                return net[:i](x), "encoder"
    even = [size // 2 * 2 for size in x.shape[2:]]
    return (x.mean(1, keepdim=True)[..., : even[0], : even[1]] + 1) / 2, "picture"


def last_up(model: Coder) -> Up | None:
    """The last doubling layer of the decoder, if it is a transposed convolution."""
    ups = [layer for layer in model.modules() if isinstance(layer, Up)]
    return ups[-1] if ups and ups[-1].net is not None else None


def corner(pooled: Tensor) -> tuple[int, int]:
    """The upper left corner of the 2 x 2 square of a map (H, W) whose numbers vary most."""
    squares = pooled.unfold(0, 2, 1).unfold(1, 2, 1).flatten(2)
    return divmod(int(squares.var(2).argmax()), squares.shape[1])


def as_picture(values: Tensor, ends: Tensor, row: int, column: int, scale: int) -> dict[str, Any]:
    """A map (H, W) as a picture, from the least of `ends` (black) to the greatest (white), and its square."""
    low, high = ends.min(), ends.max()
    grey = shades((values - low) / (high - low).clamp(min=1e-12))
    square = values[scale * row : scale * (row + 2), scale * column : scale * (column + 2)]
    return {"picture": grey, "square": np.round(square.cpu().numpy().astype(float), 2).tolist()}
