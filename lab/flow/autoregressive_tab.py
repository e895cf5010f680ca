"""The tabs of flows whose layers are autoregressive: their masks, and the quick and the slow direction."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from engine.space import Picture
from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.charts import show_chart
from lab.kit.room import Room
from lab.runs.supervisor import NO_MODEL

INK = {"light": ("#D55E00", "#009E73"), "dark": ("#E69F00", "#16B989")}  # density orange, sampling green
CELL = 12  # pixels of a cell of a small matrix


@st.fragment
def masks_tab(room: Room) -> None:
    """Which number may see which."""
    if not room.live:
        st.info(NO_MODEL)
        return
    st.markdown(
        "One net gives all $\\mu_i$ and $s_i$ in one pass, and yet $\\mu_i$ may depend on the numbers "
        "**before** $i$ only. **Masks** see to that: weights that would let a number look at itself or ahead "
        "are multiplied by 0 (MADE, Germain et al. 2015). So the Jacobian is triangular once its rows and "
        "columns stand in the layer's order, and its determinant is the product of the diagonal."
    )
    asked: dict[str, Any] = {}
    if isinstance(room.space, Picture):
        left, right = st.columns(2)
        row = left.slider("Row of the pixel", 1, 28, 15, key="mask-row")
        column = right.slider("Column of the pixel", 1, 28, 15, key="mask-column")
        asked["pixel"] = (row - 1) * 28 + column - 1
    found = ask(room, "masks", **asked)
    if not found:
        return
    if isinstance(room.space, Picture):
        of_pixel(found)
    else:
        of_points(found)
    ask_again(found, "masks-again")


def of_pixel(found: dict[str, Any]) -> None:
    """What one pixel sees in each layer."""
    figures = []
    for number in layers(found):
        mask = found[f"mask/{number}"]
        place = np.unravel_index(found["pixel"], mask.shape)
        seen = int((mask > 0).sum())
        coloured = np.repeat(mask[:, :, None], 3, 2) // 2
        coloured[place] = (230, 159, 0)
        figures.append(Figure(coloured, f"layer {number}\nsees {seen}", f"layer {number} sees {seen} pixels"))
    strip([("What the orange pixel may see: the grey ones", figures)], columns=6, least=72, most=128)
    st.caption(
        f"The mask of all {found['D']} numbers is a matrix of {found['D']} × {found['D']}; this is one row "
        "of it, laid out as a picture. With the alternating order every other layer begins at the other end, "
        "so that together all pixels can depend on all. A net that is narrower than the picture has no "
        "unit of its own for each pixel: then a pixel does not see those just before it."
    )


def of_points(found: dict[str, Any]) -> None:
    """Small matrices: the mask of each layer, and where its Jacobian may differ from 0."""
    cells = []
    for number in layers(found):
        order = " → ".join(f"x{sub(int(i) + 1)}" for i in np.argsort(found[f"order/{number}"]))
        cells.append(
            f"<figure><figcaption><b>Layer {number}</b><br>{escape(order)}</figcaption>"
            f"{matrix(found[f'mask/{number}'], 'mask')}{matrix(found[f'jacobian/{number}'], 'Jacobian')}"
            "</figure>"
        )
    whole = matrix(found["jacobian/all"], "Jacobian")
    cells.append(f"<figure><figcaption><b>All layers</b><br>together</figcaption>{whole}</figure>")
    st.html(f'{_STYLE}<div class="masks">{"".join(cells)}</div>')
    st.caption(
        "Row i, column j is filled where the i-th number may depend on the j-th. Left the mask of the nets, "
        "right ∂z/∂x, which has the diagonal too. With the alternating order the triangle lies above the "
        "diagonal in one layer and below it in the next, so all layers together fill the matrix; with the "
        "order “none” it stays a triangle, and the first number never sees the others."
    )


def matrix(mask: np.ndarray, name: str) -> str:
    """A table of filled and empty cells."""
    rows = "".join(
        "<tr>" + "".join(f'<td class="{"full" if cell else ""}"></td>' for cell in row) + "</tr>"
        for row in mask
    )
    filled = int((mask > 0).sum())
    return f'<table role="img" aria-label="{name}: {filled} of {mask.size} may differ from 0">{rows}</table>'


def layers(found: dict[str, Any]) -> range:
    return range(1, found["layers"] + 1)


def sub(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


# --- quick and slow ------------------------------------------------------------------------------


@st.fragment
def speeds_tab(room: Room) -> None:
    """MAF against IAF: seconds of both directions over D, measured on this machine now."""
    if not room.live:
        st.info(NO_MODEL)
        return
    st.markdown(
        "The same map, the two ways round. **MAF** knows $x$ and finds all $z_i$ in one pass: its density is "
        "quick. To sample, it needs $x_1$ before it can find $x_2$, and so on: D steps that wait for each "
        "other. **IAF** is that map turned round: samples in one pass, the density of a given $x$ in D steps."
    )
    if st.button("Measure it here", key="speeds-go", icon=":material/timer:"):
        st.session_state["_speeds"] = room.run
    if st.session_state.get("_speeds") != room.run:
        st.caption("It takes a few seconds.")
        return
    if found := ask(room, "speeds"):
        draw(found["curves"])
        st.markdown(own(found))
        ask_again(found, "speeds-again")


def draw(curves: dict[str, list[float]]) -> None:
    """Seconds over D, both on scales of factors."""
    density, sampling = INK[st.context.theme.type or "light"]
    figure = go.Figure()
    for name, dash in (("MAF", "solid"), ("IAF", "dash")):
        for way, ink in (("density", density), ("sampling", sampling)):
            figure.add_scatter(
                x=curves["D"], y=[1000 * s for s in curves[f"{name} {way}"]], name=f"{name}: {way}",
                mode="lines+markers", line={"color": ink, "dash": dash}, marker={"color": ink},
            )  # fmt: skip
    figure.update_xaxes(type="log", title="D, numbers of an example", tickvals=curves["D"])
    figure.update_yaxes(type="log", title="milliseconds", dtick=1)
    show_chart(
        figure, "speeds-chart", "Time of density and sampling of MAF and IAF over D", height=380,
        legend={"orientation": "h", "y": -0.25},
    )  # fmt: skip


def own(found: dict[str, Any]) -> str:
    """The model of this room in numbers."""
    density, sampling = found["density"], found["sampling"]
    slow, quick = sorted((density["seconds"], sampling["seconds"]), reverse=True)
    return (
        f"**This model** ({found['layers']} layers, D = {found['D']:,}), {found['n']} examples: density "
        f"**{1000 * density['seconds']:.3g} ms** in {density['steps']:,} steps that wait for each other, "
        f"sampling **{1000 * sampling['seconds']:.3g} ms** in {sampling['steps']:,}. The slow direction "
        f"takes {slow / max(quick, 1e-9):.0f} times as long. The curves are single layers, made up and timed "
        "on this machine at this moment, so they change a little each time."
    )


_STYLE = """<style>
.masks { display: flex; flex-wrap: wrap; gap: 1rem }
.masks figure { margin: 0 } .masks figcaption { font-size: 0.8rem }
.masks table { display: inline-table; border-collapse: collapse; margin: 0.3rem 0.5rem 0 0; width: auto }
.masks td { width: 1.1rem; height: 1.1rem; padding: 0; border: 1px solid rgb(128 128 128 / 50%) }
.masks td.full { background: light-dark(#CC79A7, #D98BB6) }
</style>"""
