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

    `shape` is the shape of one example. `given` says what a model may be told beside x: with a number of
    classes, labels y from 0 to given - 1; with another space, an example y of that space; with 0, nothing. An
    example y that is not `paired` with x is drawn independently of x. `name` is the name of the data, for
    which a family may have a recipe.
    """

    shape: tuple[int, ...]
    given: int | Space = 0
    name: str = ""
    paired: bool = True

    kind: ClassVar[str] = ""  # its name in recipes, legends and help

    @staticmethod
    def of(shape: tuple[int, ...], given: int | Space = 0, name: str = "") -> Space:
        """The space of examples of this shape: numbers on a line, points, vectors or pictures. Raises
        `Refused` for any other shape."""
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
        """The number of labels; 0 if there are none."""
        return self.given if isinstance(self.given, int) else 0

    @property
    def size(self) -> int:
        """How many numbers one example has."""
        return int(torch.Size(self.shape).numel())

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
