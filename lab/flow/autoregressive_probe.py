"""Questions to an autoregressive flow: what each number may see, and how long both directions take."""

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
from engine.flow.transforms import Autoregressive, Inverse, standardize
from engine.nets.masked import MADE
from engine.space import Picture
from lab.probes import Answer, whole

__all__ = ["masks", "speeds"]

SIZES = (2, 4, 16, 64, 256)  # D of untrained layers that are timed
WIDTH, EXAMPLES, TIMES = 64, 16, 5
SLOW = 0.1  # seconds; what takes longer is timed once


def layers_of(model: Flow) -> list[tuple[Autoregressive, bool]]:
    """The autoregressive layers, each with whether it is inverted."""
    plain = [(f.of, True) if isinstance(f, Inverse) else (f, False) for f in model.transforms]
    layers = [(f, inverted) for f, inverted in plain if isinstance(f, Autoregressive)]
    if not layers:
        raise Refused(f"{model.title} has no autoregressive layer; ask a MAF or an IAF.")
    return layers


def masks(model: AutoregressiveFlow, data: Dataset, pixel: int | None = None) -> Answer:
    """The masks of the layers l = 1, 2, ...

    `mask/<l>` (D, D) is 255 where a number (row) may see another (column); for pictures it is what `pixel`
    may see, in the shape (H, W), by default the middle one. `order/<l>` is the position of each number in the
    order, from 0. For points, `jacobian/<l>` is 255 where dz/dx may differ from 0, and `jacobian/all` is that
    of all layers together.
    """
    layers, D, image = layers_of(model), model.space.size, isinstance(model.space, Picture)
    if not image and pixel is not None:
        raise Refused("Only pictures have pixels; ask for the masks of points without one.")
    C, H, W = model.space.shape if image else (1, 1, D)
    i = whole(pixel, "pixel", 0, H * W - 1) if pixel is not None else (H // 2) * W + W // 2
    one = together = torch.eye(0 if image else D)
    answer: Answer = {"layers": len(layers), "D": D}
    for number, (layer, _) in enumerate(layers, 1):
        rank = layer.net.rank.cpu()
        answer[f"order/{number}"] = rank.view(C, H, W)[0].numpy() if image else rank.numpy()
        if image:
            answer[f"mask/{number}"] = bytes_of(row(layer.net, i).view(C, H, W)[0])
        else:
            mask = layer.net.mask().cpu()
            together = ((mask + one) @ together).clamp(max=1)
            answer |= {f"mask/{number}": bytes_of(mask), f"jacobian/{number}": bytes_of(mask + one)}
    return answer | ({"pixel": i} if image else {"jacobian/all": bytes_of(together)})


def row(net: MADE, i: int) -> Tensor:
    """Row i of `net.mask()`, without computing the others."""
    seen = net.out.mask[i * net.k]
    for layer in reversed(net.hidden):
        seen = (seen @ layer.mask).clamp(max=1)
    return seen


def bytes_of(mask: Tensor) -> np.ndarray:
    """A mask of 0 and 1 as bytes 0 and 255."""
    return (255 * mask).byte().cpu().numpy()


def speeds(model: AutoregressiveFlow, data: Dataset, n: int = EXAMPLES) -> Iterator[Answer]:
    """How long the density and the sampling of n examples take, in seconds and in successive steps.

    Times are medians of TIMES; what is SLOW is timed once. The first part has "density" and "sampling" of
    this model. Each further part adds one D of SIZES to `curves`: the seconds of "MAF density", "MAF
    sampling", "IAF density" and "IAF sampling" for one untrained layer with WIDTH hidden units.
    """
    n = whole(n, "n", 1, 1000)
    layers = layers_of(model)
    x = model.dequantized(data.some(n)[0])
    z = model(x)[0]
    D, inverted = model.space.size, layers[0][1]
    slow, quick = D * len(layers), len(layers)
    answer: Answer = {
        "D": D, "n": len(x), "layers": len(layers), "curves": {},
        "density": {"steps": slow if inverted else quick, "seconds": seconds(partial(model, x))},
        "sampling": {"steps": quick if inverted else slow, "seconds": seconds(partial(model.inverse, z))},
    }  # fmt: skip
    yield answer
    for D in SIZES:
        layer = Autoregressive(MADE(torch.arange(D), WIDTH, 1, 2), standardize).to(model.device)
        x = torch.randn(n, D, **model.like)
        timed: dict[str, float] = {"D": D}
        for name, f in (("MAF", layer), ("IAF", Inverse(layer))):
            timed[f"{name} density"] = seconds(partial(f, x))
            timed[f"{name} sampling"] = seconds(partial(f.inverse, x))
        curves = {key: [*answer["curves"].get(key, []), value] for key, value in timed.items()}
        answer = answer | {"curves": curves}
        yield answer


def seconds(do: Callable[[], object]) -> float:
    """The median time that a call takes."""
    times: list[float] = []
    while len(times) < TIMES and (not times or times[0] < SLOW):
        began = time.perf_counter()
        do()
        times.append(time.perf_counter() - began)
    return statistics.median(times)
