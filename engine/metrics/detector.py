"""The detector: what goes well or wrong in a training, recognised from the rows of its run alone, so that it
says the same about a run that is live, rewound or recorded. A subject has its own detector in its
`symptoms.py`; the one below serves all other families.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from engine.dispatch import serving
from engine.family import Family
from engine.metrics.measure import declared, reason
from engine.metrics.ruler import JS, DataFacts

Row = dict[str, Any]

WINDOW = 6  # the last measurements, which are looked at; with fewer, nothing is claimed
ON, OFF = 5, 2  # how many of them must show a symptom for it to begin, and for it to stay
HUGE, GROWTH = 1e3, 2.0  # of a loss; a healthy one stays below 100 and does not double for ever
GOOD = 0.5  # bits of JS; default runs reach 0.05 to 0.45, and real points less than 0.05


class Symptom(NamedTuple):
    """What is seen, as a sentence that begins with the name of the symptom."""

    name: str
    sentence: str
    since: int  # the round of the first measurement that shows it
    cure: str = ""  # if one is known
    tone: Literal["bad", "good", ""] = "bad"

    @property
    def bad(self) -> bool:
        """Whether it is a fault."""
        return self.tone == "bad"


def diagnose(family: type[Family], rows: list[Row], data: DataFacts) -> list[Symptom]:
    """The symptoms that the rows of a run show, the gravest first; [] while there are too few rows. A
    detector that fails is told of like a symptom, because no page may end with it."""
    detectors = serving("symptoms", "engine", "symptoms", family)
    try:
        return (detectors[0] if detectors else symptoms)(family, rows, data)
    except Exception as error:
        says = f"No verdict: the detector could not read this run: {reason(error)}"
        return [Symptom("No verdict", says, rows[-1]["round"] if rows else 0, tone="")]


class Look(NamedTuple):
    """A symptom to look for."""

    name: str
    holds: Callable[[Any, int], bool]  # whether measurement i of a story shows it
    tell: Callable[[Any, int], tuple[str, str]]  # sentence and cure, given the measurement where it began
    on: int = ON
    off: int = OFF
    unless: tuple[str, ...] = ()  # symptoms that explain this one, which then need not be named
    tone: Literal["bad", "good", ""] = "bad"

    def since(self, story: Any) -> int | None:
        """The measurement at which the present symptom began, or None. It begins once most of the last
        measurements show it and stays until few of them do, so that a single one changes nothing."""
        began = None
        held = [self.holds(story, i) for i in range(len(story.rows))]
        for end in range(WINDOW, len(held) + 1):
            window = held[end - WINDOW : end]
            if began is None and sum(window) >= self.on:
                began = end - WINDOW + window.index(True)
            elif began is not None and sum(window) < self.off:
                began = None
        return began


def looked(looks: list[Look], story: Any) -> list[Symptom]:
    """The symptoms that a story shows, in the order of the looks."""
    seen: dict[str, Symptom] = {}
    for look in looks if len(story.rows) >= WINDOW else []:
        if not seen.keys() & set(look.unless) and (since := look.since(story)) is not None:
            says, cure = look.tell(story, since)
            began = story.rows[since]["round"]
            seen[look.name] = Symptom(look.name, f"{look.name}: {says}", began, cure, look.tone)
    return list(seen.values())


class Story(NamedTuple):
    """The measurements of a run, and what is known about its data."""

    rows: list[Row]
    data: DataFacts

    def loss(self, i: int) -> float:
        """The absolute value of the largest term of any loss."""
        numbers = {k: v for k, v in self.rows[i].items() if k != "round" and not isinstance(v, list)}
        return max((abs(v) for k, v in numbers.items() if declared(k).term), default=0.0)

    def since(self, i: int) -> str:
        """The words for when measurement i was made."""
        return f"since round {self.rows[i]['round']:,}"


def diverging(story: Story, i: int) -> bool:
    """Whether a loss is huge and has at least doubled within a window."""
    return story.loss(i) > HUGE and story.loss(i) >= GROWTH * story.loss(max(0, i - WINDOW))


def grown(story: Story, since: int) -> str:
    """The words for how much a loss has grown."""
    before, now = number(story.loss(since)), number(story.loss(-1))
    return f"a loss has grown from {before} to {now} {story.since(since)}"


def standing(story: Story) -> str:
    """The words for the distance of the samples from the data, and that of real data."""
    now, floor = story.rows[-1][JS], story.data.floors[JS]
    if now <= floor.value + 2 * floor.error:
        return f"JS {number(now)} bits, within the noise of real data."
    return f"JS {number(now)} bits, where real data have {floor.value:.3f} ± {2 * floor.error:.3f}."


def number(value: float) -> str:
    """A number with two figures and a typographic minus: 0.98, 0.00030 as 3e−4, 120."""
    size = abs(value)
    if size == 0 or 0.01 <= size < 100:
        text = f"{value:.2f}"
    elif 100 <= size < 1e6:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    return text.replace("-", "−")


LOOKS = [
    Look("Diverging", diverging, lambda s, i: (f"{grown(s, i)}.", "A lower learning rate; then reset.")),
    Look(
        "Working", lambda s, i: s.rows[i].get(JS, math.inf) <= GOOD, lambda s, i: (standing(s), ""),
        unless=("Diverging",), tone="good",
    ),
    Look(
        "Learning", lambda s, i: JS in s.rows[i], lambda s, i: (standing(s), ""),
        unless=("Diverging", "Working"), tone="",
    ),
]  # fmt: skip


def symptoms(family: type[Family], rows: list[Row], data: DataFacts) -> list[Symptom]:
    """The symptoms of a family without a detector: a loss that diverges, and how far the samples are."""
    return looked(LOOKS, Story(rows, data))
