"""The detector of autoregressive models of pixels: leaks above all, because no other fault looks so good."""

from __future__ import annotations

from statistics import median
from typing import Any

from engine.autoregressive.pixel_measures import BAR, LEAKS, OUTPUTS, TEST
from engine.autoregressive.pixels import NATS, Pixels
from engine.metrics.detector import Row, Symptom, number
from engine.metrics.ruler import DataFacts

WINDOW = 5  # measurements, needed before anything else than a leak is claimed
FEW = 3  # measurements that count as "now"
WORSE = 0.03  # relative rise of the test loss above its best, while the training loss falls: overfitting
GAIN = 0.005  # relative fall from the measurements before: learning
LOST = 1.1  # times the independent pixels: diverging


def symptoms(family: type[Pixels], rows: list[Row], data: DataFacts) -> list[Symptom]:
    """The symptom that these rows show; [] while there are too few to tell."""
    measured = [row for row in rows if {TEST, BAR, NATS} <= row.keys()]
    if leak := leaking([row for row in measured if LEAKS in row]):
        return [leak]
    return [worse(measured) or progress(measured)] if len(measured) >= WINDOW else []


def leaking(rows: list[Row]) -> Symptom | None:
    """Some pixel is predicted from itself, or from what comes later."""
    if len(rows) < 2 or not any(rows[-1][LEAKS]):
        return None
    itself, later = rows[-1][LEAKS]
    since = next(row["round"] for row in rows if any(row[LEAKS]))
    nats = f"The loss is {number(rows[-1][TEST])} nats, too good to be true: "
    if later:
        return Symptom(
            "Sees the future",
            f"Sees the future: {nats}{later} of {OUTPUTS} outputs change when later pixels are changed. "
            "These are not there yet when a picture is written.",
            since,
            "let what comes from the right arrive a row later",
        )
    return Symptom(
        "Sees itself",
        f"Sees itself: {nats}{itself} of {OUTPUTS} outputs change when their own pixel is changed. The net "
        "copies the answer, and has nothing to copy when it writes a picture.",
        since,
        "a mask that hides the pixel itself: A in the first layer, or > at the output",
    )


def worse(rows: list[Row]) -> Symptom | None:
    """The test loss was better before: overfitting where the training loss falls, else diverging."""
    first = min(rows, key=lambda row: row[TEST])
    now = min(row[TEST] for row in rows[-FEW:])
    falls = median(row[NATS] for row in rows[-FEW:]) < first[NATS]
    if falls and now > (1 + WORSE) * first[TEST]:
        return Symptom(
            "Overfitting",
            f"Overfitting: the test loss was best around round {first['round']:,}, "
            f"{number(first[TEST])} nats, and is {number(now)} now, while the training loss keeps falling.",
            first["round"],
            "stop or rewind to that round, or use a smaller net",
        )
    if now > LOST * rows[-1][BAR] and now > first[TEST]:
        return Symptom(
            "Diverging",
            f"Diverging: the test loss is {number(now)} nats, and independent pixels need "
            f"{number(rows[-1][BAR])}.",
            first["round"],
            "a lower learning rate",
        )
    return None


def progress(rows: list[Row]) -> Symptom:
    """The model still improves, or has stopped improving."""
    last = rows[-1]
    below = last[BAR] - last[TEST]
    says = f"{number(last[TEST])} nats per test picture, {number(abs(below))} "
    says += f"{'below' if below > 0 else 'above'} independent pixels"
    best = min(row[TEST] for row in rows[-FEW:])
    if best < (1 - GAIN) * min(row[TEST] for row in rows[:-FEW]):
        return Symptom("Learning", f"Learning: {says}, and still improving.", rows[0]["round"], tone="")
    name: Any = "Working" if below > 0.3 * last[BAR] else "Not there yet"
    return Symptom(
        name, f"{name}: {says}. It hardly changes any more.", rows[-FEW]["round"],
        tone="good" if name == "Working" else "",
    )  # fmt: skip
