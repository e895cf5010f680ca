"""A table of which latent dimension knows which factor: the more it knows, the darker the cell."""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

from lab.kit.answers import ask, ask_again
from lab.kit.palette import ink
from lab.kit.pickers import data_of
from lab.kit.room import Room


@st.fragment
def factors(room: Room) -> None:
    """The table and the Mutual Information Gap of the present model, for data with known factors."""
    if data_of(room).factors is None:
        st.info(
            "Digits have no known factors. "
            "[Open the ellipses](/vae?data=ellipses&z=6), which are drawn from four factors."
        )
        return
    if answer := ask(room, "factors"):
        st.markdown(
            "Each picture was drawn from four independent numbers. A cell says how much one latent dimension "
            "(column) knows about a factor (row): their mutual information, over the factor's entropy."
        )
        st.html(_table(answer))
        st.markdown(
            f"**Mutual Information Gap: {answer['MIG']:.2f}** (Chen et al. 2018): how far the best dimension "
            "for each factor is ahead of the second best, on average. 1 means that each factor has one "
            "dimension of its own; 0 means that factors are shared or unknown."
        )
        ask_again(answer, "factors-again")


def _table(answer: dict[str, Any]) -> str:
    shares = answer["shares"]
    head = "".join(f"<th>z<sub>{j}</sub></th>" for j in range(1, shares.shape[1] + 1))
    rows = []
    for name, row in zip(answer["names"], shares, strict=True):
        cells = "".join(
            f'<td style="--share: {min(100, 130 * share):.0f}%">{share:.2f}</td>' for share in row
        )
        rows.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
    style = f"--ink: {ink('latent')}"
    table = f"<table><tr><th></th>{head}</tr>{''.join(rows)}</table>"
    return f'{_STYLE}<div class="factors" style="{style}">{table}</div>'


_STYLE = """<style>
.factors { overflow-x: auto }
.factors table { border-collapse: collapse; font-variant-numeric: tabular-nums }
.factors th { font-weight: 400; opacity: 0.8; padding: 0.2rem 0.7rem; text-align: right }
.factors td { text-align: center; padding: 0.3rem 0.8rem; border: 1px solid rgb(128 128 128 / 25%);
  background: color-mix(in srgb, var(--ink) var(--share), transparent) }
</style>"""
