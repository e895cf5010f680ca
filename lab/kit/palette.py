"""The colours of the roles in Python, as lab/stage/js/core/palette.js has them for the stage."""

from __future__ import annotations

import streamlit as st

LIGHT = {
    "data": "#0072B2",
    "model": "#D55E00",
    "latent": "#009E73",
    "gradient": "#CC79A7",
    "critic": "#7B808C",
}
DARK = {
    "data": "#56B4E9",
    "model": "#E69F00",
    "latent": "#16B989",
    "gradient": "#D98BB6",
    "critic": "#9BA1AD",
}


def ink(role: str) -> str:
    """The colour of a role, as a hex number, in the theme of the visitor."""
    return (DARK if st.context.theme.type == "dark" else LIGHT)[role]
