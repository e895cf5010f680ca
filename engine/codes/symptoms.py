"""The detector of families with codes: what goes well or wrong, told from the rows of a run.

Like `symptoms`, of which this is the counterpart for autoencoders, it is a pure function of the rows.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.codes.base import ELBO, KL, KL_EACH, RESTORED, Coder
from engine.codes.measures import HOLES, SHARPNESS
from engine.metrics.detector import Row, Symptom
from engine.metrics.ruler import DataFacts

WINDOW = 4  # measurements; nothing is claimed before there are so many
ASLEEP = 0.01  # nats of KL: a dimension with less says nothing of x
SILENT = 0.1  # nats of KL in all dimensions together: the decoder ignores z
GAPS = 1.6  # gaps between codes, in gaps of the prior, on average: VAEs of digits come to 1.0 to 1.35
BLURRED = 0.6  # of the sharpness of real pictures
WORSE = 0.03  # of the best held-out value: past its best by more is overfitting
BETTER = 0.005  # a relative gain, over the last measurements, that still counts as learning


def symptoms(family: type[Coder], rows: list[Row], data: DataFacts) -> list[Symptom]:
    """What the rows of a run show, the gravest first; [] while there are too few to tell."""
    measured = [row for row in rows if ELBO in row or RESTORED in row]
    if len(measured) < WINDOW:
        return []
    found = [symptom for test in (collapse, holes, overfitting, blur, asleep) if (symptom := test(measured))]
    return found if any(one.bad for one in found) else [*found, progress(measured)]


def collapse(rows: list[Row]) -> Symptom | None:
    """q(z | x) has become the prior for every x."""
    since = _since(rows, lambda row: row.get(KL, 1.0) < SILENT)
    if since is None:
        return None
    return Symptom(
        "Posterior collapse",
        f"Posterior collapse: the KL term is {rows[-1][KL]:.3f} nats, so q(z | x) is the prior whatever x "
        "is. The decoder ignores z and draws the average.",
        since,
        "lower beta or the decoder's spread, learn that spread, or warm the KL term up slowly",
    )


def _since(rows: list[Row], shows: Callable[[Row], bool]) -> int | None:
    """The first round of the measurements, up to the last and WINDOW at least, that all show it."""
    count = next((i for i, row in enumerate(reversed(rows)) if not shows(row)), len(rows))
    return rows[-count]["round"] if count >= WINDOW else None


def _score(rows: list[Row]) -> tuple[str, int, str]:
    """What these models are judged by: its key, 1 if more is better or -1, and its name."""
    return (ELBO, 1, "the test ELBO") if ELBO in rows[-1] else (RESTORED, -1, "the test error")


def asleep(rows: list[Row]) -> Symptom | None:
    """Some dimensions say nothing of x, while others do: no fault, but worth knowing."""
    each = rows[-1].get(KL_EACH, [])
    sleeping = sum(kl < ASLEEP for kl in each)
    if not 0 < sleeping < len(each):
        return None
    return Symptom(
        "Sleeping dimensions",
        f"Sleeping dimensions: {sleeping} of {len(each)} say nothing of x, with less than {ASLEEP} nats of "
        "KL each; the model does not need them at this beta.",
        rows[-1]["round"],
        tone="",
    )


def holes(rows: list[Row]) -> Symptom | None:
    """Much of the prior lies where no code is near."""
    recent = [row.get(HOLES, 0.0) for row in rows[-WINDOW:]]
    gaps = sum(recent) / WINDOW
    if gaps < GAPS:
        return None
    return Symptom(
        "Holes",
        f"Holes: draws of the prior N(0, I) lie {gaps:.1f} times as far from the nearest example's code as "
        "they would if the codes were spread like them. What the decoder makes of such places nobody has "
        "ever told it.",
        rows[-WINDOW]["round"],
        "a VAE, whose KL term keeps the codes of all examples together and close to the prior",
    )


def blur(rows: list[Row]) -> Symptom | None:
    """Samples with softer edges than real pictures: how a likelihood of pixels is, and no fault of it."""
    since = _since(rows, lambda row: row.get(SHARPNESS, 1.0) < BLURRED)
    if since is None:
        return None
    return Symptom(
        "Blur",
        f"Blur: samples are {rows[-1][SHARPNESS]:.0%} as sharp as real pictures. What the code leaves open "
        "is drawn as the mean of all that it could be.",
        since,
        tone="",
    )


def overfitting(rows: list[Row]) -> Symptom | None:
    """Test examples were explained better before."""
    key, sign, what = _score(rows)
    recent = sum(sign * row[key] for row in rows[-WINDOW:]) / WINDOW
    best = max(rows[: 1 - WINDOW], key=lambda row: sign * row[key])
    if sign * best[key] - recent < WORSE * abs(best[key]):
        return None
    return Symptom(
        "Overfitting",
        f"Overfitting: {what} was best around round {best['round']:,}, {best[key]:.1f}, and is "
        f"{sign * recent:.1f} now. The model goes on learning its training examples by heart.",
        best["round"],
        "stop or rewind to that round, or use smaller nets or more data",
    )


def progress(rows: list[Row]) -> Symptom:
    """Still better from measurement to measurement, or as good as it gets."""
    key, sign, what = _score(rows)
    few = max(1, min(WINDOW, len(rows) // 2))
    now, before = (sum(row[key] for row in part) / few for part in (rows[-few:], rows[-2 * few : -few]))
    says = f"{what} is {rows[-1][key]:.1f}"
    if sign * (now - before) > BETTER * abs(now):
        return Symptom("Learning", f"Learning: {says} and still getting better.", rows[0]["round"], tone="")
    return Symptom("Working", f"Working: {says} and hardly changes any more.", rows[-1]["round"], tone="good")
