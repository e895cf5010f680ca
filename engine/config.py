"""A number is declared once: `knob` is slider, flag, validator, help text and documentation row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Refused(ValueError):
    """Bad input. The message is one sentence for the user: what is wrong and what to change."""


@dataclass(frozen=True)
class Where:
    """Where a knob does something: it `holds` for a config and a space. `says` so: "only with labels"."""

    says: str
    holds: Callable[[Any, Any], bool]


@dataclass(frozen=True)
class Knob:
    """What a slider, a flag or a table row needs to know of one field of a `Config`."""

    name: str
    kind: Literal["int", "float", "bool", "choice"]
    default: Any
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    label: str  # a few words beside the slider
    symbol: str  # LaTeX, as in the paper
    says: str  # one plain phrase
    step: float | None
    log: bool  # spread evenly in the logarithm
    live: bool  # may change while training; otherwise a change needs a new model
    advanced: bool  # not among the six sliders, at most, that are shown first
    where: Where | None  # where it does something, if not everywhere

    @property
    def range(self) -> str:
        """The values allowed, in words."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        return "yes or no" if self.kind == "bool" else f"in [{self.low:g}, {self.high:g}]"

    def ends(self) -> tuple[Any, ...]:
        """The values that every model must accept: both ends, or every choice."""
        if self.kind == "choice":
            return self.choices
        return (False, True) if self.kind == "bool" else (self.low, self.high)


def knob(
    default: Any,
    low: float | None = None,
    high: float | None = None,
    *,
    says: str,
    label: str = "",
    symbol: str = "",
    step: float | None = None,
    log: bool = False,
    live: bool = False,
    advanced: bool = False,
    where: Where | None = None,
) -> Any:
    """Declare one hyper-parameter of a `Config`. Numbers need `low` and `high`, both allowed; choices are
    `Literal[...]` fields, and switches are `bool` fields."""
    extra = dict[str, Any](label=label, symbol=symbol, step=step, log=log, live=live, advanced=advanced)
    extra["where"] = where
    return Field(default, ge=low, le=high, description=says, json_schema_extra=extra)


TAKEN = {"data", "seed", "run", "rounds", "out", "json", "help", "embed", "tab", "walks", "present"}
TAKEN |= {"family", "knob", "left", "right", "a", "b", "c"}  # of a comparison
TAKEN |= {"rows", "row_values", "columns", "column_values"}  # of a wall
"""Words of the address and of the command line, which no knob may have as its name."""


class Config(BaseModel):
    """The hyper-parameters of a family: frozen, validated, no unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
    idle: ClassVar[tuple[str, ...]] = ()  # inherited fields that change nothing here: no knobs
    only: ClassVar[Mapping[str, Where]] = {}  # where inherited knobs do something here
    _plain: ClassVar[dict[type, str]] = {int: "int", float: "float", bool: "bool"}

    @classmethod
    def knobs(cls) -> dict[str, Knob]:
        """Every knob by name, in the order of declaration. Raises TypeError for a bad declaration."""
        return {name: cls._knob(name) for name in cls.model_fields if name not in cls.idle}

    @classmethod
    def _knob(cls, name: str) -> Knob:
        field = cls.model_fields[name]
        choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        bounds = {k: getattr(m, k) for m in field.metadata for k in ("ge", "le") if hasattr(m, k)}
        extra = field.json_schema_extra
        if not isinstance(extra, dict) or not field.description:
            raise TypeError(f"{cls.__name__}.{name} must be declared with knob(..., says=...)")
        if name in TAKEN:
            raise TypeError(f"{cls.__name__}.{name} needs another name: addresses and flags have a {name}")
        kind = "choice" if choices else cls._plain.get(field.annotation)  # type: ignore[arg-type]
        if kind is None or (kind in ("int", "float") and len(bounds) < 2):
            raise TypeError(f"{cls.__name__}.{name} must be a bounded int or float, bool or Literal")
        return Knob(
            name=name,
            kind=kind,  # type: ignore[arg-type]
            default=field.default,
            low=bounds.get("ge"),
            high=bounds.get("le"),
            choices=choices,
            says=field.description,
            **extra | {"label": extra["label"] or name, "where": cls.only.get(name, extra["where"])},  # type: ignore[arg-type]
        )

    def without_effect(self, space: Any) -> dict[str, str]:
        """The knobs that change nothing in this setting, and where each would."""
        wheres = {name: knob.where for name, knob in self.knobs().items()}
        return {n: where.says for n, where in wheres.items() if where and not where.holds(self, space)}

    def effective(self, space: Any) -> dict[str, Any]:
        """The values on which the numbers of a run depend."""
        idle = {*self.idle, *self.without_effect(space)}
        return {name: value for name, value in self.model_dump().items() if name not in idle}

    @classmethod
    def table(cls) -> list[dict[str, str]]:
        """A row of documentation for each knob."""
        return [
            {
                "knob": knob.name,
                "symbol": f"${knob.symbol}$" if knob.symbol else "",
                "default": str(knob.default),
                "values": knob.range,
                "meaning": knob.says,
                "while training": "yes" if knob.live else "needs a new model",
            }
            for knob in cls.knobs().values()
        ]

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """A config with these `values` (numbers, or their text from a link or a flag), validated. Raises
        `Refused` with a sentence that names the knob and its range."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            name, knobs = str(first["loc"][0]), cls.knobs()
            if name not in knobs:
                raise Refused(f"There is no knob {name!r}; choose from {', '.join(knobs)}.") from error
            knob = knobs[name]
            raise Refused(f"{name} ({knob.says}) is {first['input']!r}; it must be {knob.range}.") from error

    def change(self, values: dict[str, Any]) -> Self:
        """This config with the values of some knobs replaced, validated again. Raises `Refused`."""
        if unknown := [name for name in values if name not in self.knobs()]:
            raise Refused(f"There is no knob {unknown[0]!r}; choose from {', '.join(self.knobs())}.")
        return self.of(self.model_dump() | values)
