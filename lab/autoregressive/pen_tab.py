"""The tool of the rooms of handwriting."""

from __future__ import annotations

import streamlit as st

from lab.kit.room import Room
from lab.runs.supervisor import NO_MODEL
from lab.stage import hand


def hand_tab(room: Room) -> None:
    """The model writes, and goes on in what a student draws."""
    if not room.live:
        st.info(NO_MODEL)
        return
    hand(room.run, key="hand", round=room.round)
