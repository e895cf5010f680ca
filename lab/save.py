"""Write samples to a file: a PNG grid, CSV or NPZ by its ending."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from engine.config import Refused
from engine.data import Dataset
from engine.data.transfer import Transfer
from engine.space import Picture
from lab.scenes.arrays import pictures


def save_samples(x: Tensor, data: Dataset, out: Path) -> None:
    """Samples (n, *shape) to `out`; points in the units of the data they learned from."""
    ending = out.suffix.lower()
    if ending not in (".png", ".csv", ".npz"):
        raise Refused(f"{out.name} should end in .png, .csv or .npz.")
    is_image = isinstance(data.space, Picture | Transfer)
    if ending == ".png" and not is_image:
        raise Refused("Points are written as .csv or .npz, not as a picture.")
    x = x[:1] if isinstance(data.space, Transfer) else x  # there is one
    out.parent.mkdir(parents=True, exist_ok=True)
    values = pictures(x) if is_image else (x.cpu().double() * data.unit.cpu() + data.center.cpu()).numpy()
    if ending == ".png":
        Image.fromarray(grid(values)).save(out)
    elif ending == ".npz":
        np.savez_compressed(out, x=values)
    else:
        np.savetxt(out, values.reshape(len(values), -1), delimiter=",", fmt="%d" if is_image else "%.9g")


def grid(images: np.ndarray, columns: int | None = None, gap: int = 2) -> np.ndarray:
    """Tile images (n, H, W[, 3]) of bytes into one near-square picture."""
    n, h, w = images.shape[:3]
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    sheet = np.zeros((rows * (h + gap) - gap, columns * (w + gap) - gap, *images.shape[3:]), np.uint8)
    for i, image in enumerate(images):
        y, x = i // columns * (h + gap), i % columns * (w + gap)
        sheet[y : y + h, x : x + w] = image
    return sheet
