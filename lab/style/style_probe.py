"""What can be asked about a picture in training: its pixels, its Gram matrices, the channels that respond to
it, and what each layer keeps of content and style."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from engine.config import Refused
from engine.data import Dataset, batches
from engine.fit import fit
from engine.style.canvas import LAYERS
from engine.style.losses import gram, style_loss
from engine.style.onepass import How, one_pass
from engine.style.style import StyleTransfer
from lab.probes import Answer, real, whole
from lab.scenes.arrays import pictures, shades

__all__ = ["grams", "inside", "keeps", "quick", "result"]

TOP = 64  # channels of a Gram matrix to show
CHANNELS = 24  # channels of a layer to show
SIDE, STEPS, EVERY = 128, 40, 5  # of a reconstruction: pixels, steps, and steps between two pictures
CONTENT = {"alpha": 10.0, "tv": 1.0, "optimizer": "L-BFGS"} | {f"w{i}": 0.0 for i in range(1, LAYERS + 1)}


def result(model: StyleTransfer, data: Dataset) -> Answer:
    """The present picture, without loss."""
    return {"picture": pictures(model.picture())[0]}


def quick(model: StyleTransfer, data: Dataset, strength: Any = 1.0, how: Any = "whitening") -> Answer:
    """What one pass makes of the same pictures, and the present result."""
    if how not in get_args(How):
        raise Refused(f"There is no way called {str(how)[:40]!r}; choose from {', '.join(get_args(How))}.")
    strength = real(strength, "strength", 0, 1)
    canvas, mask = model.canvas, model.canvas.mask if model.canvas.masked else None
    asked = {"blend": model.config.blend, "strength": strength, "how": how, "mask": mask}
    x = one_pass(canvas.seen(canvas.content), canvas.styles, **asked)
    return {"quick": pictures(canvas.shown(x))[0], "picture": pictures(model.picture())[0]}


def grams(model: StyleTransfer, data: Dataset, layer: Any = 1) -> Answer:
    """The Gram matrices of the result and of its target at layer 1 ... 5, of the channels that are
    strongest in the target, the strongest first; and E_l at all layers."""
    at = whole(layer, "layer", 1, LAYERS) - 1
    canvas, level, c = model.canvas, int(model.level), model.config
    targets = model.targets(level)
    F = canvas.features(canvas.level(canvas.seen(model.image[0]), level), canvas.styles_at, targets.units)
    reached = [gram(F[name], targets.mask) for name in canvas.styles_at]
    wanted = [model.wanted(targets, i) for i in range(LAYERS)]
    strongest = wanted[at].diagonal().argsort(descending=True)[:TOP]
    G, A = (matrix[strongest][:, strongest] for matrix in (reached[at], wanted[at]))
    scale = A.abs().max().clamp_min(1e-12)
    return {
        "layers": canvas.styles_at,
        "channels": len(reached[at]),
        "result": grey(G / scale),
        "target": grey(A / scale),
        "difference": diverging((G - A) / scale),
        "E": [style_loss(g, a).item() for g, a in zip(reached, wanted, strict=True)],
        "weight": [c.beta * w for w in c.weights],
    }


def grey(x: Tensor) -> np.ndarray:
    """Numbers of absolute value 0 to 1 as greys; square roots make small ones visible."""
    return shades(x.abs().clamp(0, 1).sqrt())


def diverging(x: Tensor) -> np.ndarray:
    """Numbers (n, n) from -1 to 1 as blue, white and orange, by square roots: (n, n, 3) bytes."""
    ends = x.new_tensor([[0, 114, 178], [213, 94, 0]])
    size = x.abs().clamp(0, 1).sqrt()[..., None]
    colour = torch.where(x[..., None] < 0, ends[0], ends[1])
    return (255 + size * (colour - 255)).round().byte().cpu().numpy()


def inside(model: StyleTransfer, data: Dataset, of: Any = "result", layer: Any = "relu3_1") -> Answer:
    """The channels of a layer that respond most to a picture: each as a map, white where it responds most,
    and its mean in units of the mean of all channels."""
    canvas = model.canvas
    shown = {"content": canvas.content, "style": canvas.styles[0], "result": model.picture()}
    if not isinstance(of, str) or of not in shown:
        raise Refused(f"There is no picture {str(of)[:40]!r}; choose from {', '.join(shown)}.")
    if not isinstance(layer, str) or len(layer) != 7:
        raise Refused(f"There is no layer {str(layer)[:40]!r}; choose one like relu3_1.")
    name = canvas.network.layer(layer)
    (F,) = canvas.features(shown[of], [name])[name]
    means = F.mean((1, 2))
    most = means.argsort(descending=True)[:CHANNELS]
    maps = F[most].clamp_min(0)
    maps = maps / maps.amax((1, 2), keepdim=True).clamp_min(1e-12)
    return {
        "layer": name,
        "of": len(F),
        "channel": most.tolist(),
        "mean": (means[most] / means.mean().clamp_min(1e-12)).tolist(),
        "maps": shades(maps),
    }


def keeps(model: StyleTransfer, data: Dataset, steps: Any = STEPS) -> Iterator[Answer]:
    """The paper's figure 1, a part every few steps, with `row` and `layer`: pictures that begin as noise get
    the content's features at one layer alone, or the style's Gram matrices up to one layer."""
    steps, config = whole(steps, "steps", 1, 500), model.config
    same = {"size": min(SIDE, config.size), "init": "noise", "colour": "style"}
    same |= {"levels": 2, "coarse": max(1, steps // 2)}
    both: Any = model.space
    space = replace(both, styles=both.styles[:1], mask=None)
    for row, layer in [(row, layer) for row in ("content", "style") for layer in range(1, LAYERS + 1)]:
        own = CONTENT | {"content_layer": f"relu{layer}_2"} if row == "content" else _style(layer)
        single = StyleTransfer(config.change(same | own), space).to(model.device)
        turns = fit(single, batches(data, lambda: 1, 0))
        for step in range(1, steps + 1):
            with torch.enable_grad():
                next(turns)
            if step % EVERY == 0 or step == steps:
                yield {"row": row, "layer": layer, "step": step, "picture": pictures(single.picture())[0]}


def _style(layer: int) -> dict[str, Any]:
    """The knobs for style alone, up to this layer, with Adam, whose steps are safe far from the target."""
    weights = {f"w{i}": float(i <= layer) for i in range(1, LAYERS + 1)}
    return {"alpha": 0.0, "beta": 100.0, "tv": 1.0, "optimizer": "Adam", "lr": 0.1} | weights
