"""The detector of flows: what goes well or wrong, told from the rows of a run.

Like `symptoms`, of which this is the counterpart for flows, it is a pure function of the rows. Where the
density of the data is known, so is the least possible loss, their entropy; what is above it is
KL(data || model), and no other family has so plain a measure of how far it has come.
"""

from __future__ import annotations

import math
from statistics import median

from engine.flow.base import BITS, NLL, TEST, Flow
from engine.flow.measures import FROZEN, KL
from engine.metrics.detector import Row, Symptom
from engine.metrics.measure import Measure
from engine.metrics.ruler import HIGH_QUALITY, DataFacts

# Thresholds, set between what healthy and failing runs measured, 64 rounds apart at first. A flow's loss has
# spikes upwards, never downwards: so the best of some measurements is what they are judged by.
WINDOW = 6  # measurements; nothing is claimed before there are so many
FEW = 4  # of them are "now"
NEAR = 0.1  # nats above the entropy: as good as it gets
FAR = 0.3  # nats; default runs come to 0.02 to 0.2
BETTER = 0.15  # of KL, from before to now, that still counts as learning
SLOWER = 0.25  # the same where bridges are seen, which more training makes hardly thinner
SHARP = 0.9  # of the samples near a mode; real data have 0.99
LOST = {NLL: 1.0, BITS: 1.0}  # more than the best: it diverges
WORSE = {NLL: 0.15, BITS: 0.04}  # more than the best, while the training loss falls: overfitting
GAIN = {NLL: 0.01, BITS: 0.005}  # less than before: it still learns, where KL is not known


def symptoms(family: type[Flow], rows: list[Row], data: DataFacts) -> list[Symptom]:
    """What the rows of a run show, the gravest first; [] while there are too few to tell."""
    loss = BITS if any(TEST[BITS] in row for row in rows) else NLL
    measured = [row for row in rows if TEST[loss] in row]
    if len(measured) < WINDOW:
        return []
    for found in (
        overfitting(measured, loss),
        diverging(measured, loss),
        frozen(measured),
        far(measured, data),
    ):
        if found:
            return [found]
    return [progress(measured, loss, data)]


def number(value: float) -> str:
    """Two decimals, with a real minus sign."""
    return f"{value:.2f}".replace("-", "−")


def best(rows: list[Row], key: str) -> float:
    """The least of these measurements."""
    return min(value(row, key) for row in rows)


def value(row: Row, key: str) -> float:
    """What was measured; infinite where it is no number."""
    found = row.get(key, math.inf)
    return found if math.isfinite(found) else math.inf


def diverging(rows: list[Row], loss: Measure) -> Symptom | None:
    """It was much better."""
    key = TEST[loss]
    first = min(rows, key=lambda row: value(row, key))
    now = best(rows[-FEW:], key)
    if now < first[key] + LOST[loss]:
        return None
    return Symptom(
        "Diverging",
        f"Diverging: the test {loss} was {number(first[key])} around round {first['round']:,} and is "
        f"{number(now)} now.",
        first["round"],
        "a lower learning rate, from the beginning or from that round",
    )


def frozen(rows: list[Row]) -> Symptom | None:
    """Some number of x is only scaled and shifted by all layers, and the density is not learned."""
    if not all(FROZEN in row for row in rows[-FEW:]) or best(rows[-FEW:], KL) < NEAR:
        return None
    n = int(rows[-1][FROZEN])
    which = "one number of x is" if n == 1 else f"{n} numbers of x are"
    return Symptom(
        "Frozen half",
        f"Frozen half: {which} only scaled and shifted by all layers together, so its density keeps the "
        "shape of the base's, whatever that of the data is.",
        rows[-FEW]["round"],
        "let the roles of the variables change between layers, and have two layers at least",
    )


def overfitting(rows: list[Row], loss: Measure) -> Symptom | None:
    """Test examples were more likely before, and training examples were less so."""
    key = TEST[loss]
    first = min(rows, key=lambda row: value(row, key))
    now = best(rows[-FEW:], key)
    falls = median(row.get(loss, 0.0) for row in rows[-FEW:]) < first.get(loss, 0.0)
    if not falls or now < first[key] + WORSE[loss]:
        return None
    return Symptom(
        "Overfitting",
        f"Overfitting: the test {loss} was best around round {first['round']:,}, {number(first[key])}, and "
        f"is {number(now)} now, while the training loss goes on falling. The model heaps density on its "
        "training examples.",
        first["round"],
        "stop or rewind to that round, or use smaller nets or more data",
    )


def far(rows: list[Row], data: DataFacts) -> Symptom | None:
    """It stays far above the entropy: bridges between modes, where these are known."""
    now = best(rows[-FEW:], KL)
    if KL not in rows[-1] or now < FAR:
        return None
    above = f"the test {NLL} is still {now:.2f} nat above the entropy"
    near = rows[-1].get(HIGH_QUALITY, 1.0)
    gain = 1 - now / best(rows[:-FEW], KL)
    if data.groups == "modes" and near < SHARP and gain < SLOWER:
        return Symptom(
            "Bridges",
            f"Bridges: {above}, and {1 - near:.0%} of the samples lie between the groups. A continuous map "
            "cannot tear the base into pieces, and layers that only scale and shift can hardly squeeze what "
            "lies between them.",
            rows[-FEW]["round"],
            "a spline flow, which makes bridges thinner; or a mixture as the base, which needs none",
        )
    if gain > BETTER:
        return None
    return Symptom(
        "Too stiff",
        f"Too stiff: {above}, and more training does not change that.",
        rows[-FEW]["round"],
        "more layers, splines, or another base",
    )


def progress(rows: list[Row], loss: Measure, data: DataFacts) -> Symptom:
    """Still better from measurement to measurement, or as good as it gets."""
    key, last = TEST[loss], rows[-1]
    says = f"the {key} is {number(last[key])}"
    now, before = best(rows[-FEW:], key), best(rows[:-FEW], key)
    gains = now < before - GAIN[loss]
    if KL in last and data.entropy is not None:
        above = median(row[KL] for row in rows[-FEW:])
        says += f", {above:.3f} nat above the data's entropy".replace("-", "−")  # of a very good model
        gains = above > NEAR and best(rows[-FEW:], KL) < (1 - BETTER) * best(rows[:-FEW], KL)
    if gains:
        return Symptom("Learning", f"Learning: {says}, and it gets better.", rows[0]["round"], tone="")
    return Symptom("Working", f"Working: {says}. It hardly changes any more.", last["round"], tone="good")
