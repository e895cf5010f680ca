"""The detector of games: what goes well or wrong in the training of D against G."""

from __future__ import annotations

import math

from engine.gan.base import D_FAKE, D_REAL, PULL, Game
from engine.metrics import detector
from engine.metrics.detector import (
    MOSTLY,
    WINDOW,
    Level,
    Look,
    Row,
    Symptom,
    diverging,
    grown,
    levels,
    number,
    standing,
)
from engine.metrics.observe import SHARES
from engine.metrics.ruler import DISTANCE, HIGH_QUALITY, JS, MODES, DataFacts

# Thresholds, set between the values of healthy and of failing runs on the ring, the grid, the moons and the
# bumps. Measurements are 64 rounds apart at first. A belief, gradient or distance that equals its threshold
# accuses nobody.
MOVES_ON, MOVES_OFF = 3, 1  # moves in a window: a generator that oscillates rests between them
REACHED = 0.1  # a group is reached with this part of its fair share of the fakes, as in `coverage`
IN_DATA = 0.02  # a region with a smaller share of the real points need not be reached
COLLAPSED = 0.5  # at most this part of the groups; default runs pass it within a few hundred rounds
MOVED = 0.75  # this part of the fakes is in another group than one measurement before; healthy: up to 0.68
SURE, UNSURE = 0.05, 0.05  # distance from 0 or 1, and from 1/2; a healthy D believes 0.25 to 0.75
STILL = 1e-3  # gradient at a fake, in nats per unit of length; healthy runs have 0.01 to 5
AWAY = 0.5  # sliced Wasserstein distance, in spreads of the data; healthy runs have 0.1 to 0.35
CLOSER = 0.9  # fakes come closer if they are at this part of the distance of WINDOW measurements ago


class Story(detector.Story):
    """The measurements of a game."""

    def beliefs(self, i: int) -> tuple[float, float]:
        """D(x) and D(G(z)); NaN, which no comparison accepts, if D is a critic or nothing was measured."""
        x, fake = (self.rows[i].get(key, math.nan) for key in (D_REAL, D_FAKE))
        return (x, fake) if 0 <= x <= 1 and 0 <= fake <= 1 else (math.nan, math.nan)

    def distance(self, i: int) -> float:
        """The distance of the fakes from the data, in spreads of the data; 0 if it was not measured."""
        return self.rows[i].get(DISTANCE, 0.0) / self.data.spread

    def asked(self) -> int:
        """How many groups the data have."""
        return sum(real >= IN_DATA for real in self.data.shares)

    def reached(self, i: int) -> int:
        """How many of these groups have fakes around them, near or far."""
        pairs = zip(self.rows[i][SHARES], self.data.shares, strict=True)
        return sum(real >= IN_DATA and fake >= REACHED * real for fake, real in pairs)

    def covered(self, i: int) -> int:
        """How many of these groups have good fakes: the number in the chart, if modes are known."""
        return int(self.rows[i].get(MODES, self.reached(i)))

    def level(self, i: int) -> Level | None:
        """How near the fakes are to the data; a run that works covers all groups, and a close one most."""
        near, share = super().level(i), self.covered(i) / max(1, self.asked())
        if share >= 1 or not near:
            return near
        return "Close" if share >= MOSTLY else ""

    def held(self, i: int) -> int:
        """The number that tells a collapse: covered modes count once half of the fakes are near one."""
        sharp = MODES in self.rows[i] and self.rows[i][HIGH_QUALITY] >= 0.5
        return min(self.covered(i), self.reached(i)) if sharp else self.reached(i)

    def moved(self, i: int) -> bool:
        """Whether most fakes are in another group than one measurement before."""
        if i == 0 or SHARES not in self.rows[i]:
            return False
        pairs = zip(self.rows[i][SHARES], self.rows[i - 1][SHARES], strict=True)
        return sum(abs(new - old) for new, old in pairs) / 2 >= MOVED


def symptoms(family: type[Game], rows: list[Row], data: DataFacts) -> list[Symptom]:
    """What the rows of a run show, the gravest first; [] while there are too few. A run on points that has no
    fault is "Working", "Close", still "Learning" or "Not there yet"."""
    return detector.looked(LOOKS, Story([row for row in rows if JS in row or D_REAL in row], data))


# --- what is looked for --------------------------------------------------------------------------


