"""The conditional GAN's scene: for digits a row of pictures for each label, every column from one z; for
points the fakes of all labels, or of the one label that is looked at, over D's belief for that label."""

from __future__ import annotations

import numpy as np
import torch

from engine.data import Dataset
from engine.gan.cgan import CGAN
from engine.space import Picture
from lab.gan.gan_scene import field
from lab.scenes.arrays import (
    POINTS,
    Arrays,
    Pointer,
    halves,
    number,
    pictures,
    pointed,
)


def draw(model: CGAN, data: Dataset, full: bool, pointer: Pointer) -> Arrays:
    classes = data.space.classes
    image = isinstance(data.space, Picture)
    each = classes if image else -(-POINTS // classes)  # a square of pictures
    y = torch.arange(classes, device=data.x.device).repeat_interleave(each)
    z = model.p_z(each).repeat(classes, 1)
    label = int(pointed(pointer, "label", -1))
    if not image and 0 <= label < classes:
        z, y = z[:each], torch.full_like(y[:each], label)
    x = model.G(z, y)
    fake = model.belief(x, y)
    real = model.belief(*data.some(128))  # type: ignore[arg-type]
    found = {"belief/real": halves(real), "belief/fake": halves(fake)}
    found |= number("D at a real, mean", real.mean()) | number("D at a fake, mean", fake.mean())
    if full:
        found["latent/fake"] = halves(z)
    if image:
        return found | {"images/samples": pictures(x), "score/samples": halves(fake)}
    found["points/fake"] = halves(x)
    index = torch.arange(5000, device=data.x.device)
    if 0 <= label < classes:
        index = index[data.y[:5000] == label]  # type: ignore[index]
        found |= field(data, lambda x: model.belief(x, torch.full((len(x),), label, device=x.device)))
    else:
        found["field/discriminator"] = np.full((2, 2), 128, np.uint8)  # no label, no belief
    if full:
        found["points/real"] = halves(data.take(index[:POINTS]))
    return found
