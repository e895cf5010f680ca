"""A subject describes itself, once: map, menus, rooms, comparison, gallery and recordings read it.

`words.py` of a subject's folder has a `Subject` for the type of models that it speaks of, and may have others
for types that differ from it in something. What one leaves out, a model takes from the next of its base
classes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from engine.dispatch import modules
from engine.families import families
from engine.family import Family
from lab.stage import Graph

Legend = Sequence[Any]
"""A sentence in pieces: plain text, and coloured words that switch a layer on and off."""
Row = Mapping[str, Any]
_COLOURED = re.compile(r"\[([^]]+)\]\(([^,)]+)(?:, (\w+))?(, off)?\)")

BRANCHES = {
    "tractable": ("Tractable density", "The model gives the density p(x) of any x exactly."),
    "approximate": ("Approximate density", "The model gives a bound on log p(x), or p(x) up to a constant."),
    "implicit": ("Implicit density", "The model gives samples, and no p(x)."),
    "beside": ("Beside the tree", "These rooms learn something other than a distribution of x."),
    "tools": ("Tools", "They show many runs, or look things up."),
}
"""The lecture's taxonomy, and what stands beside it: title and meaning, for the map and the menus."""
TREE = (
    "Generative models", "They learn the distribution of data from samples, so that they can make new ones.",
    {"Explicit density": ("tractable", "approximate"), "": ("implicit",)},
)  # fmt: skip
"""How the branches hang together: Goodfellow's tree. A branch without a fork above it hangs on the root."""


def legend(text: str) -> Legend:
    """A legend from a sentence whose coloured words are links to a layer, with their role if they have one:
    "[fakes](points/fake, model)". Those of "[arrows](arrows/gradient, gradient, off)" are hidden at first."""
    *pieces, end = _COLOURED.split(text)
    told: list[Any] = []
    for plain, words, layer, role, off in zip(*[iter(pieces)] * 5, strict=True):
        about = {"words": words, "layer": layer, "role": role, "off": bool(off)}
        told += [plain, {name: value for name, value in about.items() if value}]
    return [piece for piece in (*told, end) if piece]


class Place(NamedTuple):
    """A room on the map and in the menus. Title and branch are a family's own, unless they are given here."""

    address: str
    idea: str  # in a few words
    group: str = ""  # within its branch
    title: str = ""
    branch: str = ""
    step: int = 0  # its turn on the path through the lectures; 0: it is not on the path, and comes last
    needs: Sequence[str] = ()  # addresses of the rooms to have seen before
    films: Sequence[str] = ()  # recordings that its card plays, if not the one that the room opens with


class Cure(NamedTuple):
    """What to change, and why it helps (or does not). `family` is that of the cured model, if another.
    In the end this `share` of the modes have their fakes, where there are modes. One that prevents the
    failure, but hardly `heals` a model that has failed, is trained anew."""

    change: str
    knobs: Mapping[str, Any]
    why: str
    cures: bool = True
    family: str = ""
    share: float = 7 / 8
    heals: bool = True


class Failure(NamedTuple):
    """A setting that fails in a known way. `symptom` is what the detector calls it."""

    title: str
    symptom: str
    seen: str
    data: str
    knobs: Mapping[str, Any]
    rounds: int  # by then it has failed, and a cure has cured
    cures: Sequence[Cure]
    family: str

    def of(self, cure: Cure | None = None) -> tuple[str, dict[str, Any]]:
        """Family and knobs of the setting, or of its cure; another family keeps none of its knobs."""
        if cure is None:
            return self.family, dict(self.knobs)
        return cure.family or self.family, ({} if cure.family else dict(self.knobs)) | dict(cure.knobs)

    def address(self, cure: Cure | None = None) -> str:
        """The link that opens it, or its cure."""
        family, knobs = self.of(cure)
        words = [f"data={self.data}", *(f"{name}={value}" for name, value in knobs.items())]
        return f"/{family}?" + "&".join(words).replace(" ", "%20")


class Recording(NamedTuple):
    """A training from seed 0 that is shipped with its weights, so that a room opens with pictures that move
    and tools that answer. Some learn more slowly towards the end. On a laptop's core the training takes so
    many `minutes`; from the round `usable` on, its samples resemble the data. With other `knobs` than the
    defaults it is no room's own, and `shows` what they do."""

    family: str
    data: str
    rounds: int
    slower: bool = False
    pictures: int = 40
    minutes: float = 0  # 0: nobody has measured it
    usable: int = 0
    knobs: Mapping[str, Any] = {}
    shows: str = ""

    @property
    def name(self) -> str:
        return "-".join(filter(None, [self.family, self.data.partition(".")[0], self.shows]))


