"""Questions to a model of pixels: write a picture, what a pixel depends on, what each kind of net can see."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.autoregressive.gated_pixelcnn import GatedPixelCNN
from engine.autoregressive.influence import influence, reach
from engine.autoregressive.made import MADE
from engine.autoregressive.pixelcnn import PixelCNN
from engine.autoregressive.pixelrnn import PixelRNN
from engine.autoregressive.pixels import Pixels
from engine.config import Refused
from engine.data import Dataset, floats
from engine.device import seed as set_seed
from engine.space import Picture
from lab.autoregressive.asked import bytes_of, labels_of, temperature_of
from lab.probes import Answer, seed_of, whole

__all__ = ["ancestors", "desk", "example", "fields", "look", "write"]

FREE = 255  # a value that is not given
PARTS = 56  # of a picture that is written, about
MOST = 16  # pictures that are written at once
CELLS = 96  # of a picture of a mask, along a side


def desk(model: Pixels, data: Dataset) -> Answer:
    """What the desk must know: `palette` (K, 3), `rank` (D,), the sizes, and how many labels and test
    pictures there are."""
    shades = model.shown(torch.arange(model.K, device=model.device)[:, None].expand(-1, model.D))[:, :, 0, 0]
    colours = ((shades.expand(-1, 3) + 1) * 127.5).round().byte()
    return {
        "palette": colours.cpu().numpy(), "rank": model.rank.cpu().numpy().astype(np.float32),
        "H": model.H, "W": model.W, "K": model.K, "examples": len(data.test_x),
        "labels": data.space.classes if model.conditional else 0, "family": model.name,
    }  # fmt: skip


def example(model: Pixels, data: Dataset, number: int = 0) -> Answer:
    """A test picture as values (H, W) below K, and its label. Of two levels the nearer one is taken."""
    number = whole(number, "number", 0, len(data.test_x) - 1)
    x = floats(data.test_x[number : number + 1])
    assert isinstance(data.space, Picture)
    label = -1 if data.test_y is None else int(data.test_y[number])
    return {"picture": grid(model, data.space.coded(x, model.K).flatten(1)[0]), "label": label}


def write(
    model: Pixels, data: Dataset, seed: int = 0, label: int | None = None, values: str = "", n: int = 1,
    temperature: float = 1.0,
) -> Iterator[Answer]:  # fmt: skip
    """n pictures, written pixel by pixel. `values` are D bytes in base64, a value below K where it is given
    and 255 where it is drawn; empty gives nothing.

    A part has `picture` (n, H, W), 255 where nothing is written yet; `places` (m,) that are new; `p` (m, K),
    their distributions in the first picture; `log_p` (n,), the sum of log p(x_i | ...) so far, and `log_rest`
    (n,), that of the pixels that were not given; `done`, how many pixels are written.
    """
    n = whole(n, "n", 1, MOST)
    temperature = temperature_of(temperature)
    given = valued(model, values).long()
    given[given == FREE] = -1
    set_seed(seed_of(seed))
    known = torch.full((n, model.D), FREE, device=model.device)
    log_p, log_rest = (torch.zeros(n, device=model.device) for _ in range(2))
    places: list[int] = []
    p: list[Tensor] = []
    y = labels_of(model, label, n)
    for done, now in enumerate(model.written(n, y, given.expand(n, -1), temperature), 1):
        i, k = now.i, now.k[:, now.i]
        each = now.logits.log_softmax(-1)
        step = each.gather(1, k[:, None])[:, 0]
        log_p = log_p + step
        log_rest = log_rest + (step if given[i] < 0 else 0)
        known[:, i] = k
        places.append(i)
        p.append(each[0].exp())
        if done == model.D or done % max(1, model.D // PARTS) == 0:
            yield {
                "picture": np.stack([grid(model, one) for one in known]), "done": done, "D": model.D,
                "places": np.asarray(places, np.float32), "p": torch.stack(p).cpu().numpy(),
                "log_p": log_p.cpu().numpy(), "log_rest": log_rest.cpu().numpy(),
            }  # fmt: skip
            places, p = [], []


def look(
    model: Pixels, data: Dataset, pixel: int, values: str = "", label: int | None = None
) -> Iterator[Answer]:
    """What the distribution of a pixel depends on, in a picture of `values` as for `write`: `p` (K,), the
    distribution, and `heat` (H, W), the sum of |d p_i / d x_j| over all values.

    The second part also has `can` (H, W), 255 where a net of this kind can look, whatever its weights. Of the
    `past` pixels so many are `seen` and so many `blind`. `itself` says whether a pixel depends on itself, and
    `ahead` on how many later ones: both are leaks.
    """
    i = whole(pixel, "pixel", 0, model.D - 1)
    k = valued(model, values).long()
    k[k == FREE] = 0
    y = labels_of(model, label, 1)
    p, heat = influence(model, k, i, None if y is None else y[0])
    answer: Answer = {"p": p.cpu().numpy(), "heat": heat.view(model.H, model.W).cpu().float().numpy()}
    yield answer
    can, rank = reach(model, i), model.rank.cpu()
    before, after = rank < rank[i], rank > rank[i]
    yield answer | {
        "can": grid(model, 255 * can.long()), "past": int(before.sum()), "itself": bool(can[i]),
        "seen": int((can & before).sum()), "blind": int((~can & before).sum()),
        "ahead": int((can & after).sum()),
    }  # fmt: skip


KINDS: dict[str, tuple[type[Pixels], dict[str, Any]]] = {
    "PixelCNN": (PixelCNN, {"first": "3", "channels": 4}),
    "Gated PixelCNN": (GatedPixelCNN, {"channels": 4}),
    "Row LSTM": (PixelRNN, {"layer": "Row LSTM", "first": "3", "h": 4}),
    "Diagonal BiLSTM": (PixelRNN, {"layer": "Diagonal BiLSTM", "first": "3", "h": 4}),
}


def fields(model: Pixels, data: Dataset, pixel: int) -> Iterator[Answer]:
    """What one pixel can see in nets of each kind: `field/<name>` (H, W), 255 where it can look; one more of
    them in each part."""
    i, answer = whole(pixel, "pixel", 0, model.D - 1), Answer()
    for name, (family, knobs) in KINDS.items():
        can = reachable(family, family.configure(model.space, knobs), model.space, i)
        answer = answer | {f"field/{name}": grid(model, 255 * can.long())}
        yield answer


@lru_cache(maxsize=4096)
def reachable(family: type[Pixels], config: Any, space: Picture, i: int) -> Tensor:
    """Which pixels the i-th can see in nets of this kind, (D,) of bool."""
    return reach(family(config, space), i)


def ancestors(model: MADE, data: Dataset, pixel: int, which: int = 0) -> Answer:
    """What an output of MADE hangs on, in one of its orders: `inputs` (H, W), 255 where a weight leads from;
    `hidden/<l>` (units,), 255 for the hidden units of layer l, sorted by their degree; `degree/<l>` (units,);
    `mask/<l>`, the masks as pictures of at most CELLS a side, in the order of degrees; `rank` (D,)."""
    i = whole(pixel, "pixel", 0, model.D - 1)
    which = whole(which, "which", 0, len(model.ranks) - 1)
    masks = [mask.cpu() for mask in model.masks(which)]
    m = model.m[which].cpu()
    orders = [model.ranks[which].cpu().argsort(), *[one.argsort() for one in m]]
    lit, answer = masks[-1][i], Answer()
    for layer in reversed(range(len(m))):
        answer[f"hidden/{layer + 1}"] = 255 * lit[orders[layer + 1]].byte().numpy()
        answer[f"degree/{layer + 1}"] = m[layer].sort().values.float().numpy()
        lit = masks[layer][lit].any(0)
    answer["inputs"] = grid(model, 255 * lit.long())
    answer["rank"] = model.ranks[which].cpu().float().numpy()
    rows = [*orders[1:], orders[0]]
    for number, (mask, row, column) in enumerate(zip(masks, rows, orders, strict=True), 1):
        shown = mask[thinned(row)][:, thinned(column)]
        answer[f"mask/{number}"] = 255 * shown.byte().numpy()
    return answer | {"layers": len(m), "orders": len(model.ranks), "ancestors": int(lit.sum())}


def thinned(index: Tensor) -> Tensor:
    """At most CELLS of them, evenly spaced."""
    return index[torch.arange(min(CELLS, len(index))) * len(index) // min(CELLS, len(index))]


def grid(model: Pixels, values: Tensor) -> np.ndarray:
    """Values (D,) as bytes (H, W)."""
    return values.view(model.H, model.W).byte().cpu().numpy()


def valued(model: Pixels, values: Any) -> Tensor:
    """The D bytes in base64, each below K or FREE, as (D,); all FREE if there are none. Raises `Refused`."""
    if values == "":
        return torch.full((model.D,), FREE, device=model.device)
    told = bytes_of(values, model.D)
    if bool(((told >= model.K) & (told != FREE)).any()):
        raise Refused(f"values must be below {model.K}, or {FREE} where nothing is given.")
    return told.to(model.device)
