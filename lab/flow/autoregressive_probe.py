"""What a page may ask a flow whose layers are autoregressive: what each number may see, and how long its two
directions take."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from engine.config import Refused
from engine.data import Dataset
from engine.flow.base import AutoregressiveFlow, Flow
from engine.flow.transforms import Autoregressive, Inverse, Transform, standardise
from engine.nets.masked import MADE
from engine.space import Picture
from lab.probes import Answer, whole

__all__ = ["masks", "speeds"]

SIZES = (2, 4, 16, 64, 256)  # D of nets that are made up to be timed
WIDTH, EXAMPLES, TIMES = 64, 16, 5
SLOW = 0.1  # seconds; what takes longer is done once


def layers_of(model: Flow) -> list[tuple[Autoregressive, bool]]:
    """The autoregressive layers, and whether each is taken the other way round."""
    found = []
    for f in model.transforms:
        it = f.of if isinstance(f, Inverse) else f
        if isinstance(it, Autoregressive):
            found.append((it, it is not f))
    if not found:
        raise Refused(f"A {model.title} has no autoregressive layer; ask a MAF or an IAF.")
    return found


def masks(model: AutoregressiveFlow, data: Dataset, pixel: int | None = None) -> Answer:
    """For each layer l = 1, 2, ... `mask/<l>`, bytes: 255 where a number (row) may see another (column),
    (D, D); of pictures what `pixel` (of D; the middle one) may see, in the picture's shape (H, W).
    `order/<l>` is the place of each number in the order, from 0; `jacobian/<l>` (points) where dz/dx may
    differ from 0, and `jacobian/all` that of all layers together."""
    found: Answer = {"layers": 0, "D": model.space.size}
    D, image = model.space.size, isinstance(model.space, Picture)
    if not image and pixel is not None:
        raise Refused("Only pictures have pixels; ask for the masks of points without one.")
    C, H, W = model.space.shape if image else (1, 1, D)
    i = whole(pixel, "pixel", 0, H * W - 1) if pixel is not None else (H // 2) * W + W // 2
    one = torch.eye(D)
    together = one
    for number, (layer, _) in enumerate(layers_of(model), 1):
        rank = layer.net.rank.cpu()
        found["layers"] = number
        found[f"order/{number}"] = rank.view(C, H, W)[0].numpy() if image else rank.numpy()
        if image:
            found[f"mask/{number}"] = full(row(layer.net, i).view(C, H, W)[0])
        else:
            mask = layer.net.mask().cpu()
            together = ((mask + one) @ together).clamp(max=1)
            found |= {f"mask/{number}": full(mask), f"jacobian/{number}": full(mask + one)}
    return found | ({"pixel": i} if image else {"jacobian/all": full(together)})


def row(net: MADE, i: int) -> Tensor:
    """Row i of `net.mask()`, without the others."""
    seen = net.out.mask[i * net.k]
    for layer in reversed(net.hidden):
        seen = (seen @ layer.mask).clamp(max=1)
    return seen


def full(mask: Tensor) -> np.ndarray:
    return (255 * mask).byte().cpu().numpy()


def speeds(model: AutoregressiveFlow, data: Dataset, n: int = EXAMPLES) -> Iterator[Answer]:
    """How long the density and the sampling of n examples take: medians of TIMES, in seconds (what is SLOW is
    done once), and the steps that wait for each other. First of this model, "density" and "sampling". Each
    further part adds to `curves` a D of SIZES: the seconds of "MAF density", "MAF sampling", "IAF density"
    and "IAF sampling", of one layer made up for it with WIDTH hidden units."""
    n = whole(n, "n", 1, 1000)
    layers = layers_of(model)
    x = model.dequantised(data.some(n)[0])
    z = model(x)[0]
    D, inverted = model.space.size, layers[0][1]
    slow, quick = D * len(layers), len(layers)
    found: Answer = {
        "D": D, "n": len(x), "layers": len(layers), "curves": {},
        "density": {"steps": slow if inverted else quick, "seconds": seconds(partial(model, x))},
        "sampling": {"steps": quick if inverted else slow, "seconds": seconds(partial(model.inverse, z))},
    }  # fmt: skip
    yield found
    for D in SIZES:
        layer = Autoregressive(MADE(torch.arange(D), WIDTH, 1, 2), standardise).to(model.device)
        x = torch.randn(n, D, **model.like)
        made: dict[str, Transform] = {"MAF": layer, "IAF": Inverse(layer)}
        timed: dict[str, float] = {"D": D}
        for name, it in made.items():
            timed[f"{name} density"] = seconds(partial(it, x))
            timed[f"{name} sampling"] = seconds(partial(it.inverse, x))
        curves = found["curves"]
        found = found | {"curves": {key: [*curves.get(key, []), value] for key, value in timed.items()}}
        yield found


def seconds(do: Callable[[], object]) -> float:
    """The median time of what is done."""
    times: list[float] = []
    while len(times) < TIMES and (not times or times[0] < SLOW):
        began = time.perf_counter()
        do()
        times.append(time.perf_counter() - began)
    return statistics.median(times)
