"""The conditional GAN's scene: for digits a row of pictures for each label, every column from one z; for
points the fakes of all labels, or of the one label that is looked at, over D's belief for that label."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from engine.data import Dataset
from engine.families.cgan import CGAN
from lab.scenes import generic
from lab.scenes.gan import CELLS, number
from lab.scenes.generic import halves


def draw(model: CGAN, data: Dataset, full: bool, pointer: dict[str, Any] | None) -> dict[str, np.ndarray]:
    classes = data.space.classes
    image = data.space.kind == "image"
    each = classes if image else -(-generic.POINTS // classes)  # a square of pictures
    y = torch.arange(classes, device=data.x.device).repeat_interleave(each)
    z = model.p_z(each).repeat(classes, 1)
    label = int(pointer["x"]) if pointer and pointer.get("kind") == "label" else -1
    if not image and 0 <= label < classes:
        z, y = z[:each], torch.full_like(y[:each], label)
    x = model.G(z, y)
    fake = model.belief(x, y)
    real = model.belief(data.take(slice(128)), data.y[:128])  # type: ignore[index]
    found = {"belief/real": halves(real), "belief/fake": halves(fake)}
    found |= number("D at a real, mean", real.mean()) | number("D at a fake, mean", fake.mean())
    if full:
        found["latent/fake"] = halves(z)
    if image:
        return found | {"images/samples": generic.pictures(x), "score/samples": halves(fake)}
    found["points/fake"] = halves(x)
    index = torch.arange(5000, device=data.x.device)
    if 0 <= label < classes:
        index = index[data.y[:5000] == label]  # type: ignore[index]
        found |= field(model, data, label)
    else:
        found["field/discriminator"] = np.full((2, 2), 128, np.uint8)  # no label, no belief
    if full:
        found["points/real"] = halves(data.take(index[: generic.POINTS]))
    return found


def field(model: CGAN, data: Dataset, label: int) -> dict[str, np.ndarray]:
    """D(x | label) on the nodes of a grid over the box, in bytes, row 0 at the bottom."""
    assert data.box
    x0, x1, y0, y1 = data.box
    rows, columns = (torch.linspace(a, b, CELLS, device=data.x.device) for a, b in ((y0, y1), (x0, x1)))
    grid = torch.cartesian_prod(rows, columns).flip(1)
    belief = model.belief(grid, torch.full((len(grid),), label, device=grid.device))
    return {"field/discriminator": (belief.reshape(CELLS, CELLS) * 255).round().byte().cpu().numpy()}
