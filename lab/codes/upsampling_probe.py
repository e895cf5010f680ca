"""What a page may ask any model with codes: one feature map, doubled in each of the lecture's ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from engine.codes.base import Coder
from engine.data import Dataset
from engine.device import seed as reseed
from engine.nets.layers import Up, pool, spread, unpool
from lab.codes.digits_probe import tests
from lab.probes import Answer, only_pictures, whole
from lab.probes.brought import place
from lab.scenes.arrays import shades

__all__ = ["upsampling"]


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
        hook = own.register_forward_hook(lambda _, given, out: held.extend([given[0], out]))
        model.decode(z, y)
        hook.remove()
        loud = int(held[1].flatten(2).var(2)[0].argmax())
        maps["own"] = held[1][:, loud : loud + 1]
    row, column = corner(pooled[0, 0])
    drawn = {}
    for name, one in maps.items():  # maps that only move the same numbers share one scale of greys
        ends = one if name in ("transposed", "own") else torch.cat([before.flatten(), before.new_zeros(1)])
        drawn[name] = as_picture(one[0, 0], ends, row, column, 1 if name == "pooled" else 2)
    error = {name: (maps[name] - before).square().mean().sqrt().item() for name in list(maps)[2:6]}
    return {"maps": drawn, "of": source, "channel": chosen, "channels": channels.shape[1], "error": error,
            "kernel": fresh.weight[0, 0].cpu().numpy()}  # fmt: skip


def first_map(model: Coder, x: Tensor) -> tuple[Tensor, str]:
    """The input (1, C, H, W) of the model's first max-pooling layer, or the picture if it has none."""
    for net in model.modules():
        if isinstance(net, nn.Sequential):
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
    return {"picture": grey, "low": low.item(), "high": high.item(),
            "square": np.round(square.cpu().numpy().astype(float), 2).tolist()}  # fmt: skip
