"""Pictures that users bring, as a data set."""

from __future__ import annotations

from pathlib import Path

import torch

from engine.brought.images import read_images
from engine.data.builtin import divided
from engine.data.dataset import Dataset
from engine.data.keep import keep, kept
from engine.space import Space


def keep_images(source: Path | str | bytes, home: Path | None = None) -> str:
    """Store the pictures of a folder or of a zip file and return the name for `load`. Raises `Refused`."""
    return keep("images", {"x": read_images(source)}, home)


def load_images(name: str, home: Path) -> Dataset:
    """The data that `keep_images` has stored as `name`."""
    x = torch.from_numpy(kept(name, home)["x"])
    how = "32 x 32 in colour" if x.shape[1] == 3 else "28 x 28 in grey"
    return divided(
        x,
        name=name,
        title="Your pictures",
        space=Space.of(tuple(x.shape[1:])),
        note=f"{len(x)} pictures, cropped to a centred square and resized to {how}.",
    )
