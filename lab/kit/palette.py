"""The colours of the roles in Python, as lab/stage/js/core/palette.js has them for the stage."""

from __future__ import annotations

import streamlit as st

INKS = {  # on a light and on a dark page
    "data": ("#0072B2", "#56B4E9"),
    "model": ("#D55E00", "#E69F00"),
    "latent": ("#009E73", "#16B989"),
    "gradient": ("#CC79A7", "#D98BB6"),
    "critic": ("#7B808C", "#9BA1AD"),
}
TEXTS = {  # shades of the same hues that can be read as small letters, as the words of a legend have them
    "data": ("#00659E", "#6BBEEE"),
    "model": ("#B54A00", "#F0AE22"),
    "latent": ("#007555", "#2CC79A"),
    "gradient": ("#A3487B", "#E3A0C4"),
    "critic": ("#5F6470", "#B0B6C1"),
}
LIGHT, DARK = ({role: inks[i] for role, inks in INKS.items()} for i in (0, 1))


def ink(role: str) -> str:
    """The colour of a role, as a hex number, in the theme of the visitor."""
    return (DARK if st.context.theme.type == "dark" else LIGHT)[role]


def letter(role: str) -> str:
    """The colour of a role for letters, in the theme of the visitor."""
    return TEXTS[role][st.context.theme.type == "dark"]
