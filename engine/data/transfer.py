"""A content picture, its styles, and a mask: data of one example, whose name has the names of its parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from engine.config import Refused
from engine.data.dataset import Dataset
from engine.data.pictures import picture
from engine.space import Space

MASKS = ("mask-", "painted-")


class Parts(NamedTuple):
    """The names of the pictures of a transfer."""

    content: str
    style: str
    second: str = ""
    mask: str = ""

    @classmethod
    def of(cls, name: str) -> Parts:
        """The parts of CONTENT.STYLE or CONTENT.STYLE.SECOND, with or without .MASK. Raises `Refused`."""
        content, *others = name.split(".")
        masks = [other for other in others if other.startswith(MASKS)]
        styles = [other for other in others if other not in masks]
        amiss = content.startswith(MASKS) or masks != others[len(styles) :] or not all(name.split("."))
        if amiss or not 1 <= len(styles) <= 2 or len(masks) > 1:
            raise Refused(
                f"{name!r} does not name a transfer: write CONTENT.STYLE, then a second style and a mask if "
                "you want them, as in china.brushstrokes.glass.mask-left."
            )
        return cls(content, styles[0], *(styles[1:] or [""]), *masks)

    @property
    def name(self) -> str:
        """The name of the data of this transfer."""
        return ".".join(part for part in self if part)


@dataclass(frozen=True, kw_only=True)
class Transfer(Space):
    """Pictures with the shape of `content`, uint8 (3, H, W), one or two `styles` of any size, and a `mask`
    (1, h, w), white where style is wanted and black where the content stays."""

    content: Tensor = field(compare=False, repr=False)
    styles: tuple[Tensor, ...] = field(compare=False, repr=False)
    mask: Tensor | None = field(default=None, compare=False, repr=False)

    kind = "transfer"


def load_transfer(name: str, home: Path) -> Dataset:
    """The data of that name, whose parts are names of pictures. Raises `Refused`."""
    parts = Parts.of(name)
    x = pixels(parts.content, home)
    styles = tuple(pixels(style, home) for style in parts[1:3] if style)
    mask = pixels(parts.mask, home)[:1] if parts.mask else None
    space = Transfer(tuple(x.shape), name=name, content=x, styles=styles, mask=mask)
    return Dataset(name=name, title="Pictures", x=x[None], test_x=x[None], space=space)


def pixels(name: str, home: Path | None = None) -> Tensor:
    """The picture of that name, uint8 (3, H, W). Raises `Refused`."""
    return torch.from_numpy(picture(name, home)).permute(2, 0, 1).contiguous()
