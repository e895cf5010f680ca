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
LIGHT, DARK = ({role: inks[i] for role, inks in INKS.items()} for i in (0, 1))


def ink(role: str) -> str:
    """The colour of a role, as a hex number, in the theme of the visitor."""
    return (DARK if st.context.theme.type == "dark" else LIGHT)[role]
