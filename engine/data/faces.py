"""Faces of 16 x 16 pixels, composed of drawn layers, in 16 colours.

The layers are "Pixel Art" by DiceBear (see assets/README.md). A layer has a cover, a constant light, and an
amount of a tint that is free: skin, hair, clothes. Labels say what is drawn, the length of hair and glasses,
and nothing about people.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.data.builtin import divided, listed, opened
from engine.data.dataset import Dataset
from engine.space import Picture

N, SEED = 10_000, 0
BACKGROUND = (219, 232, 242)
PALETTE = (
    (219, 232, 242), (255, 219, 172), (224, 182, 135), (182, 134, 85), (141, 85, 36), (96, 58, 20),
    (40, 21, 10), (167, 137, 97), (196, 96, 45), (185, 179, 173), (66, 139, 202), (0, 177, 89),
    (209, 17, 65), (255, 196, 37), (50, 50, 50), (255, 255, 255),
)  # fmt: skip
"""The colours of the pixels."""
TINTS = {
    "skin": [1, 2, 3, 4], "hair": [5, 6, 7, 8, 9], "clothing": [10, 11, 12, 13], "hat": [10, 11, 12],
    "eyes": [14], "glasses": [14], "mouth": [12], "beard": [], "accessories": [13],
}  # fmt: skip
"""The colours that the layers of a group may take; a beard takes that of the hair."""
CLASSES = ("short hair", "short hair, glasses", "long hair", "long hair, glasses")


def faces() -> Dataset:
    """9,000 training and 1,000 test faces, each pixel one of PALETTE, with the CLASSES as labels."""
    index, y = drawn(N, np.random.default_rng(SEED))
    x = torch.tensor(PALETTE, dtype=torch.uint8)[index].movedim(-1, 1).contiguous()
    return divided(
        x,
        y,
        name="pixel-faces",
        title="Faces in 16 colours",
        space=Picture((3, 16, 16), len(CLASSES), "pixel-faces", palette=PALETTE),
        note="10,000 faces composed of drawn layers (Pixel Art by DiceBear, CC0), 16 x 16 pixels in 16 "
        "colours, labelled by long or short hair and by glasses; every tenth is kept for testing.",
    )


def drawn(n: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """n random faces as places in PALETTE (n, 16, 16), and their labels (n,)."""
    layers: dict[str, Any] = opened("pixel-faces")
    groups = listed(layers["group_text"])
    of = {name: np.flatnonzero(layers["group"] == g) for g, name in enumerate(groups)}
    long, glasses, hat, beard = (rng.random(n) < p for p in (0.5, 0.5, 0.1, 0.35))
    allowed = {name: rng.choice(of[name], n) for name in groups}
    hair = [of["hair"][layers["long"][of["hair"]] == kind] for kind in (0, 1)]
    allowed["hair"] = np.where(long, rng.choice(hair[1], n), rng.choice(hair[0], n))
    allowed["glasses"] = rng.choice(of["glasses"][layers["dark"][of["glasses"]] == 1], n)
    worn = {"glasses": glasses, "hat": hat, "beard": beard & ~long, "accessories": np.zeros(n, bool)}
    tint = {name: rng.choice(places, n) if places else None for name, places in TINTS.items()}
    tint["beard"] = tint["hair"]
    colours = np.asarray(PALETTE, np.float32) / 255
    image = np.broadcast_to(np.asarray(BACKGROUND, np.float32) / 255, (n, 16, 16, 3)).copy()
    for name in groups:
        here = np.flatnonzero(worn.get(name, np.ones(n, bool)))
        layer, own = allowed[name][here], tint[name]
        assert own is not None
        cover, light, amount = (
            layers[part][layer] / np.float32(100) for part in ("alpha", "const", "weight")
        )
        image[here] *= 1 - cover[..., None]
        image[here] += light[..., None] + amount[..., None] * colours[own[here]][:, None, None]
    parts = torch.from_numpy(image).split(1000)  # all at once would take half a gigabyte
    nearest = [torch.cdist(part.flatten(1, 2), torch.from_numpy(colours)).argmin(-1) for part in parts]
    return torch.cat(nearest).unflatten(1, (16, 16)), torch.from_numpy(2 * long.astype(np.int64) + glasses)
