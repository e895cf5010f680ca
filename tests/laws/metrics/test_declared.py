"""What is declared of measures, and the detector of every family, by hand."""

import pickle

import numpy as np
import pytest

from engine.family import Family
from engine.metrics.detector import Look, Story, diverging, looked, number, standing, symptoms
from engine.metrics.measure import LOSS, Floor, Measure, declared, looked_at, term
from engine.metrics.ruler import DISTANCE, HIGH_QUALITY, JS, MODES, DataFacts


def test_a_name_that_nobody_declared_is_a_term_that_is_better_lower():
    unknown = declared("E[never heard of]")
    assert unknown == "E[never heard of]"
    assert (unknown.term, unknown.better, unknown.chart) == (True, "lower", LOSS)
    assert unknown.label == unknown.says == unknown
    assert unknown not in looked_at()
    assert declared(JS) is JS
    assert JS in looked_at()
    assert not JS.term


def test_a_measure_is_declared_once_and_travels_by_its_name():
    one = Measure("odd one", chart="Odd", better="lower", digits=2)
    assert Measure("odd one", chart="Odd", better="lower", digits=2) == one
    with pytest.raises(TypeError, match="two measures are named 'odd one'"):
        Measure("odd one", chart="Odd", better="higher", digits=2)
    assert pickle.loads(pickle.dumps(JS)) is JS


def test_measures_are_looked_at_in_the_order_of_their_declaration():
    several = [Measure(name) for name in ("order z", "order a", "order m")]
    term("order b")
    assert [*looked_at()][-3:] == several


def test_how_a_measure_is_drawn_is_in_the_name_of_its_array():
    assert Measure("drawn 1", chart="C").array == "curve/C/drawn 1"
    assert Measure("drawn 2", chart="C", draw="stack").array == "stack/C/drawn 2"
    assert Measure("drawn 3", chart="C", draw="bars").array == "bars/drawn 3"
    assert Measure("drawn 4", draw="number", digits=1, label="L").shown() == {"label": "L", "digits": 1}
    assert Measure("drawn 5", digits=1, role="data", unit="nats").shown() == {"role": "data", "unit": "nats"}
    assert term("drawn 6", "model").shown() == {"role": "model"}


def test_the_better_ends_of_the_rulers_measures():
    assert [m.better for m in (MODES, HIGH_QUALITY, DISTANCE, JS)] == ["higher", "higher", "lower", "lower"]
    assert MODES.score > JS.score > 0
    assert (MODES.digits, JS.digits, JS.unit) == (0, 2, "bits")


FACTS = DataFacts({JS: Floor(0.1, 0.02)}, [], "regions", 1.0)


def rows(*values: float, name: str = JS) -> list[dict]:
    return [{"round": 64 * (i + 1), name: value} for i, value in enumerate(values)]


def told(*values: float, name: str = JS) -> list[str]:
    return [one.name for one in symptoms(Family, rows(*values, name=name), FACTS)]


def test_a_good_distance_works_and_a_bad_one_learns():
    floor = FACTS.floors[JS].value
    assert told(*[4 * floor] * 6) == ["Working"], "four floors"
    assert told(*[4.001 * floor] * 6) == ["Learning"], "0.3 bits above this floor are no more than these"
    assert told(*[0.4] * 5) == [], "five measurements are too few"
    assert told(0.6, *[0.4] * 5) == ["Working"]
    assert told(0.6, 0.6, *[0.4] * 4) == ["Learning"], "five of the last six must show it"
    low = DataFacts({JS: Floor(0.01, 0.001)}, [], "regions", 1.0)
    for value, name in ((0.04, "Working"), (0.041, "Close"), (0.31, "Close"), (0.311, "Not there yet")):
        assert [one.name for one in symptoms(Family, rows(*[value] * 20), low)] == [name]
    for fall, name in ((0.949, "Learning"), (0.951, "Not there yet")):  # from window to window
        assert told(*[0.9 * fall ** (i / 6) for i in range(24)]) == [name]


def test_a_bad_distance_is_no_fault_and_nothing_is_said_of_rows_without_one():
    (one,) = symptoms(Family, rows(*[0.6] * 7), FACTS)
    assert (one.name, one.tone, one.cure, one.since) == ("Learning", "", "", 64)
    assert told(*[0.1] * 7, name=DISTANCE) == []


def test_a_symptom_stays_until_few_measurements_show_it():
    assert told(*[0.4] * 6, *[0.6] * 2) == ["Working"]
    assert told(*[0.4] * 6, *[0.6] * 3) == ["Learning"], "praise is for what most measurements deserve"
    (one,) = symptoms(Family, rows(0.9, 0.9, *[0.4] * 6), FACTS)
    assert (one.name, one.since, one.tone) == ("Working", 64 * 3, "good")


