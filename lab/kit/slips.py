"""Cards for slips in the lectures' formulas: what is written, what is right, and what the slip does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st


class Slip(NamedTuple):
    """What it is and where it stands, how it is written and should be (in LaTeX), and what it does."""

    title: str
    where: str
    written: str
    instead: str
    does: str


def cards(listed: Sequence[Slip]) -> None:
    """Each slip with numbers that the engine's functions compute."""
    for slip in listed:
        with st.container(border=True):
            st.markdown(
                f"**{slip.title}** ({slip.where})\n\nWritten: ${slip.written}$\n\n"
                f"Right: ${slip.instead}$\n\n{slip.does}"
            )
