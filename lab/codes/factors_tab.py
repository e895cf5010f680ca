"""Which latent dimension found which factor, as a table whose cells are darker the more one knows."""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

from engine import data
from lab.kit.answers import ask, ask_again
from lab.kit.room import Room
from lab.runs import store


@st.fragment
def factors(room: Room) -> None:
    """The table and the Mutual Information Gap of the model of now; nothing for data without factors."""
    if data.load(store.read_info(store.folder(room.run)).data).factors is None:
        st.info(
            "Digits have no factors that anybody knows. "
            "[Open the ellipses](/vae?data=ellipses&z=6), which are drawn from four."
        )
        return
    if found := ask(room, "factors"):
        st.markdown(
            "Each picture was drawn from four independent numbers. A cell says how much of a factor (row) "
            "one latent dimension (column) knows: the information between them, over the factor's entropy."
        )
        st.html(_table(found))
        st.markdown(
            f"**Mutual Information Gap: {found['MIG']:.2f}** (Chen et al. 2018): how far the best dimension "
            "of each factor is ahead of the second best, on average. 1 would be one dimension for each "
            "factor; 0, that factors are shared, or unknown."
        )
        ask_again(found, "factors-again")


def _table(found: dict[str, Any]) -> str:
    shares = found["shares"]
    head = "".join(f"<th>z<sub>{j}</sub></th>" for j in range(1, shares.shape[1] + 1))
    rows = []
    for name, row in zip(found["names"], shares, strict=True):
        cells = "".join(
            f'<td style="background: rgb(0 158 115 / {min(100, 130 * share):.0f}%)">{share:.2f}</td>'
            for share in row
        )
        rows.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
    return f'{_STYLE}<div class="factors"><table><tr><th></th>{head}</tr>{"".join(rows)}</table></div>'


_STYLE = """<style>
.factors { overflow-x: auto }
.factors table { border-collapse: collapse; font-variant-numeric: tabular-nums }
.factors th { font-weight: 400; opacity: 0.8; padding: 0.2rem 0.7rem; text-align: right }
.factors td { text-align: center; padding: 0.3rem 0.8rem; border: 1px solid rgb(128 128 128 / 25%) }
</style>"""