@pytest.mark.parametrize(("on", "off"), [(5, 2), (3, 1), (6, 6), (4, 4)])
def test_a_symptom_begins_and_ends_as_if_it_were_watched_live(on, off):
    """What is said of a whole run is what a watcher says who sees six measurements at a time."""
    shown = np.random.default_rng(0)
    for share in (0.3, 0.5, 0.7, 0.9):
        held = [bool(one) for one in shown.random(60) < share]
        look = Look("", lambda story, i: story.rows[i], lambda story, i: ("", ""), on, off)
        began = None
        for last in range(60):
            seen = [i for i in range(last - 5, last + 1) if i >= 0 and held[i]]
            if last >= 5 and began is None and len(seen) >= on:
                began = seen[0]
            elif len(seen) < off:
                began = None
            assert look.since(Story(held[: last + 1], FACTS)) == began  # type: ignore[arg-type]


def test_a_loss_diverges_if_it_is_huge_and_has_doubled_within_a_window():
    grows = [10.0 * 3**i for i in range(14)]
    assert told(*grows, name="a loss") == ["Diverging"]
    assert told(*[2000.0] * 14, name="a loss") == [], "large is not growing"
    assert told(*[1.5**i for i in range(14)], name="a loss") == [], "below 1,000"
    assert told(*[-v for v in grows], name="a loss") == ["Diverging"], "minus infinity is no better"
    assert told(*grows, name="sliced Wasserstein") == [], "a measure is no loss"
    last = {"round": 9, "a": [1e9], "b": -3.0, "a loss": 2.0}
    story = Story([*rows(*grows, name="a loss"), last], FACTS)
    assert story.loss(-1) == 3.0
    assert diverging(story, 13)


@pytest.mark.parametrize(
    ("losses", "seen"),
    [
        ([100.0, *[1000.0] * 5], []), ([100.0, *[1000.5] * 5], ["Diverging"]),  # huge is more than 1,000
        ([1000.0, *[1999.0] * 5], []), ([1000.0, *[2000.0] * 5], ["Diverging"]),  # at least doubled
        ([1000.0, 1000.0, *[2000.0] * 4], []), ([1000.0, *[2000.0] * 7], ["Diverging"]),
        ([1000.0, *[2000.0] * 10], ["Diverging"]), ([1000.0, *[2000.0] * 11], []),  # it has long not grown
    ],
)  # fmt: skip
def test_the_limits_of_a_loss_that_diverges(losses, seen):
    """It is compared with six measurements before, or with the first."""
    assert told(*losses, name="a loss") == seen


def test_a_diverging_loss_is_told_from_where_it_began_to_where_it_is():
    (one,) = symptoms(Family, rows(*[5.0] * 4, *[3000.0 + i for i in range(6)], name="a loss"), FACTS)
    assert one.sentence == "Diverging: a loss has grown from 3,000 to 3,005 since round 320."
    assert (one.since, one.bad) == (64 * 5, True)
    assert "lower learning rate" in one.cure
    assert Story(rows(0.5), FACTS).loss(0) == 0, "a row without losses"


def test_the_distance_is_told_beside_that_of_real_data():
    def said(value: float, **more: float) -> str:
        return standing(rows(value)[0] | more, FACTS)

    assert said(0.44) == "JS 0.44 bits, 4 times that of real data, 0.100 ± 0.040."
    assert said(0.39) == "JS 0.39 bits, near that of real data, 0.100 ± 0.040."
    assert said(0.14) == "JS 0.14 bits, within the noise of real data."
    assert said(0.15).endswith("± 0.040.")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.98, "0.98"), (0.0003, "3e−4"), (120, "120"), (1234.5, "1,234"), (0, "0.00"), (-0.5, "−0.50"),
     (99.99, "99.99"), (100, "100"), (0.01, "0.01"), (2e6, "2e6"), (-2e-7, "−2e−7"), (1e6, "1e6"),
     (999_999, "999,999"), (-1234, "−1,234"), (0.0099, "1e−2"), (2e-12, "2e−12")],
)  # fmt: skip
def test_numbers_in_a_sentence_have_two_figures(value, text):
    assert number(value) == text


def test_a_symptom_that_explains_another_hides_it():
    looks = [
        Look("A", lambda s, i: True, lambda s, i: ("a", "")),
        Look("B", lambda s, i: True, lambda s, i: ("b", "do"), unless=("A",)),
        Look("C", lambda s, i: i > 0, lambda s, i: (f"c{i}", "do"), unless=("B",), tone="good"),
    ]
    seen = looked(looks, Story(rows(*[0.0] * 6), FACTS))
    assert [(one.name, one.sentence, one.since, one.cure, one.bad) for one in seen] == [
        ("A", "A: a", 64, "", True), ("C", "C: c1", 128, "do", False),
    ]  # fmt: skip
