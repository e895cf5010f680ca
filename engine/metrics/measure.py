"""A measure is declared once, beside the function that computes it, and read by all that draw or compare it.

A row of a run holds numbers by name. A `Measure` is such a name, a str, with what there is to know about it:
the chart and the colour in which it is drawn, whether more is better, what real data score. A term of a loss
is a measure, too. A name that is not declared is a term of the loss, in a colour that has no meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

LOSS = "loss"
"""The chart of the terms that players descend."""


class Floor(NamedTuple):
    """The score of n real points: the best that a model can reach."""

    value: float  # the expectation
    error: float = 0.0  # of one measurement: 95 % of them are within value +- 2 errors
    says: str = "real data"


class Measure(str):
    """The name of a number in a row, and how to read it.

    Args:
        name: its name in rows. A name means the same in the whole lab: declaring it in two ways raises
            TypeError.
        chart: the title of the chart in which it is drawn; its own name if empty.
        label: its label in that chart; its name if empty.
        says: what it is, as the heading of a table.
        unit: its unit, if it has one.
        better: "higher" or "lower"; empty if neither is.
        role: the meaning of its colour: data, model, latent, gradient, truth, critic.
        digits: decimals in a table; as many as needed if None.
        draw: how it is drawn: as a "curve", as a part of a sum ("stack"), as a list of numbers ("bars") or as
            a "number" below the picture.
        sign: the factor of a part of a sum.
        term: whether players descend it.
        floor: what real data score, a function of the data; None if that is unknown.
        best: the best possible value, a function of the data; None if there is none.
        score: members of a wall are compared by the measure with the highest score; 0 is never chosen.
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
        """Declare a measure. Raises TypeError if another one has its name."""
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
        """The declaration without its functions, which differ after a reload."""
        return {name: value for name, value in vars(self).items() if not callable(value)}

    @property
    def array(self) -> str:
        """The name of its array in a frame."""
        return (
            f"{self.draw}/{self.chart}/{self}" if self.draw in ("curve", "stack") else f"{self.draw}/{self}"
        )

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


_UNKNOWN = term("")
del _declared[""]
