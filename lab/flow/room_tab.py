"""The room of a flow: the tabs that all flows share, and what the lecture says about all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from engine.flow.base import Flow
from engine.flow.bijection import Bijection
from engine.space import Picture
from lab.flow import layers_tab as layers
from lab.flow.pictures_tab import use_flow
from lab.kit.code import source as show_source
from lab.kit.room import Room
from lab.kit.tabs import checks, knob_table, tabs


def flow_tabs(
    room: Room,
    *,
    formula: Callable[[], None],
    experiments: Callable[[], None],
    more: Mapping[str, Callable[[], None]] | None = None,
) -> None:
    """The tabs of a flow: those of all flows, then `more`, then the family's own formula and experiments."""
    pictures = {"Pictures": lambda: use_flow(room)} if Picture in room.family.kinds else {}
    plane = {
        "Layers": lambda: layers.film_of_layers(room),
        "A point": lambda: layers.a_point(room),
        "Why not perfect?": lambda: layers.gaps(room),
    }
    first = pictures | plane if isinstance(room.space, Picture) else plane | pictures
    last = {"Formula and code": formula, "Try this": experiments, "Check": lambda: checks(room)}
    tabs(first | dict(more or {}) | last)


def lecture() -> None:
    """What all flows share, in the letters of the lecture."""
    st.markdown(
        r"""
**Change of variables.** With an invertible $z = f(x)$ and a known $p_z$,

$$
p_x(x_i) = p_z(f(x_i)) \left| \det \frac{\partial f(x_i)}{\partial x_i} \right|, \qquad
L = -\frac1m \sum_{i=1}^m \left( \log p_z(f(x_i)) +
\log \left| \det \frac{\partial f(x_i)}{\partial x_i} \right| \right)
$$

Training descends $L$ over minibatches. A new object is $x_i = f^{-1}(z_i)$ with $z_i \sim p_z$. In one
dimension you can bend $f$ by hand: [Change of variables](/change-of-variables).
"""
    )


def two_layers() -> None:
    """The lecture's example: layers compose, and their determinants multiply."""
    st.markdown(
        r"""
**Two layers.** With $y_i = f_1(x_i)$ and $z_i = f_2(y_i)$ the determinants multiply, and their
logarithms add up:

$$
p_x(x_i) = p_z(f_2(f_1(x_i))) \left| \det \frac{\partial f_2(y_i)}{\partial y_i} \right|
\left| \det \frac{\partial f_1(x_i)}{\partial x_i} \right|
$$
"""
    )


def code(family: type[Flow], *things: Any) -> None:
    """The very code that runs: the family, its layers, and what all flows share; then the knobs."""
    show_source(family.build, *things, Bijection, Flow.turns, Flow.terms)
    knob_table(family)
