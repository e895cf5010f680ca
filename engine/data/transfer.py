"""A content picture, the styles it is to have, and where: data of one example, named by their parts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from engine.config import Refused
from engine.data.dataset import Dataset
from engine.data.pictures import picture
from engine.family import Space

NAME = re.compile(r"[a-z0-9-]{1,41}(\.[a-z0-9-]{1,41}){1,3}")
MASKS = ("mask-", "painted-")


@dataclass(frozen=True)
class Transfer(Space):
    """Pictures of the shape of `content`, uint8 (3, H, W). `styles` are one or two of any size; where
    `mask` (1, H, W) is white there is to be style, and where it is black content."""

    content: Tensor = field(default_factory=lambda: torch.zeros(3, 64, 64), compare=False, repr=False)
    styles: tuple[Tensor, ...] = field(default=(), compare=False, repr=False)
    mask: Tensor | None = field(default=None, compare=False, repr=False)

    @property
    def kind(self) -> Literal["line", "points", "image", "transfer"]:
        return "transfer"


def load_transfer(name: str, home: Path) -> Dataset:
    """The data CONTENT.STYLE, CONTENT.STYLE.SECOND, each with or without .MASK at the end; the parts are
    names of pictures. Raises `Refused`."""
    content, *others = name.split(".")
    masks = [other for other in others if other.startswith(MASKS)]
    styles = [other for other in others if other not in masks]
    if len(masks) > 1 or not 1 <= len(styles) <= 2 or (masks and others[-1] != masks[0]):
        raise Refused(
            f"{name!r} does not name a transfer: write CONTENT.STYLE, with a second style and a mask after "
            "it if they are wanted, like china.brushstrokes.glass.mask-left."
        )
    x = _tensor(content, home)
    mask = _tensor(masks[0], home)[:1] if masks else None
    space = Transfer(
        tuple(x.shape), name=name, content=x, styles=tuple(_tensor(s, home) for s in styles), mask=mask
    )
    return Dataset(name=name, title="Pictures", x=x[None], test_x=x[None], space=space)


def _tensor(name: str, home: Path) -> Tensor:
    return torch.from_numpy(picture(name, home)).permute(2, 0, 1).contiguous()
