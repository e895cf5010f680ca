"""Where data live. Each kind of data has a class, which owns what is special to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
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


def level(x: Tensor, levels: int) -> Tensor:
    """Numbers in [-1, 1] as whole numbers 0 ... levels - 1."""
    return ((x + 1) / 2 * (levels - 1) + 0.5).floor().long().clamp(0, levels - 1)


def of_level(k: Tensor, levels: int) -> Tensor:
    """The numbers in [-1, 1] that whole numbers 0 ... levels - 1 stand for."""
    return k / (levels - 1) * 2 - 1


@dataclass(frozen=True)
class Picture(Space):
    """Pictures: shape (C, H, W), pixels in [-1, 1], stored with `levels` levels; or every pixel has one of
    the colours of a `palette`, each (C,) in bytes."""

    palette: tuple[tuple[int, ...], ...] = ()

    levels: ClassVar[int] = 256
    kind = "image"

    def coded(self, x: Tensor, levels: int) -> Tensor:
        """Pictures (n, C, H, W) as whole numbers (n, H, W): the nearest colour of the palette; without one
        the level of grey. Raises `Refused` for colours without a palette."""
        if self.palette:
            c = self.colours(x).to(x.dtype)
            near = 2 * torch.einsum("nchw,kc->nkhw", x, c) - c.square().sum(1)[:, None, None]
            return near.argmax(1)  # -|x - c|^2 without |x|^2
        if self.shape[0] > 1:
            raise Refused(
                "These pictures have too many colours; choose grey ones, or pictures with a palette."
            )
        return level(x[:, 0], levels)

    def decoded(self, k: Tensor, levels: int) -> Tensor:
        """The pictures (n, C, H, W) in [-1, 1] that whole numbers (n, H, W) stand for."""
        if self.palette:
            return self.colours(torch.empty(0, device=k.device))[k].movedim(-1, 1)
        return of_level(k, levels)[:, None].to(torch.get_default_dtype())

    def colours(self, like: Tensor) -> Tensor:
        """The palette (K, C) in [-1, 1], on the device of another tensor."""
        return torch.tensor(self.palette, device=like.device).to(torch.get_default_dtype()) / 127.5 - 1

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


@dataclass(frozen=True)
class Wave(Space):
    """Sounds: shape (T,), `rate` samples a second, each its value under the mu-law (`engine.data.mu_law`) in
    [-1, 1], stored with 256 levels. After its end a sound goes on with silence."""

    rate: int = 4000

    kind = "wave"

    def sounding(self, x: Tensor, levels: int = 256) -> Tensor:
        """Where sounds (n, T) have not ended yet: up to the last sample that is not silence, (n, T) of bool.
        The two levels in the middle, of so many, are silence."""
        loud = (2 * level(x, levels) - (levels - 1)).abs() > 1
        return loud.flip(1).cumsum(1).flip(1) > 0


@dataclass(frozen=True)
class Text(Space):
    """Strings: shape (T,), each letter its place in the alphabet, 1 ... K - 1; 0 stands for the end, and for
    what follows it."""

    alphabet: str = ""  # without the end

    kind = "text"

    def coded(self, words: list[str]) -> Tensor:
        """Words as whole numbers (n, T). Raises `Refused` for letters that are not in the alphabet, and for
        words that are too long."""
        T, place = self.shape[0], {letter: k for k, letter in enumerate(self.alphabet, 1)}
        for word in words:
            if unknown := "".join(dict.fromkeys(letter for letter in word if letter not in place)):
                few = "letter" if len(unknown) == 1 else "letters"
                raise Refused(
                    f"{word[:40]!r} has the {few} {unknown[:20]!r}, which this model has never seen."
                )
            if len(word) >= T:
                raise Refused(f"{word[:40]!r} has {len(word)} letters; write at most {T - 1}.")
        k = [[place[letter] for letter in word] + [0] * (T - len(word)) for word in words]
        return torch.tensor(k, dtype=torch.long).view(-1, T)

    def words(self, k: Tensor) -> list[str]:
        """The words that whole numbers (n, T) stand for; they may be data, which are floats."""
        letters = "\0" + self.alphabet
        return ["".join(letters[i] for i in row).partition("\0")[0] for row in k.long().tolist()]


@dataclass(frozen=True)
class Pen(Space):
    """Drawings of one stroke: shape (T, 2), T places of a pen in order of time, x to the right and y upwards,
    each in [-1, 1]. The pen starts from (0, 0). They are stored with `levels` levels."""

    levels: ClassVar[int] = 101
    kind = "pen"


@dataclass(frozen=True)
class Script(Space):
    """Handwriting: shape (T, 3), T steps (dx, dy, lift) of a pen, x to the right and y upwards; lift is 1 if
    the pen is lifted after the step, else 0. The pen starts from (0, 0), at the left end of the base line,
    and the first step is in the air. Writing ends with the last lift; what follows it is 0. Beside it stands
    its text, an example of the space `given`, which has room for its end: (U,) with U = letters + 1."""

    words: tuple[str, ...] = ()  # that are written where no text is asked for

    kind = "script"

    @property
    def texts(self) -> Text:
        """The space of the texts."""
        assert isinstance(self.given, Text)
        return self.given

    @property
    def alphabet(self) -> str:
        """All letters that can be written."""
        return self.texts.alphabet

    @property
    def letters(self) -> int:
        """How many letters the longest text has."""
        return self.texts.size - 1

    def coded(self, words: list[str]) -> Tensor:
        """Words as whole numbers (n, U), 0 after their end. Raises `Refused` for letters that are not in the
        alphabet, for words that are too long, and for none at all."""
        if not all(words):
            raise Refused("There is nothing to write; type a word.")
        return self.texts.coded(words)

    def inked(self, x: Tensor) -> Tensor:
        """Which steps of writing (n, T, 3) come before its end, (n, T) of bool."""
        return (x[..., 2] > 0.5).flip(1).cumsum(1).flip(1) > 0


KINDS = (Line, Plane, Vectors, Picture, Wave, Text, Pen, Script)
WORDS: dict[str, type[Space]] = {space.kind: space for space in KINDS}
"""Kinds of space by name."""


def known(kind: Any) -> type[Space]:
    """A kind of space, given by class or by name."""
    return WORDS.get(kind, kind)
