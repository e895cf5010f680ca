"""The stage: a canvas that shows one live run and the buttons that control it.

The page mounts it once under a fixed `key`. Its JavaScript opens a WebSocket to
`/live/<run>` by itself, so that pictures move without any Streamlit rerun; Python hears
only of the two things a page must act on, `forked` and `train`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import streamlit as st

from lab.stage.files import component


class _SegmentKeys(TypedDict):
    words: str
    layer: str


class Segment(_SegmentKeys, total=False):
    """A coloured word of the legend: it switches `layer` (a name or a prefix) on and off.

    `role` is one of data, model, latent, gradient, truth, critic, field, label-0 ... label-9. It decides the
    colour in which that layer is drawn. With `off` the layer is hidden until its word is pressed.
    """

    role: str
    off: bool


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

_mount = component("genlab_stage", *STAGE)


def stage(
    run: str,
    *,
    key: str,
    legend: Sequence[str | Segment] = (),
    players: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    height: int = 480,
    train: bool = True,
    pointer: bool = False,
    graph: Graph | None = None,
    links: Sequence[str] = (),
    on_fork: Callable[[str], None] | None = None,
    on_train: Callable[[], None] | None = None,
) -> Any:
    """Show a run, live, with its controls.

    Args:
        run: id of the run. When it changes, the old picture stays until the new run's first
            frame arrives.
        key: the component's key; always the same one on a page.
        legend: one sentence in pieces: plain text, and coloured words that toggle a layer.
        players: the players' names, for the "Step D" buttons; two or more make buttons.
        labels: replaces any of the stage's own sentences (see `js/core/words.js`), and names what
            is drawn: `labels["field"]` = "D(x)", `labels["images/samples"]` = "samples",
            `labels["chart/loss"]` = "Losses", `labels["term/modes"]` = "groups found",
            `labels["number/V(D, G)"]` = "value of the game". `labels["role/<term>"]` is the
            role of a curve's colour; one curve alone in a chart is the model's.
        height: most pixels the picture may be high.
        train: False hides play, step, reset and rewind.
        pointer: True sends pointer events over the picture to the run's scene.
        graph: what flows where, for the drawer's "Graph"; see `Graph`.
        links: the address that each panel of a wall opens when it is pressed.
        on_fork: called with the id of the new run after a fork.
        on_train: called when "Train" is pressed on a recording.

    Returns:
        The component's result; `.forked` (a run id) and `.train` (milliseconds since 1970)
        are set during the one rerun that follows the event, else None.
    """

    def forked() -> None:
        new = st.session_state[key].forked
        if on_fork is not None and new:
            on_fork(new)

    def trained() -> None:
        if on_train is not None and st.session_state[key].train:
            on_train()

    data = {
        "run": run,
        "legend": list(legend),
        "players": list(players),
        "train": train,
        "pointer": pointer,
        "labels": dict(labels or {}),
        "height": height,
        "graph": graph,
        "links": list(links),
    }
    return _mount(key=key, data=data, on_forked_change=forked, on_train_change=trained)
