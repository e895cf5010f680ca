"""The detector: what goes well or wrong in a training, recognized from the rows of its run alone, so that it
says the same about a run that is live, rewound or recorded. A subject has its own detector in its
`symptoms.py`; the one below serves all other families.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any, Literal, NamedTuple

from engine.dispatch import serving
from engine.family import Family
from engine.metrics.measure import declared, reason
from engine.metrics.ruler import DISTANCE, HIGH_QUALITY, JS, MODES, DataFacts

Row = dict[str, Any]

WINDOW = 6  # the last measurements, which are looked at; with fewer, nothing is claimed
ON, OFF = 5, 2  # how many of them must show a symptom for it to begin, and for it to stay
MOST = 4  # of the last measurements must deserve praise for it to stay
HUGE, GROWTH = 1e3, 2.0  # of a loss; a healthy one stays below 100 and does not double for ever

# What "Working" claims is measured against the floor, the score of real data. Of trainings of 1,000 to 8,000
# rounds on all points of the lab, flows and diffusions that have learned reach 1.1 to 3.5 floors of JS and a
# distance within 2 of its noise, and look like the data; GANs reach 8 to 50 floors, and one sees the
# difference. So "Working" asks for the first, and "Close" is a run whose samples lie where the data do, but
# are not yet spread alike.
TIMES = 4.0  # floors of JS that a working model may score
NOISE = 2.5  # of what is within the noise of DISTANCE (the floor and two errors of it), likewise
SHARE, CLOSE_SHARE = 0.9, 0.8  # of the real data's share near a mode
APART = 0.3  # bits of JS above the floor, at most, of a run that is close
AWAY = 0.5  # spreads of the data above the noise of DISTANCE, at most, likewise
MOSTLY = 7 / 8  # of the modes, at least, likewise
LIE = " The samples lie where the data do, but are not yet spread alike."
CLOSER = 0.95  # a run still learns if its JS falls to this share from one window to the next


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


Level = Literal["Working", "Close", ""]


def level(row: Row, data: DataFacts) -> Level | None:
    """How near the samples of a measurement are to the data, judged by each measure that real data have a
    score in; None if nothing was measured that does."""
    judged: list[tuple[bool, bool]] = []  # whether it says "Working", and whether at least "Close"
    for measure in (JS, DISTANCE, HIGH_QUALITY, MODES):
        value, floor = row.get(measure), data.floors.get(measure)
        if value is None or floor is None:
            continue
        if measure is JS:
            judged.append((value <= TIMES * floor.value, value <= floor.value + APART))
        elif measure is DISTANCE:
            noise = floor.value + 2 * floor.error
            judged.append((value <= NOISE * noise, value <= noise + AWAY * data.spread))
        elif measure is HIGH_QUALITY:
            judged.append((value >= SHARE * floor.value, value >= CLOSE_SHARE * floor.value))
        else:
            judged.append((value >= floor.value, value >= MOSTLY * floor.value))
    if not judged:
        return None
    works, close = map(all, zip(*judged, strict=True))
    return "Working" if works and close else "Close" if close else ""


def usual_level(rows: list[Row], data: DataFacts) -> Level | None:
    """The level that most of these measurements reach; None if they say nothing of it."""
    levels = [one for row in rows if (one := level(row, data)) is not None]
    for name in ("Working", "Close"):
        reached = sum(one in ("Working", name) for one in levels)
        if 2 * reached > len(levels):
            return name
    return "" if levels else None


def settled(near: Level | None, says: str, row: Row, data: DataFacts) -> Symptom:
    """The verdict on a run that has no fault and hardly changes: how near its samples are to the data decides
    what it is called; where nothing tells that, it has only settled."""
    names = {"Working": "Working", "Close": "Close", "": "Not there yet", None: "Settled"}
    more = f"; {standing(row, data)}" if JS in row and JS in data.floors else "."
    more += " It hardly changes any more." + (LIE if near == "Close" else "")
    if near is None:
        more += " How good the samples are, this number does not say: look at them."
    tone: Literal["good", ""] = "good" if near == "Working" else ""
    return Symptom(names[near], f"{names[near]}: {says}{more}", row["round"], tone=tone)


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

    def level(self, i: int) -> Level | None:
        """How near the samples of measurement i are to the data."""
        return level(self.rows[i], self.data)

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


def standing(row: Row, data: DataFacts) -> str:
    """The words for the distance of the samples from the data, and that of real data."""
    floors = data.floors
    said, near, floor = "", floors.get(HIGH_QUALITY), floors[JS]
    if near and HIGH_QUALITY in row and row[HIGH_QUALITY] < SHARE * near.value:
        said = f"{row[HIGH_QUALITY]:.0%} of the samples near a mode, where real data have {near.value:.0%}; "
    now = row[JS]
    if now <= floor.value + 2 * floor.error:
        return f"{said}JS {number(now)} bits, within the noise of real data."
    times = f"{now / floor.value:.0f} times that" if now >= TIMES * floor.value else "near that"
    return f"{said}JS {number(now)} bits, {times} of real data, {floor.value:.3f} ± {2 * floor.error:.3f}."


def reaches(story: Story, i: int, *names: Level) -> bool:
    """Whether measurement i is at one of these levels."""
    return JS in story.rows[i] and story.level(i) in names


def learns(story: Story, i: int) -> bool:
    """Whether the samples come closer to the data, from one window of measurements to the next; before there
    are two windows, anything learns."""
    if i < 2 * WINDOW - 1:
        return JS in story.rows[i]
    windows = story.rows[i - WINDOW + 1 : i + 1], story.rows[i - 2 * WINDOW + 1 : i - WINDOW + 1]
    now, before = ([row[JS] for row in window if JS in row] for window in windows)
    return bool(now and before) and median(now) < CLOSER * median(before)


def levels(tell: Callable[[Any], str], faults: tuple[str, ...], nearer: str = "") -> list[Look]:
    """The looks for how good a run is that has none of these faults: one of them is seen where JS is
    measured. `nearer` is what brings the samples closer when training does not."""

    def look(
        name: str,
        holds: Callable[[Any, int], bool],
        more: str = "",
        cure: str = "",
        off: int = OFF,
        tone: Literal["good", ""] = "",
    ) -> Look:
        above = ("Working", "Close", "Learning", "Not there yet")
        unless = (*faults, *above[: above.index(name)])
        return Look(name, holds, lambda s, i: (tell(s) + more, cure), off=off, unless=unless, tone=tone)

    hardly = " More training hardly brings them closer."
    return [
        look("Working", lambda s, i: reaches(s, i, "Working"), off=MOST, tone="good"),
        look("Close", lambda s, i: reaches(s, i, "Working", "Close"), LIE, off=MOST),
        look("Learning", learns, " The samples still come closer."),
        look("Not there yet", lambda s, i: JS in s.rows[i], hardly, nearer),
    ]


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
]
LOOKS += levels(lambda story: standing(story.rows[-1], story.data), ("Diverging",))


def symptoms(family: type[Family], rows: list[Row], data: DataFacts) -> list[Symptom]:
    """The symptoms of a family without a detector: a loss that diverges, and how far the samples are."""
    return looked(LOOKS, Story(rows, data))
