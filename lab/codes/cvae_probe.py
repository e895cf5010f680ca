"""What a page may ask a conditional VAE: the same handwriting with every label."""

from __future__ import annotations

import torch

from engine.codes.cvae import CVAE
from engine.config import Refused
from engine.data import Dataset
from lab.codes.digits_probe import codes, decoded, tests
from lab.probes import Answer, only_pictures
from lab.probes.brought import place
from lab.scenes.arrays import pictures

__all__ = ["styles"]

ROWS = 12  # test pictures at most


def styles(model: CVAE, data: Dataset, index: object) -> Answer:
    """The z of each of these test pictures, decoded with every label: (rows, classes, H, W[, 3]).

    Each picture is encoded with its own label. Only z passes from it to the others: the handwriting.
    """
    only_pictures(data)
    if not isinstance(index, list) or not 1 <= len(index) <= ROWS:
        raise Refused(f"Choose 1 to {ROWS} test pictures.")
    x, y = tests(model, data, [place(data, i) for i in index])
    z, classes = codes(model, x, y), data.space.classes
    every = torch.arange(classes, device=model.device).repeat(len(z))
    drawn = pictures(decoded(model, z.repeat_interleave(classes, 0), every))
    return {
        "originals": pictures(x), "labels": model.known(y).tolist(), "z": z.tolist(),
        "pictures": drawn.reshape(len(z), classes, *drawn.shape[1:]),
    }  # fmt: skip
