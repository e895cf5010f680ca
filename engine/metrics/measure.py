"""A measure is declared once, beside the function that computes it, and read by all that draw or compare it.

A row of a run holds numbers by name. A `Measure` is such a name, a str, with what there is to know about it:
the chart and the colour in which it is drawn, whether more is better, what real data score. A term of a loss
is a measure, too. A name that is not declared is a term of the loss, in a colour that has no meaning.
"""

from __future__ import annotations

import logging
import math
import traceback
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import KW_ONLY, InitVar, dataclass
from functools import cache
from pathlib import PurePath
from typing import Any, Literal, NamedTuple

from engine.config import Refused

LOSS = "loss"
"""The chart of the terms that players descend."""
LEFT_OUT = "left out"
"""In a row, sentences: what could not be measured, and why."""

Steps = Generator[None, None, dict[str, Any]]
"""What takes long, in steps between which others have their turn; it returns what comes of it."""
Source = tuple[str, Callable[[], Mapping[str, Any] | Steps]]
"""What is measured, in words, and the function that measures it, at once or in steps."""


class Floor(NamedTuple):
    """The score of n real points: the best that a model can reach."""

    value: float  # the expectation
    error: float = 0.0  # of one measurement: 95 % of them are within value +- 2 errors
    says: str = "real data"


@dataclass(eq=False, repr=False)
class Measure(str):
    """The name of a number in rows, and how to read it. A name means the same in the whole lab: declaring it
    in two ways raises TypeError."""

    name: InitVar[str]
    _: KW_ONLY
    chart: str = ""  # the title of the chart in which it is drawn; its own name if empty
    label: str = ""  # in that chart; its name if empty
    says: str = ""  # what it is, as the heading of a table
    unit: str = ""  # if it has one
    better: Literal["higher", "lower", ""] = ""
    role: str = ""  # the meaning of its colour: data, model, latent, gradient, truth, critic
    digits: int | None = None  # decimals in a table; as many as needed if None
    draw: Literal["curve", "stack", "bars", "number"] = "curve"  # or as a part of a sum, a list, one number
    sign: int = 1  # the factor of a part of a sum
    term: bool = False  # whether players descend it
    floor: Callable[[Any], Floor | None] | None = None  # from the data to what real data score, if known
    best: Callable[[Any], float | None] | None = None  # from the data to the best possible value, if any
    score: int = 0  # members of a wall are compared by the measure with the highest; 0 is never chosen

    def __new__(cls, name: str, **_how: Any) -> Measure:
        """The name itself."""
        return super().__new__(cls, name)

    def __post_init__(self, name: str) -> None:
        self.chart, self.label = self.chart or name, self.label or name
        self.says = self.says or self.label
        known = _declared.setdefault(name, self)
        if known._plain() != self._plain():
            raise TypeError(f"two measures are named {name!r}: give one of them another name")

    def _plain(self) -> dict[str, Any]:
        """The declaration without its functions, which differ after a reload."""
        return {name: value for name, value in vars(self).items() if not callable(value)}

    @property
    def array(self) -> str:
        """The name of its array in a frame."""
        chart = f"{self.chart}/" if self.draw in ("curve", "stack") else ""
        return f"{self.draw}/{chart}{self}"

    def shown(self) -> dict[str, Any]:
        """What the stage must know to draw it, where that differs from its defaults."""
        told = {"label": self.label if self.label != self else "", "role": self.role, "unit": self.unit}
        shown: dict[str, Any] = {name: value for name, value in told.items() if value}
        return shown | ({"digits": self.digits} if self.draw == "number" and self.digits is not None else {})

    def __reduce__(self) -> tuple[Any, ...]:
        return declared, (str(self),)


_declared: dict[str, Measure] = {}


def term(name: str, role: str = "", chart: str = LOSS, **more: Any) -> Measure:
    """A term of a loss: its name, which carries its sign, and the role of its colour."""
    return Measure(name, chart=chart, role=role, term=True, better="lower", **more)


def declared(name: str) -> Measure:
    """The measure of that name; a term of the loss if it is not declared."""
    if name in _declared:
        return _declared[name]
    unknown = str.__new__(Measure, name)
    vars(unknown).update(vars(_UNKNOWN) | {"label": name, "says": name})
    return unknown


def looked_at() -> tuple[Measure, ...]:
    """All measures except terms, in the order of their declaration."""
    return tuple(m for m in _declared.values() if not m.term)


def taken(sources: Iterable[Source]) -> dict[str, Any]:
    """What the sources measure, one after the other; of a name that two measure, what the later says. What
    fails or is no finite number is left out and never ends a training: LEFT_OUT then says why, and also why a
    source leaves something out itself. In a list with one number a member, None stands for what a member does
    not have."""
    return at_once(taken_in_steps(sources))


def taken_in_steps(sources: Iterable[Source]) -> Steps:
    """The same step by step: after each source, and wherever one that is a generator yields."""
    values: dict[str, Any] = {}
    failed: list[str] = []
    for what, source in sources:
        try:
            told = source()
            found = dict((yield from told) if isinstance(told, Generator) else told)
            failed += found.pop(LEFT_OUT, [])
            values |= found
        except Exception as error:
            failed.append(f"{what} could not be measured: {reason(error)}")
        yield
    odd = {name: why for name, value in values.items() if (why := _odd(value))}
    sentences = [*failed, *(f"{name} is left out because it is {why}." for name, why in odd.items())]
    kept = {name: value for name, value in values.items() if name not in odd}
    return kept | ({LEFT_OUT: sentences} if sentences else {})


def at_once(steps: Steps) -> dict[str, Any]:
    """What comes of the steps."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return dict(end.value)


def _odd(value: Any) -> str:
    """What keeps a value from being a finite number, or a list of such; nothing if it is one."""
    numbers = [one for one in (value if isinstance(value, list) else [value]) if one is not None]
    if any(map(math.isnan, numbers)):
        return "not a number"
    return "" if all(map(math.isfinite, numbers)) else "infinite"


def reason(error: Exception) -> str:
    """Why something failed, as the end of a sentence: a refusal's own words, or what went wrong and where.
    What a library says of it, maybe with paths of this machine, is for the log, once."""
    if isinstance(error, Refused):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = f" in {PurePath(last[0].filename).name}, line {last[0].lineno}" if last else ""
    text = " ".join(str(error).split())[:1000].encode("utf-8", "backslashreplace").decode()
    _log(f"{type(error).__name__}{place}", text)
    return f"{type(error).__name__}{place}; the log has the rest."


@cache
def _log(place: str, text: str) -> None:
    logging.getLogger(__name__).warning("%s: %s", place, text)


_UNKNOWN = term("")
del _declared[""]
