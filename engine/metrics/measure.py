"""A measure is declared once, beside the function that computes it; whoever draws or judges it reads that.

A row of a run holds numbers by name. A `Measure` is such a name, a str, and what is to be known of it: the
chart and the colour in which it is drawn, whether more is better, what real data score. A term of a loss is
one as well. A name that nobody declared is a term of the loss without a colour of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

LOSS = "loss"
"""The chart of the terms that players descend."""


class Floor(NamedTuple):
    """What n real points score: the best that a model can do."""

    value: float  # the expectation
    error: float = 0.0  # of one measurement: value +- 2 errors holds 95 % of them
    says: str = "real data"


class Measure(str):
    """The name of a number in a row, and how to read it.

    Args:
        name: what rows call it. It means the same in the whole lab: a name that is declared twice in two
            ways raises TypeError.
        chart: the title of the chart in which it is drawn; its own name if empty.
        label: what it is called where it is drawn; its name if empty.
        says: what it is, in the words of a table's heading.
        unit: in which it is measured, if it has one.
        better: "higher" or "lower"; empty where neither is.
        role: the meaning of its colour: data, model, latent, gradient, truth, critic.
        digits: decimals in a table; as many as needed if None.
        draw: how. "stack" is a part of a sum, "bars" is a list of numbers, "number" stands below the picture.
        sign: what a stacked one is multiplied by.
        term: whether players descend it, and do not only look at it.
        floor: what real data score, of the data; None where that is not known.
        best: the best value that there is, of the data; None where there is none.
        score: a wall's members are judged by the measure with the highest score; 0 judges nobody.
    """

    chart: str
    label: str
    says: str
    unit: str
    better: Literal["higher", "lower", ""]
    role: str
    digits: int | None
    draw: Literal["curve", "stack", "bars", "number"]
    sign: int
    term: bool
    floor: Callable[[Any], Floor | None] | None
    best: Callable[[Any], float | None] | None
    score: int

    def __new__(
        cls, name: str, *, chart: str = "", label: str = "", says: str = "", unit: str = "",
        better: Literal["higher", "lower", ""] = "", role: str = "", digits: int | None = None,
        draw: Literal["curve", "stack", "bars", "number"] = "curve", sign: int = 1, term: bool = False,
        floor: Callable[[Any], Floor | None] | None = None,
        best: Callable[[Any], float | None] | None = None, score: int = 0,
    ) -> Measure:  # fmt: skip
        self = super().__new__(cls, name)
        self.chart, self.label, self.says = chart or name, label or name, says or label or name
        self.unit, self.better, self.role, self.digits = unit, better, role, digits
        self.draw, self.sign, self.term = draw, sign, term
        self.floor, self.best, self.score = floor, best, score
        known = _declared.setdefault(name, self)
        if known._plain() != self._plain():
            raise TypeError(f"two measures are named {name!r}: give one of them another name")
        return self

    def _plain(self) -> dict[str, Any]:
        """What is declared, less the functions, which differ after a reload."""
        return {name: value for name, value in vars(self).items() if not callable(value)}

    @property
    def array(self) -> str:
        """The name of its array in a frame."""
        return (
            f"{self.draw}/{self.chart}/{self}" if self.draw in ("curve", "stack") else f"{self.draw}/{self}"
        )

    def shown(self) -> dict[str, Any]:
        """What the stage must know to draw it: no more than differs from what it does without."""
        told = {"label": self.label if self.label != self else "", "role": self.role, "unit": self.unit}
        shown: dict[str, Any] = {name: value for name, value in told.items() if value}
        return shown | ({"digits": self.digits} if self.draw == "number" and self.digits is not None else {})

    def __reduce__(self) -> tuple[Any, ...]:
        return declared, (str(self),)


_declared: dict[str, Measure] = {}


def term(name: str, role: str = "", chart: str = LOSS, **more: Any) -> Measure:
    """A term of a loss: the name, which carries its sign, and the role of its colour."""
    return Measure(name, chart=chart, role=role, term=True, better="lower", **more)


def declared(name: str) -> Measure:
    """The measure of that name; a term of the loss where nobody has declared it."""
    if name in _declared:
        return _declared[name]
    found = str.__new__(Measure, name)
    vars(found).update(vars(_UNKNOWN) | {"label": name, "says": name})
    return found


def looked_at() -> tuple[Measure, ...]:
    """All measures that are no terms, in the order in which they were declared."""
    return tuple(m for m in _declared.values() if not m.term)


_UNKNOWN = term("")
del _declared[""]
