"""Small widgets that choose: one tool of several, the number of a noise, a test picture."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import streamlit as st

from engine import data
from lab.kit.room import Room
from lab.runs import store


@st.fragment
def one_of(room: Room, tools: Mapping[str, Callable[[Room], None]], key: str) -> None:
    """One of these tools, chosen by pills; only the tool that is used runs again."""
    name = st.pills(
        "Tool", list(tools), default=next(iter(tools)), required=True, key=key, label_visibility="collapsed"
    )
    tools[str(name)](room)


def number_of_z(label: str, key: str, first: int) -> int:
    """A number that stands for a z, and a button for another one."""
    st.session_state.setdefault(key, first)
    return _number(label, key, 2**32 - 1, 10_000)


def _number(label: str, key: str, last: int, end: int) -> int:
    """A number from 0 to `last`, and a button for another one below `end`."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        value = st.number_input(label, 0, last, key=key, width=160)
        st.button(
            "Another", key=f"{key}-another", on_click=_another, args=(key, end), icon=":material/casino:"
        )
    return int(value)


def _another(key: str, end: int) -> None:
    st.session_state[key] = random.randrange(end)


def test_picture_number(room: Room, label: str, key: str, first: int) -> int:
    """The number of a test picture of this room's data, and a button for another one."""
    end = len(data.load(store.read_info(store.folder(room.run)).data).test_x)
    st.session_state[key] = min(st.session_state.get(key, first), end - 1)
    return _number(label, key, end - 1, end)


def latent_dimensions(room: Room) -> int:
    return int(store.read_info(store.folder(room.run)).config["z"])


HOW = (
    "Drag the slider, or press play. On the film itself the space bar plays, the arrow keys step, Home and "
    "End go to the ends."
)