def _tell_diverging(story: Story, since: int) -> tuple[str, str]:
    return (
        f"{grown(story, since)}.",
        "A Wasserstein loss needs weight clipping or a gradient penalty; any loss, a lower learning rate.",
    )


def _collapsed(story: Story, i: int) -> bool:
    return SHARES in story.rows[i] and story.held(i) <= COLLAPSED * story.asked()


def _tell_collapsed(story: Story, since: int) -> tuple[str, str]:
    most = max(story.held(i) for i in range(-WINDOW, 0) if _collapsed(story, i))
    where = f"{most} of {story.asked()} {story.data.groups}"
    rates = "Give D more turns (k) or a higher learning rate"
    if story.beliefs(-1)[0] > 0.5 + 4 * UNSURE:  # D wins: more of it is no cure
        rates = "Bring the two learning rates closer"
    return (
        f"the fakes lie around at most {where} at a time {story.since(since)}.",
        f"{rates}, or let D see several samples at once: minibatch standard deviation or packing.",
    )


def _tell_oscillates(story: Story, since: int) -> tuple[str, str]:
    moves = sum(story.moved(i) for i in range(since, len(story.rows)))
    what = "mode" if story.data.groups == "modes" else "region"
    return (
        f"most of the fakes moved from {what} to {what} {moves} times {story.since(since)}. "
        "G runs where D has not learned to look yet, and D follows.",
        "Lower G's learning rate, or give D more turns (k) or a learning rate like G's.",
    )


def _vanished(story: Story, i: int) -> bool:
    return story.beliefs(i)[1] < SURE and story.rows[i].get(PULL, STILL) < STILL


def _tell_vanished(story: Story, since: int) -> tuple[str, str]:
    now, most = story.rows[-1][PULL], max(row.get(PULL, 0.0) for row in story.rows)
    share = f", {number(100 * now / most)} % of what it was" if now < 0.1 * most else ""
    return (
        f"D(G(z)) = {number(story.beliefs(-1)[1])}: D is sure of the fakes, and the gradient at a fake is "
        f"{number(now)}{share}. G has nothing to learn from.",
        "The non-saturating loss, a lower learning rate of D, or fewer turns of D (k); then reset.",
    )


def _said(story: Story) -> str:
    x, fake = story.beliefs(-1)
    return f"D(x) = {number(x)} and D(G(z)) = {number(fake)}"


def _strong(story: Story, i: int) -> bool:
    x, fake = story.beliefs(i)
    now, before = story.distance(i), story.distance(max(0, i - WINDOW))
    # no distance is measured for images, and 0 > 0 is false: a D that wins there may still teach
    return x > 1 - SURE and fake < SURE and now > CLOSER * before


def _tell_strong(story: Story, since: int) -> tuple[str, str]:
    return (
        f"{_said(story)} {story.since(since)}, and the fakes do not come closer to the data.",
        "Lower D's learning rate or its turns (k), or raise G's learning rate.",
    )


def _weak(story: Story, i: int) -> bool:
    return all(abs(belief - 0.5) < UNSURE for belief in story.beliefs(i)) and story.distance(i) > AWAY


def _tell_weak(story: Story, since: int) -> tuple[str, str]:
    return (
        f"{_said(story)} while the fakes are far from the data (JS {number(story.rows[-1][JS])} bits) "
        f"{story.since(since)}: D sees no difference.",
        "Raise D's learning rate or its turns (k).",
    )


def _standing(story: Story) -> str:
    covered = f"{story.covered(-1)} of {story.asked()} {story.data.groups} covered"
    return f"{covered}; {standing(story.rows[-1], story.data)}"


LOOKS = [  # the gravest first
    Look("Diverging", diverging, _tell_diverging),
    Look("Vanishing gradient", _vanished, _tell_vanished),
    Look("D too strong", _strong, _tell_strong, unless=("Vanishing gradient",)),
    Look("Mode collapse", _collapsed, _tell_collapsed, unless=("Vanishing gradient", "D too strong")),
    Look("Oscillation", Story.moved, _tell_oscillates, MOVES_ON, MOVES_OFF),
    Look("D too weak", _weak, _tell_weak),
]
FAULTS = tuple(look.name for look in LOOKS)
CALMER = "Lower both learning rates while it trains: the two players then circle each other less."
LOOKS += levels(_standing, FAULTS, CALMER)
