"""Where data live. Each kind of data has a class, which owns what is special to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from engine.config import Refused


@dataclass(frozen=True)
class Space:
    """Where the data live, and what each example comes with.

    `shape` is that of one example. `given` says what a model may be told beside x: a number of classes, whose
    labels y are 0 ... given - 1; another space, whose examples y are; or 0, nothing. Where y is of another
    space and not `paired`, it comes from a stream of its own. `name` is that of the data, where these have a
    recipe of their own.
    """

    shape: tuple[int, ...]
    given: int | Space = 0
    name: str = ""
    paired: bool = True

    kind: ClassVar[str] = ""  # the word for it, in recipes, legends and help

    @staticmethod
    def of(shape: tuple[int, ...], given: int | Space = 0, name: str = "") -> Space:
        """The space of examples of this shape: numbers on a line, points, vectors or pictures. Raises
        `Refused` for a shape of which nobody knows what it is."""
        kinds = {1: Line, 2: Plane}
        if len(shape) == 1:
            return kinds.get(shape[0], Vectors)(shape, given, name)
        if len(shape) == 3:
            return Picture(shape, given, name)
        raise Refused(
            f"Data of the shape {shape} are neither numbers nor pictures (channels, height, width)."
        )

    @property
    def classes(self) -> int:
        """How many labels there are; 0 where there are none."""
        return self.given if isinstance(self.given, int) else 0

    @property
    def size(self) -> int:
        """Numbers in one example."""
        return int(torch.Size(self.shape).numel())

    @property
    def lowest(self) -> float:
        """What stands for a number that is missing."""
        return 0.0

    def ends(self) -> list[nn.Module]:
        """What must follow the last layer of a net that makes examples; nothing by default."""
        return []

    def squashed(self, out: Tensor) -> Tensor:
        """What a net puts out, brought into the range of the data."""
        return out


@dataclass(frozen=True)
class Vectors(Space):
    """Numbers side by side: shape (d,)."""

    kind = "vectors"


@dataclass(frozen=True)
class Line(Vectors):
    """Numbers on a line: shape (1,)."""

    kind = "line"


@dataclass(frozen=True)
class Plane(Vectors):
    """Points in the plane: shape (2,)."""

    kind = "points"


@dataclass(frozen=True)
class Picture(Space):
    """Pictures: shape (C, H, W), pixels in [-1, 1] that come from `levels` levels."""

    levels: ClassVar[int] = 256
    kind = "image"

    @property
    def lowest(self) -> float:
        """Black."""
        return -1.0

    def ends(self) -> list[nn.Module]:
        """The range of pixels."""
        return [nn.Tanh()]

    def squashed(self, out: Tensor) -> Tensor:
        """In [-1, 1]."""
        return out.tanh()


WORDS: dict[str, type[Space]] = {space.kind: space for space in (Line, Plane, Vectors, Picture)}
"""Spaces by the word for them."""


def known(kind: Any) -> type[Space]:
    """A kind of space that a family names, by class or by word."""
    return WORDS.get(kind, kind)
