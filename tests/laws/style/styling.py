"""A small transfer of soft spots of colour, in an untrained network."""

from functools import partial
from itertools import islice

import torch
from torch import Tensor, nn
from torch.func import grad

from engine.data.dataset import Dataset, batches
from engine.data.transfer import Transfer
from engine.fit import fit, optimizers_of
from engine.style.style import StyleTransfer

SMALL = {"size": 64, "levels": 1, "backbone": "untrained VGG-19", "tv": 0.0}


def smooth(h: int, w: int, seed: int) -> Tensor:
    """A picture of soft spots of colour, uint8 (3, h, w)."""
    g = torch.Generator().manual_seed(seed)
    x = torch.rand(1, 3, 5, 7, generator=g, dtype=torch.float64)
    return (255 * nn.functional.interpolate(x, (h, w), mode="bicubic").clamp(0, 1))[0].byte()


def pictures(styles: int = 1, mask: Tensor | None = None, h: int = 48, w: int = 64) -> Dataset:
    content = smooth(h, w, 0)
    space = Transfer(
        (3, h, w),
        content=content,
        styles=tuple(smooth(56, 50, i + 1) for i in range(styles)),
        mask=mask,
    )
    return Dataset(name="", title="", x=content[None], test_x=content[None], space=space)


def built(data: Dataset | None = None, **knobs) -> StyleTransfer:
    data = data or pictures()
    torch.manual_seed(0)
    return StyleTransfer(StyleTransfer.configure(data.space, SMALL | knobs), data.space)


def half(h: int = 48, w: int = 64) -> Tensor:
    """White on the left, black on the right."""
    mask = torch.zeros(1, h, w, dtype=torch.uint8)
    mask[..., : w // 2] = 255
    return mask


def total(model: StyleTransfer, x: Tensor) -> Tensor:
    return torch.stack(list(model.losses(x).values())).sum()


def slope(model: StyleTransfer, x: Tensor) -> Tensor:
    return grad(partial(total, model))(x)


def noise(model: StyleTransfer) -> Tensor:
    return torch.rand_like(model.image[0]) * 2 - 1


def gap(a: Tensor, b: Tensor) -> float:
    """The largest difference, relative to the largest of b."""
    return ((a - b).abs().max() / b.abs().max()).item()


def trained(model: StyleTransfer, rounds: int, start: int = 0, data: Dataset | None = None, using=None):
    """The total loss before each step."""
    source = islice(batches(data or pictures(), lambda: 1, 0, start), rounds)
    turns = fit(model, source, using or optimizers_of(model))
    return [sum(t.item() for t in turn.terms.values()) for turn in turns]
