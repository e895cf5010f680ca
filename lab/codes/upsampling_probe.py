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

__all__ = ["upsampling"]


def upsampling(model: Coder, data: Dataset, index: int, channel: int = -1) -> Answer:
    """A map of test picture `index` before and after 2 x 2 max-pooling, and the pooled one doubled: a
    convolutional encoder's first map (that channel; -1 is the liveliest), else the picture itself. Of each
    a picture, and as numbers the square (2 x 2 of the pooled map, 4 x 4 of the others) where most happens."""
    only_pictures(data)
    x, y = tests(model, data, [place(data, index)])
    whole_map, name = first_map(model, x)
    most = int(whole_map.flatten(2).var(2)[0].argmax())
    at = most if channel == -1 else whole(channel, "channel", 0, whole_map.shape[1] - 1)
    before = whole_map[:, at : at + 1]
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
    found = {}
    for key, it in maps.items():  # those that only place the same numbers share one scale of greys
        ends = it if key in ("transposed", "own") else torch.cat([before.flatten(), before.new_zeros(1)])
        found[key] = seen(it[0, 0], ends, row, column, 1 if key == "pooled" else 2)
    error = {n: (maps[n] - before).square().mean().sqrt().item() for n in list(maps)[2:6]}
    return {"maps": found, "of": name, "channel": at, "channels": whole_map.shape[1], "error": error,
            "kernel": fresh.weight[0, 0].cpu().numpy()}  # fmt: skip


def first_map(model: Coder, x: Tensor) -> tuple[Tensor, str]:
    """What goes into the model's first max-pooling layer, (1, C, H, W); the picture where it has none."""
    for net in model.modules():
        if isinstance(net, nn.Sequential):
            for i, layer in enumerate(net):
                if isinstance(layer, nn.MaxPool2d):
                    return net[:i](x), "encoder"
    even = [size // 2 * 2 for size in x.shape[2:]]
    return (x.mean(1, keepdim=True)[..., : even[0], : even[1]] + 1) / 2, "picture"


def last_up(model: Coder) -> Up | None:
    """The decoder's last doubling layer, if it is a transposed convolution."""
    ups = [layer for layer in model.modules() if isinstance(layer, Up)]
    return ups[-1] if ups and ups[-1].net is not None else None


def corner(pooled: Tensor) -> tuple[int, int]:
    """The upper left of the 2 x 2 square of a map (H, W) whose four numbers differ most."""
    squares = pooled.unfold(0, 2, 1).unfold(1, 2, 1).flatten(2)
    return divmod(int(squares.var(2).argmax()), squares.shape[1])


def seen(it: Tensor, ends: Tensor, row: int, column: int, scale: int) -> dict[str, Any]:
    """A map (H, W) as a picture, black the least of `ends` and white the greatest, and its square."""
    low, high = ends.min(), ends.max()
    grey = ((it - low) / (high - low).clamp(min=1e-12) * 255).round().byte().cpu().numpy()
    square = it[scale * row : scale * (row + 2), scale * column : scale * (column + 2)]
    return {"picture": grey, "low": low.item(), "high": high.item(),
            "square": np.round(square.cpu().numpy().astype(float), 2).tolist()}  # fmt: skip
