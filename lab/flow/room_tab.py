"""The room of a flow: its stage, the tabs that all flows share, and what the lecture says of all flows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from engine import data
from engine.flow.base import Flow
from engine.flow.transforms import Bijection
from engine.space import Picture, Plane
from lab import kit
from lab.flow.layers_tab import a_point, film_of_layers, gaps
from lab.flow.pictures_tab import use_flow

LECTURE = r"""
**Change of variables.** With an invertible $z = f(x)$ and a known $p_z$,

$$
p_x(x_i) = p_z(f(x_i)) \left| \det \frac{\partial f(x_i)}{\partial x_i} \right|, \qquad
L = -\frac1m \sum_{i=1}^m \left( \log p_z(f(x_i)) +
\log \left| \det \frac{\partial f(x_i)}{\partial x_i} \right| \right)
$$

Training descends $L$ over minibatches. A new object is $x_i = f^{-1}(z_i)$ with $z_i \sim p_z$. In one
dimension you can bend $f$ by hand: [Change of variables](./change-of-variables).
"""

Tools = dict[str, Callable[[kit.Room], None]]


def flow_room(
    family: type[Flow],
    *,
    sentence: str,
    formula: str,
    code: Sequence[Any],
    tries: Sequence[tuple[str, str, str]],
    tools: Tools | None = None,
) -> None:
    """The page of a flow. `code` is what its layers are made of; `tools` are tabs that not all flows have."""
    room = kit.room(family, sentence=sentence)
    kit.commentary(room)

    code = [family.build, *code, Bijection, Flow.turns, Flow.terms]
    lecture = partial(kit.lecture, family, [LECTURE, formula], code)
    plane: Tools = {"Layers": film_of_layers, "A point": a_point, "Why not perfect?": gaps}
    pictures: Tools = {"Pictures": use_flow}
    failing = kit.words_of(family).failures
    of_pictures = all(isinstance(data.load(one.data).space, Picture) for one in failing)
    shown = failing and (isinstance(room.space, Picture) or not of_pictures)
    gallery: Tools = {"Failures and cures": failures} if shown else {}
    special = pictures if isinstance(room.space, Picture) else plane if isinstance(room.space, Plane) else {}
    own: dict[str, Any] = {name: partial(tab, room) for name, tab in special.items()}
    if tools:
        own[next(iter(tools))] = {name: partial(tab, room) for name, tab in tools.items()}
    cured = {name: partial(tab, room) for name, tab in gallery.items()}
    last = {"Try this": lambda: kit.experiments(tries), "Check": lambda: kit.checks(room)}
    kit.tabs(own | {"Formula and code": lecture} | cured | last, room)


def failures(room: kit.Room) -> None:
    """The gallery of this flow."""
    st.markdown(
        "**See it fail** trains a setting on the stage. It fails within about a minute, and the sentence "
        "under the picture says what goes wrong. Then apply a cure."
    )
    kit.gallery(room, kit.words_of(room.family).failures)
