"""The detector of models of handwriting: densities that are spikes, and pens that write a mean."""

from __future__ import annotations

from engine.autoregressive.handwriting import COORDINATE
from engine.autoregressive.handwriting_synthesis import STEP
from engine.autoregressive.pen_measures import (
    GAUSSIANS,
    MEMORYLESS,
    ON_LEVELS,
    TEST_COORDINATE,
    TEST_STEP,
    VARIETY,
)
from engine.autoregressive.symptoms import Judged, judge
from engine.autoregressive.writer import Writer
from engine.metrics.detector import Row, Symptom, number
from engine.metrics.ruler import DataFacts

DIGITS = Judged(
    COORDINATE,
    TEST_COORDINATE,
    GAUSSIANS,
    "bits",
    "test coordinate",
    "Gaussians of whole digits",
    "place",
    0.1,
)
WORDS = Judged(STEP, TEST_STEP, MEMORYLESS, "nats", "test step", "steps without memory", "step", 0.8)
SPIKE = 0.5  # bits per coordinate that the levels themselves may be likelier than what is beside them
LIMP = 0.1  # of the data's spread, below which all that is written is the same
FEW = 2  # measurements in a row


def symptoms(family: type[Writer], rows: list[Row], data: DataFacts) -> list[Symptom]:
    """The symptom that these rows show; [] while there are too few to tell."""
    measured = [row for row in rows if VARIETY in row]
    if (fault := spiky(measured) or limp(measured)) is not None:
        return [fault]
    digits = any(TEST_COORDINATE in row for row in measured)
    return judge(DIGITS if digits else WORDS, rows)


def since(rows: list[Row], shows: list[bool]) -> int | None:
    """The round since which the last rows show something; None if fewer than FEW do."""
    k = [*reversed(shows), False].index(False)
    return int(rows[-k]["round"]) if k >= FEW else None


def spiky(rows: list[Row]) -> Symptom | None:
    """Coordinates are far likelier on their levels than between them."""
    rows = [row for row in rows if {TEST_COORDINATE, ON_LEVELS} <= row.keys()]
    start = since(rows, [row[TEST_COORDINATE] - row[ON_LEVELS] > SPIKE for row in rows])
    if start is None:
        return None
    last = rows[-1]
    return Symptom(
        "Spikes",
        f"Spikes: the loss is {number(last[ON_LEVELS])} bits on the levels of the coordinates, too good to "
        f"be true, and {number(last[TEST_COORDINATE])} when each is moved by less than a level. The density "
        "piles up on whole numbers.",
        start,
        "noise as wide as a level, anew each time",
    )


def limp(rows: list[Row]) -> Symptom | None:
    """All that is written is the same."""
    start = since(rows, [row[VARIETY] < LIMP for row in rows])
    if start is None:
        return None
    return Symptom(
        "Limp mean",
        f"Limp mean: what is written spreads {number(rows[-1][VARIETY])} times as far as the data. The pen "
        "draws the mean of all ways to go on, which is none of them.",
        start,
        "a mixture as output",
    )
