"""The stage: a canvas that shows a live run and the buttons that control it; and a pair of stages.

A page mounts it once under a fixed `key`. Its script opens a WebSocket to `/live/<run>` by itself, so that
pictures move without any rerun; Python hears only what a page must act on, `forked` and `train`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NotRequired, TypedDict

import streamlit as st

from lab.stage.files import component, preload, script


class Segment(TypedDict):
    """A coloured word of the legend: it switches `layer` (a name or a prefix) on and off.

    `role` is one of data, model, latent, gradient, truth, critic, field, label-0 ... label-9. It decides the
    colour in which that layer is drawn. With `off` the layer is hidden until its word is pressed.
    """

    words: str
    layer: str
    role: NotRequired[str]
    off: NotRequired[bool]


class Graph(TypedDict):
    """The boxes and wires of a model, drawn under the stage.

    A node is `{"id", "title", "says", "at": [column, row], "role"}` and `array` (a name)
    or `arrays` (names, or `{"name", "role"}`), drawn live as a thumbnail; a name that ends in "/"
    stands for the last values of all curves so named. A line of the engine that ends in `#: id`
    computes what the node of that id stands for: in slow motion it lights the node, and what it
    binds has the node's colour. An edge is `[from, to]` or, coloured and dashed, `[from, to, role]`.
    """

    nodes: Sequence[Mapping[str, Any]]
    edges: Sequence[Sequence[str]]


STAGE = ("stage/stage.js", "core/base.css", "slow/drawer.css", "photo/split.css")
GLOSSARY = "glossary/glossary.js"  # explains terms on every page; it reads them from the page itself
HEAD = preload(*STAGE) + script(GLOSSARY)  # for the head of every page

_stage = component("genlab_stage", *STAGE)
_pair = component("genlab_pair", "stage/pair.js", "core/base.css", "photo/split.css", "stage/pair.css")


def stage(
    run: str,
    *,
    key: str,
    legend: Sequence[str | Segment] = (),
    players: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    train: bool = True,
    graph: Graph | None = None,
    links: Sequence[str] = (),
    charts: Sequence[str] = (),
    effort: Mapping[str, float] | None = None,
    beside: str = "",
    presented: bool | None = None,
    told: bool = False,
    on_fork: Callable[[str], None] = lambda run: None,
    on_train: Callable[[int], None] = lambda press: None,
    on_present: Callable[[], None] = lambda: None,
    on_beside: Callable[[], None] = lambda: None,
) -> None:
    """Show a run, live, with its controls.

    Args:
        run: id of the run. When it changes, the old picture stays until the new run's first frame arrives.
        key: the component's key; always the same one on a page.
        legend: one sentence in pieces: plain text, and coloured words that toggle a layer.
        players: the players' names, for the "Step D" buttons; two or more make buttons.
        labels: replaces any of the stage's own sentences (see `js/core/words.js`), and names what is drawn:
            `labels["field"]` = "D(x)", `labels["images/samples"]` = "samples", `labels["chart/loss"]` =
            "Losses", `labels["number/V(D, G)"]` = "value of the game".
        train: False hides play, step, reset and rewind.
        graph: what flows where, for the drawer's "Graph"; see `Graph`.
        links: the address that each panel of a wall opens when it is pressed.
        charts: names of the charts that matter most; the first is drawn large until another is pressed.
        effort: what a training takes, where this is known: `rounds`, `minutes` on a laptop, and the round
            `usable` from which its samples resemble the data.
        beside: what a press may put on the stage instead: "recording", "run", or nothing.
        presented: whether it is shown as on a projector; None: this page cannot be.
        told: whether the page speaks of the round that is looked at: it then hears of it, see `looked_at`.
        on_fork: called with the id of the new run after a fork.
        on_train: called when "Train" is pressed on a recording, with the number of the press: the same one
            when it is called again, see `_told`.
        on_present: called when "Present", or "Leave the presentation", is pressed.
        on_beside: called when what is `beside` is asked for.
    """
    data = {
        "run": run, "legend": legend, "players": players, "train": train, "labels": labels or {},
        "graph": graph, "links": links, "charts": charts, "presented": presented,
        "effort": effort or {}, "beside": beside,
    }  # fmt: skip
    if told:
        data["round"] = looked_at(key)
    acts = {
        "train": lambda: on_train(st.session_state[key].train),
        "present": on_present, "beside": on_beside,
        "forked": lambda: on_fork(st.session_state[key].forked),
    }  # fmt: skip
    _stage(key=key, **_told(key, data, acts), on_round_change=lambda: None)


def _told(key: str, data: Mapping[str, Any], acts: dict[str, Callable[[], None]]) -> dict[str, Any]:
    """A component's data, and what is done when it tells something, by the name of its trigger.

    It tells it again until `data["heard"]` has the value (js/core/telling.js), so what is done once must be
    as good when it is done again: Streamlit may cut a callback short. A run that was ready tells with "began"
    that it trains; the rerun that this makes is enough.
    """
    heard = st.session_state.setdefault(f"_heard by {key}", {})

    def call(name: str) -> None:
        value = st.session_state[key][name]
        if value and heard.get(name) != value:
            acts[name]()
            heard[name] = value

    acts["began"] = lambda: None
    return {"data": {**data, "heard": dict(heard)}} | {
        f"on_{name}_change": partial(call, name) for name in acts
    }


def looked_at(key: str) -> int | None:
    """The earlier round that the visitor looks at on the stage of this key; None: what is now."""
    round = getattr(st.session_state.get(key), "round", None)
    return None if round is None else int(round)


def pair(
    runs: Sequence[str],
    *,
    key: str,
    titles: Sequence[str],
    verdicts: Sequence[Sequence[Mapping[str, str]]],
    legend: Sequence[str | Segment] = (),
    players: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    charts: Sequence[str] = (),
    alike: bool = True,
    compact: bool = False,
    on_train: Callable[[int], None] = lambda press: None,
) -> None:
    """Show runs beside one another (on a phone one above the other), with one bar that drives all.

    Args:
        runs: ids of the runs, of two or three; as many on every rerun.
        key: the component's key; always the same one on a page.
        titles: a few words over each picture.
        verdicts: what stands under each picture: entries of `tone` ("good", "bad" or ""), `name`,
            `says` and `cure`, or none.
        legend, players, labels, charts: as for `stage`; the legend's words switch layers of all.
        alike: whether charts of one name have one scale.
        compact: the charts are within the window, too, and a phone shows all sides beside one another.
        on_train: as for `stage`.
    """
    data = {
        "runs": runs, "titles": titles, "verdicts": verdicts, "legend": legend, "players": players,
        "train": True, "labels": labels or {}, "charts": charts, "alike": alike,
        "compact": compact,
    }  # fmt: skip
    _pair(key=key, **_told(key, data, {"train": lambda: on_train(st.session_state[key].train)}))
