"""The detector of denoisers: what goes well or wrong, told from the rows of a run.

Like `symptoms`, of which this is the counterpart for diffusions, it is a pure function of the rows. The test
loss says how well the net sees noise, the distance how good the samples are: where the first is good and the
second is not, the fault lies in the walk and not in the net.
"""

from __future__ import annotations

import math
from statistics import median

from engine.diffusion.base import TEST_LOSS, Denoiser
from engine.metrics.detector import Row, Symptom, number
from engine.metrics.ruler import DISTANCE, DataFacts

# Thresholds, set between what healthy and failing runs on points measured, 64 rounds apart at first.
WINDOW = 8  # measurements; nothing is claimed before there are so many
FAR = 0.15  # sliced Wasserstein, in spreads of the data; default runs come to 0.05 to 0.12
SURE = 5  # errors over the floor, before anything is called far
CLOSER = 0.9  # samples come closer when the second half of a window has this part of the first's distance
BLIND = 1.0  # squared error of who takes noise to be 0
WORSE = 0.2  # of the best test loss, whose measurements stray by 5 %: past it by more is overfitting
BETTER = 0.05  # a relative gain, from half a window to the next, that still counts as learning


def symptoms(family: type[Denoiser], rows: list[Row], data: DataFacts) -> list[Symptom]:
    """What the rows of a run show, the gravest first; [] while there are too few to tell."""
    measured = [row for row in rows if TEST_LOSS in row]
    if len(measured) < WINDOW:
        return []
    for test in (diverging, overfitting, far):
        if found := test(measured, data):
            return [found]
    return [progress(measured, data)]


def diverging(rows: list[Row], data: DataFacts) -> Symptom | None:
    """The net has learned something, and lost it."""
    best = min(rows, key=lambda row: _loss(row))
    now = sorted(_loss(row) for row in rows[-WINDOW:])[WINDOW // 4]  # all but a few are worse
    if now < max(BLIND, 2 * _loss(best)):
        return None
    return Symptom(
        "Diverging",
        f"Diverging: the test loss was {number(_loss(best))} around round {best['round']:,} and is "
        f"{number(_loss(rows[-1]))} now; a net that sees no noise at all has {number(BLIND)}.",
        best["round"],
        "a lower learning rate, from the beginning or from that round",
    )


def overfitting(rows: list[Row], data: DataFacts) -> Symptom | None:
    """The noise in test examples was seen better before."""
    halves = [_usual(rows[i : i + WINDOW // 2]) for i in range(len(rows) - WINDOW // 2 + 1)]
    first = min(range(len(halves)), key=halves.__getitem__)
    if halves[-1] < (1 + WORSE) * halves[first] or first > len(halves) - WINDOW // 2:
        return None
    round = rows[first + WINDOW // 4]["round"]
    return Symptom(
        "Overfitting",
        f"Overfitting: the test loss was least around round {round:,}, {number(halves[first])}, and is "
        f"{number(halves[-1])} now. The net learns its training examples by heart, and samples become "
        "copies of them.",
        round,
        "stop or rewind to that round, or use a smaller net or more data",
    )


def far(rows: list[Row], data: DataFacts) -> Symptom | None:
    """The samples are far from the data, and stay so."""
    recent = [row.get(DISTANCE, 0.0) for row in rows[-WINDOW:]]
    floor = data.floors.get(DISTANCE)
    if floor is None or min(recent) < max(FAR * data.spread, floor.value + SURE * floor.error):
        return None
    half = WINDOW // 2
    if _distance(rows[-half:]) < CLOSER * _distance(rows[-WINDOW:-half]):
        return None  # they are on their way
    return Symptom(
        "Far from the data",
        f"Far from the data: the samples' sliced Wasserstein distance is {number(recent[-1])}, where real "
        f"data have {floor.value:.3f} ± {2 * floor.error:.3f}, and more training does not bring them closer. "
        "If the data are enough to learn from, the way from noise to data is at fault: where it starts, its "
        "steps, or their formula.",
        rows[-WINDOW]["round"],
        "more steps, another sampler, a larger T, or a schedule that ends in pure noise",
    )


def progress(rows: list[Row], data: DataFacts) -> Symptom:
    """Still better from measurement to measurement, or as good as it gets."""
    half = WINDOW // 2
    now, before = rows[-half:], rows[-2 * half : -half]
    says = f"the test loss is {number(_loss(rows[-1]))}"
    floor, distance = data.floors.get(DISTANCE), rows[-1].get(DISTANCE)
    if floor and distance is not None:
        says += (
            f"; the samples' sliced Wasserstein distance {number(distance)}, where real data have "
            f"{floor.value:.3f} ± {2 * floor.error:.3f}"
        )
    away = floor is not None and _distance(now) > floor.value + 2 * floor.error
    gains = _usual(now) < (1 - BETTER) * _usual(before)
    closer = away and _distance(now) < CLOSER * _distance(before)
    if gains or closer:
        return Symptom("Learning", f"Learning: {says}, and it gets better.", rows[0]["round"], tone="")
    return Symptom("Working", f"Working: {says}. It hardly changes any more.", rows[-1]["round"], tone="good")


def _loss(row: Row) -> float:
    return row[TEST_LOSS] if math.isfinite(row[TEST_LOSS]) else math.inf


def _usual(rows: list[Row]) -> float:
    """The median: one odd measurement changes nothing."""
    return median(_loss(row) for row in rows)


def _distance(rows: list[Row]) -> float:
    return median(row.get(DISTANCE, 0.0) for row in rows)
