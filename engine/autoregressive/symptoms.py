"""The detector of autoregressive models: leaks above all, because no other fault looks so good."""

from __future__ import annotations

import math
from statistics import median
from typing import Any, NamedTuple

from engine.autoregressive.influence import LEAKS, OUTPUTS
from engine.autoregressive.pixel_measures import BAR, TEST
from engine.autoregressive.pixels import NATS, Pixels
from engine.metrics.detector import Row, Symptom, number
from engine.metrics.measure import Measure
from engine.metrics.ruler import DataFacts

WINDOW = 5  # measurements, needed before anything else than a leak is claimed
FEW = 3  # measurements that count as "now"
WORSE = 0.03  # relative rise of the test loss above its best, while the training loss falls: overfitting
GAIN = 0.005  # relative fall from the measurements before: learning
LOST = 1.1  # times the bar: diverging


class Judged(NamedTuple):
    """What a kind of models is judged by, and in which words."""

    loss: Measure  # in training
    test: Measure
    bar: Measure  # what must be passed
    unit: str
    over: str  # what the loss is taken over
    bar_says: str
    number: str  # what an output predicts
    share: float  # of the bar that a model which works is below it


PIXELS = Judged(NATS, TEST, BAR, "nats", "test picture", "independent pixels", "pixel", 0.3)


def symptoms(family: type[Pixels], rows: list[Row], data: DataFacts) -> list[Symptom]:
    """The symptom that these rows show; [] while there are too few to tell."""
    return judge(PIXELS, rows)


def judge(by: Judged, rows: list[Row]) -> list[Symptom]:
    """The same for any kind of models."""
    measured = [row for row in rows if {by.test, by.bar} <= row.keys()]
    if leak := leaking(by, [row for row in measured if LEAKS in row]):
        return [leak]
    return [worse(by, measured) or progress(by, measured)] if len(measured) >= WINDOW else []


def leaking(by: Judged, rows: list[Row]) -> Symptom | None:
    """Some number is predicted from itself, or from what comes later."""
    if len(rows) < 2 or not any(rows[-1][LEAKS]):
        return None
    itself, later = rows[-1][LEAKS]
    since = next(row["round"] for row in rows if any(row[LEAKS]))
    good = f"The loss is {number(rows[-1][by.test])} {by.unit}, too good to be true: "
    if later:
        return Symptom(
            "Sees the future",
            f"Sees the future: {good}{later} of {OUTPUTS} outputs change when later {by.number}s are "
            "changed. These are not there yet when the model writes.",
            since,
            "let each output see only what comes before",
        )
    return Symptom(
        "Sees itself",
        f"Sees itself: {good}{itself} of {OUTPUTS} outputs change when their own {by.number} is changed. The "
        "net copies the answer, and has nothing to copy when it writes.",
        since,
        "a mask that hides the number itself: A in the first layer, or > at the output",
    )


def worse(by: Judged, rows: list[Row]) -> Symptom | None:
    """The test loss was better before: overfitting where the training loss falls, else diverging."""
    first = min(rows, key=lambda row: row[by.test])
    now = min(row[by.test] for row in rows[-FEW:])
    # whoever only measures a model has no training loss, of which nobody can say that it falls
    falls = median(row.get(by.loss, math.inf) for row in rows[-FEW:]) < first.get(by.loss, -math.inf)
    if falls and now > first[by.test] + WORSE * abs(first[by.test]):
        return Symptom(
            "Overfitting",
            f"Overfitting: the test loss was best around round {first['round']:,}, "
            f"{number(first[by.test])} {by.unit}, and is {number(now)} now, while the training loss keeps "
            "falling.",
            first["round"],
            "stop or rewind to that round, or use a smaller net",
        )
    if now > LOST * rows[-1][by.bar] and now > first[by.test]:
        return Symptom(
            "Diverging",
            f"Diverging: the loss is {number(now)} {by.unit}, and {by.bar_says} need "
            f"{number(rows[-1][by.bar])}.",
            first["round"],
            "a lower learning rate",
        )
    return None


def progress(by: Judged, rows: list[Row]) -> Symptom:
    """The model still improves, or has stopped improving."""
    last = rows[-1]
    below = last[by.bar] - last[by.test]
    says = f"{number(last[by.test])} {by.unit} per {by.over}, {number(abs(below))} "
    says += f"{'below' if below > 0 else 'above'} {by.bar_says}"
    best = min(row[by.test] for row in rows[-FEW:])
    before = min(row[by.test] for row in rows[:-FEW])
    if best < before - GAIN * abs(before):  # the loss of a density may be below 0
        return Symptom("Learning", f"Learning: {says}, and still improving.", rows[0]["round"], tone="")
    name: Any = "Working" if below > by.share * last[by.bar] else "Not there yet"
    return Symptom(
        name, f"{name}: {says}. It hardly changes any more.", rows[-FEW]["round"],
        tone="good" if name == "Working" else "",
    )  # fmt: skip
