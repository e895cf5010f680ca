"""Small widgets that choose one of several tools, a number for a z, or a test picture."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import streamlit as st

from engine import data
from lab.kit.room import Room
from lab.runs import store


@st.fragment
def one_of(room: Room, tools: Mapping[str, Callable[[Room], None]], key: str) -> None:
    """One of these tools, chosen by pills. Only the chosen tool reruns."""
    name = st.pills(
        "Tool", list(tools), default=next(iter(tools)), required=True, key=key, label_visibility="collapsed"
    )
    tools[str(name)](room)


def number_of_z(label: str, key: str, first: int) -> int:
    """A number that stands for a z, with a button for another one."""
    st.session_state.setdefault(key, first)
    return _number(label, key, 2**32 - 1, 10_000)


def _number(label: str, key: str, last: int, end: int) -> int:
    """A number from 0 to `last`, with a button for another one below `end`."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        value = st.number_input(label, 0, last, key=key, width=160)
        st.button(
            "Another", key=f"{key}-another", on_click=_another, args=(key, end), icon=":material/casino:"
        )
    return int(value)


def _another(key: str, end: int) -> None:
    st.session_state[key] = random.randrange(end)


def test_picture_number(room: Room, label: str, key: str, first: int) -> int:
    """The number of a test picture of this room's data, with a button for another one."""
    end = len(data_of(room).test_x)
    st.session_state[key] = min(st.session_state.get(key, first), end - 1)
    return _number(label, key, end - 1, end)


def two_test_pictures(room: Room, key: str) -> tuple[int, int]:
    """The numbers of the first and of the last test picture of a way, side by side."""
    left, right = st.columns(2)
    with left:
        first = test_picture_number(room, "First test picture", f"{key}-a", 3)
    with right:
        return first, test_picture_number(room, "Last test picture", f"{key}-b", 500)


def wanted(room: Room, key: str, label: str, icon: str, wait: str = "") -> bool:
    """Whether the button was pressed for this run; the answer then stays. Until then `wait` is said."""
    if st.button(label, key=key, icon=f":material/{icon}:"):
        st.session_state[f"_{key}"] = room.run
    pressed: bool = st.session_state.get(f"_{key}") == room.run
    if wait and not pressed:
        st.caption(wait)
    return pressed


def data_of(room: Room) -> data.Dataset:
    """The data that this room's run learns from."""
    return data.load(store.read_info(store.folder(room.run)).data)


def latent_dimensions(room: Room) -> int:
    """How many numbers a z of this room's run has."""
    return int(store.read_info(store.folder(room.run)).config["z"])


HOW = (
    "Drag the slider, or press play. On the film itself, the space bar plays, the arrow keys step, and Home "
    "and End go to the ends."
)
