"""Cards for slips in the lectures' formulas: what is written, what is right, and what each slip does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st


class Slip(NamedTuple):
    """A slip: its name and place, the formula as written and as it should be (LaTeX), and its effect."""

    title: str
    where: str
    written: str
    right: str
    effect: str


def cards(slips: Sequence[Slip]) -> None:
    """A card for each slip."""
    for slip in slips:
        with st.container(border=True):
            st.markdown(
                f"**{slip.title}** ({slip.where})\n\nWritten: ${slip.written}$\n\n"
                f"Right: ${slip.right}$\n\n{slip.effect}"
            )
