"""The detector of diffusions: what goes well or wrong, told from the rows of a run.

The test loss says how well the net predicts the noise, the distance how good the samples are. Where the loss
is good and the distance is not, the sampler is at fault and not the net.
"""

from __future__ import annotations

import math
from statistics import median

from engine.diffusion.base import TEST_LOSS, Denoiser
from engine.metrics.detector import Row, Symptom, number, settled, usual_level
from engine.metrics.ruler import DISTANCE, DataFacts

# Thresholds lie between the measurements of healthy and of failing runs on points.
WINDOW = 8  # measurements, needed before anything is claimed
HALF = WINDOW // 2
FAR = 0.15  # sliced Wasserstein distance, in spreads of the data; default runs reach 0.05 to 0.12
SURE = 5  # standard errors above the floor, before anything is called far
CLOSER = 0.9  # samples come closer if the distance falls to this share from half a window to the next
BLIND = 1.0  # squared error of always predicting noise 0
WORSE = 0.2  # above the best test loss by this share is overfitting; measurements vary by 5 %
BETTER = 0.05  # relative gain from half a window to the next that counts as learning


def symptoms(family: type[Denoiser], rows: list[Row], data: DataFacts) -> list[Symptom]:
    """The symptom that these rows show; [] while there are too few to tell."""
    measured = [row for row in rows if TEST_LOSS in row]
    if len(measured) < WINDOW:
        return []
    return [diverging(measured) or overfitting(measured) or far(measured, data) or progress(measured, data)]


def diverging(rows: list[Row]) -> Symptom | None:
    """The net learned something, and lost it again."""
    best = min(rows, key=_loss)
    now = sorted(_loss(row) for row in rows[-WINDOW:])[WINDOW // 4]  # all but a few are worse
    if now < max(BLIND, 2 * _loss(best)):
        return None
    return Symptom(
        "Diverging",
        f"Diverging: the test loss was {number(_loss(best))} around round {best['round']:,} and is "
        f"{number(_loss(rows[-1]))} now; a net that predicts no noise at all has {number(BLIND)}.",
        best["round"],
        "a lower learning rate, from the beginning or from that round",
    )


def overfitting(rows: list[Row]) -> Symptom | None:
    """The noise in test examples was predicted better before."""
    halves = [_usual(rows[i : i + HALF]) for i in range(len(rows) - HALF + 1)]
    first = min(range(len(halves)), key=halves.__getitem__)
    if halves[-1] < (1 + WORSE) * halves[first] or first > len(halves) - HALF:
        return None
    then = rows[first + WINDOW // 4]
    return Symptom(
        "Overfitting",
        f"Overfitting: the test loss was lowest around round {then['round']:,}, {number(_loss(then))}, "
        f"and is {number(_loss(rows[-1]))} now. The net memorizes its training examples, and "
        "samples become copies of them.",
        then["round"],
        "stop or rewind to that round, or use a smaller net or more data",
    )


def far(rows: list[Row], data: DataFacts) -> Symptom | None:
    """The samples are far from the data, and stay so."""
    recent = [row.get(DISTANCE, 0.0) for row in rows[-WINDOW:]]
    floor = data.floors.get(DISTANCE)
    if floor is None or min(recent) < max(FAR * data.spread, floor.value + SURE * floor.error):
        return None
    if _distance(rows[-HALF:]) < CLOSER * _distance(rows[-WINDOW:-HALF]):
        return None  # they are on their way
    return Symptom(
        "Far from the data",
        f"Far from the data: the samples' sliced Wasserstein distance is {number(recent[-1])}, where real "
        f"data have {floor.value:.3f} ± {2 * floor.error:.3f}, and more training does not bring them closer. "
        "If there are enough data to learn from, the sampling is at fault: its start, the "
        "number of its steps, or the formula of a step.",
        rows[-WINDOW]["round"],
        "more steps, another sampler, a larger T, or a schedule that ends in pure noise",
    )


def progress(rows: list[Row], data: DataFacts) -> Symptom:
    """The model still improves, or has stopped improving."""
    now, before = rows[-HALF:], rows[-WINDOW:-HALF]
    says = f"the test loss is {number(_loss(rows[-1]))}"
    floor, distance = data.floors.get(DISTANCE), rows[-1].get(DISTANCE)
    if floor and distance is not None:
        says += (
            f"; the samples' sliced Wasserstein distance {number(distance)}, where real data have "
            f"{floor.value:.3f} ± {2 * floor.error:.3f}"
        )
    away = floor is not None and _distance(now) > floor.value + 2 * floor.error
    closer = away and _distance(now) < CLOSER * _distance(before)
    if closer or _usual(now) < (1 - BETTER) * _usual(before):
        return Symptom("Learning", f"Learning: {says}, and still improving.", rows[0]["round"], tone="")
    return settled(usual_level(now, data), says, rows[-1], data)


def _loss(row: Row) -> float:
    return row[TEST_LOSS] if math.isfinite(row[TEST_LOSS]) else math.inf


def _usual(rows: list[Row]) -> float:
    """The median, which one odd measurement does not change."""
    return median(_loss(row) for row in rows)


def _distance(rows: list[Row]) -> float:
    return median(row.get(DISTANCE, 0.0) for row in rows)