class Under(NamedTuple):
    """Live knobs that stand together under the stage instead of in the sidebar. `rows`, asked when the data
    are chosen, says which of them do something."""

    title: str
    names: Collection[str]
    rows: Callable[[], Sequence[Sequence[str]]]


@dataclass(frozen=True)
class Subject:
    """What is said of a type of models."""

    family: type  # and of all that inherit from it
    places: Sequence[Place] = ()  # its rooms, in the order of the map
    leads: bool = False  # whether the wall and the comparison open with its first room
    sentence: str = ""  # under the title of a family that has no page of its own
    # by kind of data; "points alone" is for points whose density nobody knows
    legends: Mapping[str, Legend] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)  # of what the stage shows beside measures
    charts: Sequence[str] = ()  # the two or three that matter most; the first is drawn large
    # what the symbols of its formulas (LaTeX) name on the stage: the roles of their colours
    colours: Mapping[str, str] = field(default_factory=dict)
    graph: Graph | None = None  # what flows where
    now: Callable[[str, Row], str] | None = None  # a sentence on a run, from its id and its last row
    judged: bool | None = None  # whether the detector's verdict stands under the stage
    failures: Sequence[Failure] = ()  # the gallery
    experiments: Sequence[tuple[str, str, str]] = ()  # what to try, what will be seen, and the address
    # tools for the room of a family without a page of its own, by title
    tabs: Mapping[str, Callable[..., None]] = field(default_factory=dict)
    # what else to show under the scores of a wall, from its axes and the last row
    of_wall: Callable[[Mapping[str, Sequence[float]], Row], None] | None = None
    data: str = ""  # what a room opens with, if its page does not say so
    # widgets that choose the data, instead of a list of all; given the default, and where to complain
    choose: Callable[[str, Any], str] | None = None
    under: Under | None = None  # knobs that stand under the stage
    recordings: Sequence[Recording] = ()  # what is shipped


@cache
def subjects() -> dict[type, tuple[Subject, ModuleType]]:
    """Every subject, and its module, by the type that it speaks of. Raises TypeError if two speak of one."""
    known: dict[type, tuple[Subject, ModuleType]] = {}
    for module in modules("words", "lab"):
        for one in vars(module).values():
            if isinstance(one, Subject) and known.setdefault(one.family, (one, module))[0] is not one:
                other = known[one.family][1].__name__
                raise TypeError(f"{other} and {module.__name__} both speak of {one.family.__name__}")
    return known


@cache
def words_of(family: type[Family]) -> Subject:
    """What is said of a family: its own words, and what these leave out from those of its base classes."""
    known, told = subjects(), dict[str, Any]()
    for base in reversed(family.__mro__):
        if base in known:
            given = {one.name: getattr(known[base][0], one.name) for one in fields(Subject)}
            told |= {name: value for name, value in given.items() if value or value is False}
    return Subject(**(told | {"family": family}))


def recordings() -> dict[str, tuple[Recording, ModuleType]]:
    """All that is shipped, by name, and the module that says so."""
    return {r.name: (r, module) for one, module in subjects().values() for r in one.recordings}


def effort(family: type[Family], data: str) -> dict[str, float]:
    """How long a training of this model on these data takes, as that of its recording; nothing where there is
    none, or nobody has measured it."""
    for one, _ in recordings().values():
        if (one.family, one.data) == (family.name, data) and one.minutes and not one.knobs:
            return {"rounds": one.rounds, "minutes": one.minutes, "usable": one.usable}
    return {}


def places() -> list[Place]:
    """All rooms, with titles and branches, in the order of the map; last the families that nobody placed."""
    known = families()
    placed = [place for one, _ in subjects().values() for place in one.places]
    named = {place.address for place in placed}
    placed += [Place(name, family.source) for name, family in known.items() if name not in named]
    titled = []
    for place in placed:
        family = known.get(place.address)
        title = place.title or (family.title if family else place.address.replace("-", " ").capitalize())
        branch = place.branch or (family.branch if family else "beside")
        titled.append(place._replace(title=title, branch=branch))
    return sorted(titled, key=lambda place: place.step or math.inf)


def path() -> list[str]:
    """The addresses of the rooms to visit one after another, in the order of the lectures."""
    return [place.address for place in places() if place.step]


def films(place: Place) -> list[str]:
    """The recordings that a card plays: those that it names, or the one that its room opens with."""
    known = recordings()
    if place.films:
        return [name for name in place.films if name in known]
    own = {r.data: name for name, (r, _) in known.items() if r.family == place.address and not r.knobs}
    usual = words_of(families()[place.address]).data if own else ""
    return [own.get(usual, next(iter(own.values())))] if own else []
