"""What a page may ask a conditional GAN beside what any game answers: pictures of a mixture of two labels."""

from __future__ import annotations

import torch
from torch.nn.functional import one_hot

from engine.config import Refused
from engine.data import Dataset
from engine.device import seed as reseed
from engine.gan.cgan import CGAN
from lab.probes import Answer, only_pictures, whole
from lab.scenes.arrays import pictures

__all__ = ["mixture"]


def mixture(model: CGAN, data: Dataset, a: int, b: int, share: float, n: int = 16) -> Answer:
    """G of n noise vectors with the label vector (1 - share) e_a + share e_b."""
    only_pictures(data)
    classes = data.space.classes
    a, b, n = whole(a, "a", 0, classes - 1), whole(b, "b", 0, classes - 1), whole(n, "n", 1, 64)
    if not isinstance(share, int | float) or not 0 <= share <= 1:
        raise Refused("share is the second label's part, a number from 0 to 1.")
    ends = one_hot(torch.tensor([a, b], device=model.device), classes).to(model.like["dtype"])
    reseed(0, model.device)
    z = model.p_z(n)
    label = ((1 - share) * ends[0] + share * ends[1]).expand(n, classes)
    return {"pictures": pictures(model.net(torch.cat([z, label], -1)))}
