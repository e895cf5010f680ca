"""A knob is declared once: slider, flag, validator and help say the same, and what is wrong is refused."""

from typing import Any, Literal

import pytest

from engine.config import TAKEN, Config, Refused, knob


class Kinds(Config):
    """A knob of each kind."""

    count: int = knob(3, 1, 9, says="how many", symbol="n", step=2, live=True)
    rate: float = knob(0.5, 1e-5, 2, says="how fast", label="Rate", log=True, advanced=True)
    loud: bool = knob(False, says="whether it is heard")
    way: Literal["up", "down"] = knob("up", says="where it goes", live=True)


class Idle(Kinds):
    """One that inherits a knob which changes nothing here."""

    idle = ("loud",)


def test_a_knob_knows_all_that_was_declared():
    count, rate, loud, way = Kinds.knobs().values()
    assert (count.name, count.kind, count.default, count.says) == ("count", "int", 3, "how many")
    assert (count.label, count.symbol, count.step) == ("count", "n", 2)  # no label: its name
    assert (count.live, count.log, count.advanced) == (True, False, False)
    assert (rate.name, rate.kind, rate.default, rate.label, rate.symbol) == ("rate", "float", 0.5, "Rate", "")
    assert (rate.live, rate.log, rate.advanced, rate.step) == (False, True, True, None)
    assert (loud.kind, loud.default, loud.choices, loud.low, loud.high) == ("bool", False, (), None, None)
    assert (way.kind, way.default, way.choices) == ("choice", "up", ("up", "down"))
    assert [one.ends() for one in (count, rate, loud, way)] == [
        (1, 9),
        (1e-5, 2),
        (False, True),
        ("up", "down"),
    ]
    ranges = ["in [1, 9]", "in [1e-05, 2]", "yes or no", "one of up, down"]
    assert [one.range for one in (count, rate, loud, way)] == ranges
    assert [*Idle.knobs()] == ["count", "rate", "way"]


def test_the_table_has_a_row_for_each_knob():
    first, second, third, _ = Kinds.table()
    assert first == {
        "knob": "count", "symbol": "$n$", "default": "3", "values": "in [1, 9]", "meaning": "how many",
        "while training": "yes",
    }  # fmt: skip
    assert (second["symbol"], second["while training"]) == ("", "needs a new model")
    assert (third["default"], third["values"]) == ("False", "yes or no")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"count": 0}, r"count \(how many\) is 0; it must be in \[1, 9\]\."),
        ({"count": 10}, r"it must be in \[1, 9\]\."), ({"count": 1.5}, "count .how many. is 1.5"),
        ({"rate": "fast"}, "is 'fast'; it must be in"), ({"way": "left"}, "it must be one of up, down"),
        ({"loud": "maybe"}, "it must be yes or no"),
        ({"speed": 1}, "There is no knob 'speed'; choose from count, rate, loud, way."),
    ],
)  # fmt: skip
def test_what_is_out_of_range_is_refused_by_name_also_as_a_change(values, says):
    for refuse in (Kinds.of, Kinds().change):
        with pytest.raises(Refused, match=says):
            refuse(values)


def test_text_of_a_link_is_a_number_and_both_ends_are_allowed():
    made = Kinds.of({"count": "9", "rate": "1e-5", "loud": "true", "way": "down"})
    assert (made.count, made.rate, made.loud, made.way) == (9, 1e-5, True, "down")
    changed = made.change({"count": 1})
    assert (changed.count, changed.way, made.count) == (1, "down", 9)
    with pytest.raises(Refused, match="There is no knob 'loud'; choose from count, rate, way"):
        Idle().change({"loud": True})


def test_a_config_is_frozen_and_its_defaults_are_valid():
    with pytest.raises(ValueError, match="frozen"):
        Kinds().count = 4

    class Wrong(Config):
        count: int = knob(0, 1, 9, says="how many")

    with pytest.raises(Refused, match="it must be in"):
        Wrong.of({})


def declared(annotation: Any, field: Any, name: str = "it") -> type[Config]:
    return type("Made", (Config,), {"__annotations__": {name: annotation}, name: field})


@pytest.mark.parametrize(
    ("annotation", "field", "says"),
    [
        (int, 3, "must be declared with knob"), (int, knob(3, 1, 9, says=""), "must be declared with knob"),
        (int, knob(3, says="no bounds"), "must be a bounded int or float, bool or Literal"),
        (float, knob(3.0, low=1, says="one bound"), "must be a bounded int or float"),
        (str, knob("x", says="text"), "must be a bounded int or float"),
    ],
)  # fmt: skip
def test_a_bad_declaration_says_what_it_needs(annotation, field, says):
    with pytest.raises(TypeError, match=rf"Made\.it {says}"):
        declared(annotation, field).knobs()


@pytest.mark.filterwarnings("ignore:Field name")  # pydantic would refuse some of them as well
def test_no_knob_has_a_name_that_is_taken():
    assert {"data", "seed", "family", "walks", "rows"} < TAKEN
    for name in TAKEN:
        with pytest.raises(TypeError, match=rf"Made\.{name} needs another name"):
            declared(int, knob(3, 1, 9, says="how many"), name).knobs()
