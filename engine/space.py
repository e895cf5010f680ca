"""Where data live. Each kind of data has a class, which owns what is special to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from engine.config import Refused


@dataclass(frozen=True)
class Space:
    """Where the data live, and what each example x comes with."""

    shape: tuple[int, ...]  # of one example
    given: int | Space = 0  # what comes beside x: labels y below this number, or an example y of this space
    name: str = ""  # of the data, for which a family may have a recipe
    paired: bool = True  # if not, an example y is drawn independently of x

    kind: ClassVar[str] = ""  # its name in recipes, legends and help

    @staticmethod
    def of(shape: tuple[int, ...], given: int | Space = 0, name: str = "") -> Space:
        """The space of examples of this shape: numbers on a line, points, vectors or pictures. Raises
        `Refused` for any other shape."""
        if len(shape) == 1:
            return {1: Line, 2: Plane}.get(shape[0], Vectors)(shape, given, name)
        if len(shape) == 3:
            return Picture(shape, given, name)
        raise Refused(
            f"Data of the shape {shape} are neither numbers nor pictures (channels, height, width)."
        )

    @property
    def classes(self) -> int:
        """The number of labels; 0 if there are none."""
        return self.given if isinstance(self.given, int) else 0

    @property
    def size(self) -> int:
        """How many numbers one example has."""
        return math.prod(self.shape)

    @property
    def lowest(self) -> float:
        """The value that stands for a missing number."""
        return 0.0

    def ends(self) -> list[nn.Module]:
        """The modules that follow the last layer of a net that makes examples; none by default."""
        return []

    def squashed(self, out: Tensor) -> Tensor:
        """The output of a net, brought into the range of the data."""
        return out


@dataclass(frozen=True)
class Vectors(Space):
    """Vectors of d numbers: shape (d,)."""

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
    """Pictures: shape (C, H, W), pixels in [-1, 1], stored with `levels` levels."""

    levels: ClassVar[int] = 256
    kind = "image"

    @property
    def lowest(self) -> float:
        """Black."""
        return -1.0

    def ends(self) -> list[nn.Module]:
        """A tanh, whose range is that of pixels."""
        return [nn.Tanh()]

    def squashed(self, out: Tensor) -> Tensor:
        """The tanh of the output, in [-1, 1]."""
        return out.tanh()


WORDS: dict[str, type[Space]] = {space.kind: space for space in (Line, Plane, Vectors, Picture)}
"""Kinds of space by name."""


def known(kind: Any) -> type[Space]:
    """A kind of space, given by class or by name."""
    return WORDS.get(kind, kind)
