"""The detector of flows: what goes well or wrong, told from the rows of a run.

Where the data's density is known, so is the lowest possible loss: their entropy. The loss above it is
KL(data || model), which says directly how far the model is from perfect.
"""

from __future__ import annotations

import math
from statistics import median

from engine.flow.base import BITS, NLL, TEST, Flow
from engine.flow.measures import FROZEN, KL, MOST_SPIKES, SPIKES
from engine.metrics.detector import Row, Symptom, number, settled, usual_level
from engine.metrics.measure import Measure
from engine.metrics.ruler import HIGH_QUALITY, DataFacts

# Thresholds lie between the measurements of healthy and of failing runs. The loss of a flow has spikes
# upwards and never downwards, so several measurements are judged by the best of them.
WINDOW = 6  # measurements, needed before anything is claimed
FEW = 4  # measurements that count as "now"
SPIKY = 1.0  # bits per dimension by which bytes may be denser than what lies between; honest ones have 0.3
NEAR = 0.1  # nats above the entropy: a test example is then 0.9 times as probable as for a perfect model
FAR = 0.3  # nats; default runs reach 0.02 to 0.2
BETTER = 0.15  # relative fall of KL, from before to now, that counts as learning
SLOWER = 0.25  # the same where there are bridges, which more training hardly makes thinner
SHARP = 0.9  # share of the samples near a mode; real data have 0.99
LOST = {NLL: 1.0, BITS: 1.0}  # above the best by this much: diverging
WORSE = {NLL: 0.15, BITS: 0.04}  # above the best by this much while the training loss falls: overfitting
GAIN = {NLL: 0.01, BITS: 0.005}  # below the loss before by this much: learning, where KL is not known


def symptoms(family: type[Flow], rows: list[Row], data: DataFacts) -> list[Symptom]:
    """The symptom that these rows show; [] while there are too few to tell."""
    loss = BITS if any(TEST[BITS] in row for row in rows) else NLL
    measured = [row for row in rows if TEST[loss] in row]
    if len(measured) < WINDOW:
        return []
    return [
        spiky(measured)
        or worse(measured, loss)
        or frozen(measured)
        or far(measured, data)
        or progress(measured, loss, data)
    ]


def best(rows: list[Row], key: str) -> float:
    """The lowest of these measurements."""
    return min(value(row, key) for row in rows)


def value(row: Row, key: str) -> float:
    """A measurement; infinite where it is not finite or missing."""
    measured = row.get(key, math.inf)
    return measured if math.isfinite(measured) else math.inf


def signed(nats: float) -> str:
    """A distance from the entropy; that of a very good model may be below 0 by chance."""
    return f"{nats:.3f}".replace("-", "−")


def frozen(rows: list[Row]) -> Symptom | None:
    """All layers together only scale and shift some number of x, so its density is not learned."""
    if not all(FROZEN in row for row in rows[-FEW:]) or best(rows[-FEW:], KL) < NEAR:
        return None
    n = int(rows[-1][FROZEN])
    which, its = ("one number", "its") if n == 1 else (f"{n} numbers", "their")
    return Symptom(
        "Frozen half",
        f"Frozen half: all layers together only scale and shift {which} of x, so {its} density keeps the "
        "shape of the base, whatever the data look like.",
        rows[-FEW]["round"],
        "let the variables swap roles from layer to layer, and use at least two layers",
    )


def spiky(rows: list[Row]) -> Symptom | None:
    """The density piles up on whole numbers, which any noise would reveal."""
    if not all(row.get(SPIKES, 0) > SPIKY for row in rows[-FEW:]):
        return None
    more = rows[-1][SPIKES]
    more = f"{more:.0f}" + (" or more" if more == MOST_SPIKES else "")
    return Symptom(
        "Spikes on grey levels",
        f"Spikes on grey levels: the density is {more} bits per dimension higher on whole bytes than between "
        "them. Such a loss can fall for ever, and says nothing about pictures.",
        rows[-FEW]["round"],
        "noise between the levels: train on v + u, with fresh u in every round",
    )


def worse(rows: list[Row], loss: Measure) -> Symptom | None:
    """The test loss was better before: overfitting where the training loss falls, else diverging."""
    key = TEST[loss]
    first = min(rows, key=lambda row: value(row, key))
    now = best(rows[-FEW:], key)
    # whoever only measures a model has no training loss, of which nobody can say that it falls
    falls = median(row.get(loss, math.inf) for row in rows[-FEW:]) < first.get(loss, -math.inf)
    if now < first[key] + (WORSE if falls else LOST)[loss]:
        return None
    if falls:
        return Symptom(
            "Overfitting",
            f"Overfitting: the test {loss} was best around round {first['round']:,}, {number(first[key])}, "
            f"and is {number(value(rows[-1], key))} now, while the training loss keeps falling. "
            "The model concentrates its density on the training examples.",
            first["round"],
            "stop or rewind to that round, or use smaller nets or more data",
        )
    return Symptom(
        "Diverging",
        f"Diverging: the test {loss} was {number(first[key])} around round {first['round']:,} and is "
        f"{number(value(rows[-1], key))} now.",
        first["round"],
        "a lower learning rate, from the beginning or from that round",
    )


def far(rows: list[Row], data: DataFacts) -> Symptom | None:
    """The loss stays far above the entropy: bridges between modes, where these are known."""
    now = best(rows[-FEW:], KL)
    if not FAR <= now < math.inf:  # infinite where KL is not known
        return None
    above = f"the test {NLL} is still {signed(rows[-1][KL])} nat above the entropy"
    near = rows[-1].get(HIGH_QUALITY, 1.0)
    gain = 1 - now / best(rows[:-FEW], KL)
    if data.groups == "modes" and near < SHARP and gain < SLOWER:
        return Symptom(
            "Bridges",
            f"Bridges: {above}, and {1 - near:.0%} of the samples lie between the groups. A continuous map "
            "cannot tear the base into pieces, and layers that only scale and shift can hardly squeeze the "
            "mass between them.",
            rows[-FEW]["round"],
            "a spline flow, which makes bridges thinner; or a mixture as the base, which needs no bridges",
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
    """The model still improves, or has stopped improving."""
    key, last = TEST[loss], rows[-1]
    says = f"the {key} is {number(last[key])}"
    gains = best(rows, key) < best(rows[:-FEW], key) - GAIN[loss]
    if KL in last:
        above = median(row[KL] for row in rows[-FEW:])
        says += f", {signed(last[KL])} nat above the data's entropy"
        gains = above > NEAR and best(rows[-FEW:], KL) < (1 - BETTER) * best(rows[:-FEW], KL)
    if gains:
        return Symptom("Learning", f"Learning: {says}, and still improving.", rows[0]["round"], tone="")
    near = usual_level(rows[-FEW:], data)
    if KL in last:  # the loss itself says how far the model is; so do the samples, where they are measured
        near = "Working" if near is None else near
        near = "Close" if near == "Working" and above > NEAR else near
    return settled(near, says, last, data)
