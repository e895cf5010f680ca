"""The detector for families with codes: what goes well or wrong in a run, told from its rows alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median

from engine.codes.base import ELBO, KL, KL_EACH, RESTORED, Coder
from engine.codes.measures import HOLES, SHARPNESS
from engine.metrics.detector import Level, Row, Symptom, settled, usual_level
from engine.metrics.ruler import DataFacts

WINDOW = 4  # measurements; nothing is claimed before that many exist
ASLEEP = 0.01  # nats of KL: a dimension with less says nothing of x
SILENT = 0.1  # nats of KL over all dimensions: with less, the decoder ignores z
GAPS = 1.6  # gaps between codes, relative to the prior's; VAEs of digits reach 1.0 to 1.35
BLURRED = 0.6  # of the sharpness of real pictures
WORSE = 0.03  # of the best held-out value: falling behind by more is overfitting
BETTER = 0.005  # a relative gain, over the last measurements, above which a model still learns


def symptoms(family: type[Coder], rows: list[Row], data: DataFacts) -> list[Symptom]:
    """What the rows of a run show, the gravest first; [] while there are too few rows."""
    measured = [row for row in rows if ELBO in row or RESTORED in row]
    if len(measured) < WINDOW:
        return []
    tests = (collapse, holes, overfitting, blur, asleep)
    seen = [symptom for test in tests if (symptom := test(measured))]
    return seen if any(one.bad for one in seen) else [*seen, progress(measured, data)]


def collapse(rows: list[Row]) -> Symptom | None:
    """q(z | x) has become the prior for every x."""
    since = _since(rows, lambda row: row.get(KL, math.inf) < SILENT)
    if since is None:
        return None
    return Symptom(
        "Posterior collapse",
        f"Posterior collapse: the KL term is {rows[-1][KL]:.3f} nats, so q(z | x) is the prior for every x. "
        "The decoder ignores z and draws the average.",
        since,
        "lower beta, lower or learn the spread of the decoder, or warm up the KL term slowly",
    )


def _since(rows: list[Row], shows: Callable[[Row], bool]) -> int | None:
    """The first round of the latest measurements that all show it, if these are WINDOW or more."""
    count = next((i for i, row in enumerate(reversed(rows)) if not shows(row)), len(rows))
    return rows[-count]["round"] if count >= WINDOW else None


def _number(value: float) -> str:
    return f"{value:.1f}".replace("-", "\u2212")


def _score(rows: list[Row]) -> tuple[str, int, str]:
    """What these models are judged by: its key, 1 if more is better or else -1, and its name."""
    return (ELBO, 1, "the test ELBO") if ELBO in rows[-1] else (RESTORED, -1, "the test error")


def asleep(rows: list[Row]) -> Symptom | None:
    """Some dimensions say nothing about x while others do: no fault, but worth knowing."""
    each = rows[-1].get(KL_EACH, [])
    sleeping = sum(kl < ASLEEP for kl in each)
    if not 0 < sleeping < len(each):
        return None
    return Symptom(
        "Sleeping dimensions",
        f"Sleeping dimensions: {sleeping} of {len(each)} say nothing about x, with less than {ASLEEP} nats "
        "of KL each. At this beta the model does not need them.",
        rows[-1]["round"],
        tone="",
    )


def holes(rows: list[Row]) -> Symptom | None:
    """Much of N(0, I), from which codes of samples are drawn, lies far from every code."""
    recent = [row.get(HOLES, 0.0) for row in rows[-WINDOW:]]
    if sum(recent) / WINDOW < GAPS:
        return None
    return Symptom(
        "Holes",
        f"Holes: draws of N(0, I) lie {rows[-1].get(HOLES, 0.0):.1f} times as far from the nearest code "
        "as they would if the codes were distributed like N(0, I). The decoder has never been trained on "
        "such places.",
        rows[-WINDOW]["round"],
        "a VAE, whose KL term keeps the codes of all examples close to the prior",
    )


def blur(rows: list[Row]) -> Symptom | None:
    """Samples have softer edges than real pictures: a property of pixelwise likelihoods, and no fault."""
    since = _since(rows, lambda row: row.get(SHARPNESS, math.inf) < BLURRED)
    if since is None:
        return None
    return Symptom(
        "Blur",
        f"Blur: samples are {rows[-1][SHARPNESS]:.0%} as sharp as real pictures. The decoder draws what "
        "the code leaves open as the mean of all possibilities.",
        since,
        "a discriminator that looks for blur, as in VAE-GAN",
        tone="",
    )


def overfitting(rows: list[Row]) -> Symptom | None:
    """The model explained test examples better before."""
    key, sign, what = _score(rows)
    recent = sum(sign * row[key] for row in rows[-WINDOW:]) / WINDOW
    best = max(rows[: 1 - WINDOW], key=lambda row: sign * row[key])
    if sign * best[key] - recent <= WORSE * abs(best[key]):
        return None
    return Symptom(
        "Overfitting",
        f"Overfitting: {what} was best around round {best['round']:,}, {_number(best[key])}, and is "
        f"{_number(rows[-1][key])} now. The model is memorizing its training examples.",
        best["round"],
        "stop, or rewind to that round, or use smaller nets or more data",
    )


def progress(rows: list[Row], data: DataFacts) -> Symptom:
    """Whether the model is still getting better."""
    key, sign, what = _score(rows)
    few = min(WINDOW, len(rows) // 2)
    now, before = (sum(row[key] for row in part) for part in (rows[-few:], rows[-2 * few : -few]))
    says = f"{what} is {_number(rows[-1][key])}"
    if sign * (now - before) > BETTER * abs(now):
        return Symptom("Learning", f"Learning: {says} and still getting better.", rows[0]["round"], tone="")
    return settled(sharp(rows) or usual_level(rows[-WINDOW:], data), says, rows[-1], data)


def sharp(rows: list[Row]) -> Level | None:
    """Whether the samples of pictures are as sharp as real ones, of codes without gaps; None if not."""
    sharp, gaps = ([row[key] for row in rows[-WINDOW:] if key in row] for key in (SHARPNESS, HOLES))
    if not sharp or not gaps or median(gaps) >= GAPS:
        return None
    return "Working" if BLURRED <= median(sharp) <= 1 / BLURRED else None
