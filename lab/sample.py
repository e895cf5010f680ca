"""`genlab sample`: draw from a run and write a PNG grid, CSV or NPZ, by the file's ending."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine import device
from engine.config import Refused
from engine.data import Dataset
from engine.data.transfer import Transfer
from engine.space import Picture
from lab.runs import store
from lab.runs.questions import stored
from lab.scenes.arrays import pictures

GAP = 2  # pixels between pictures


def sample(options: argparse.Namespace) -> None:
    """Write `n` samples of the run `which` to `out`. Raises `Refused`."""
    if not 1 <= options.n <= 100_000:
        raise Refused("-n must be from 1 to 100000.")
    at = Path(options.which)
    at = at if (at / "run.json").is_file() else store.folder(options.which)
    info = store.read_info(at)
    if info.wall:
        raise Refused(f"{info.id} is a wall of many models; open one of them as a run and sample that.")
    device.prepare(1)
    round, model, learned = stored(at)
    torch.manual_seed(options.seed)
    # a model that knows both, labels and none, is better with them
    labels = model.labels(options.n) if getattr(model, "conditional", False) else None
    save(model.sample(options.n, labels), learned, options.out)
    print(f"{options.n} samples of run {info.id}, round {round:,}, in {options.out}")


def save(x: Tensor, data: Dataset, out: Path) -> None:
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


def grid(images: np.ndarray) -> np.ndarray:
    """Images (n, H, W[, 3]) of bytes as tiles of one near-square picture."""
    n, h, w = images.shape[:3]
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    sheet = np.zeros((rows * (h + GAP) - GAP, columns * (w + GAP) - GAP, *images.shape[3:]), np.uint8)
    for i, image in enumerate(images):
        y, x = i // columns * (h + GAP), i % columns * (w + GAP)
        sheet[y : y + h, x : x + w] = image
    return sheet
