"""The tabs of autoregressive flows: their masks, and the fast and the slow direction."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from engine.space import Picture
from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.charts import show_chart
from lab.kit.numbers import short, subscript
from lab.kit.palette import DARK, LIGHT, ink
from lab.kit.pickers import wanted
from lab.kit.room import Room

ROLES = {"density": "model", "sampling": "latent"}  # the colours of the two directions


@st.fragment
def masks_tab(room: Room) -> None:
    """Which number may depend on which."""
    st.markdown(
        "One net gives all $\\mu_i$ and $s_i$ in one pass, although $\\mu_i$ may depend only on the numbers "
        "**before** $i$. **Masks** ensure this: weights that would let a number see itself or later numbers "
        "are multiplied by 0 (MADE, Germain et al. 2015). So the Jacobian is triangular when its rows and "
        "columns are in the order of the layer, and its determinant is the product of the diagonal."
    )
    asked: dict[str, Any] = {}
    if isinstance(room.space, Picture):
        (_, H, W), (left, right) = room.space.shape, st.columns(2)
        row = left.slider("Row of the pixel", 1, H, 15, key="mask-row")
        column = right.slider("Column of the pixel", 1, W, 15, key="mask-column")
        asked["pixel"] = (row - 1) * W + column - 1
    if answer := ask(room, "masks", **asked):
        show = of_pixel if isinstance(room.space, Picture) else of_points
        show(answer)
        ask_again(room, answer, "masks-again")


def of_pixel(answer: dict[str, Any]) -> None:
    """What one pixel sees in each layer."""
    figures = []
    for number in range(1, answer["layers"] + 1):
        mask = answer[f"mask/{number}"]
        place = np.unravel_index(answer["pixel"], mask.shape)
        seen = int((mask > 0).sum())
        coloured = np.repeat(mask[:, :, None], 3, 2) // 2
        coloured[place] = tuple(bytes.fromhex(DARK["model"][1:]))  # on a dark picture in every theme
        figures.append(Figure(coloured, f"layer {number}\nsees {seen}", f"layer {number} sees {seen} pixels"))
    strip([("The orange pixel may see the grey ones", figures)], columns=6, least=72, most=128)
    size = answer["D"]
    st.caption(
        f"The mask of all {size} numbers is a matrix of {size} × {size}; this is one of its rows, arranged "
        "as a picture. With the alternating order every other layer begins at the other end, so together all "
        "pixels can depend on all others. A net that is narrower than the picture does not have a unit for "
        "each pixel, so a pixel does not see those just before it."
    )


def of_points(answer: dict[str, Any]) -> None:
    """Small matrices: the mask of each layer, and where its Jacobian may differ from 0."""
    cells = []
    for number in range(1, answer["layers"] + 1):
        order = " → ".join(f"x{subscript(int(i) + 1)}" for i in np.argsort(answer[f"order/{number}"]))
        cells.append(
            f"<figure><figcaption><b>Layer {number}</b><br>{escape(order)}</figcaption>"
            f"{matrix(answer[f'mask/{number}'], 'mask')}{matrix(answer[f'jacobian/{number}'], 'Jacobian')}"
            "</figure>"
        )
    together = matrix(answer["jacobian/all"], "Jacobian")
    cells.append(f"<figure><figcaption><b>All layers</b><br>together</figcaption>{together}</figure>")
    st.html(f'{_STYLE}<div class="masks">{"".join(cells)}</div>')
    st.caption(
        "The cell in row i and column j is filled where the i-th number may depend on the j-th. On the left "
        "is the mask of the nets, on the right ∂z/∂x, which also has the diagonal. With the alternating "
        "order the triangle lies above the diagonal in one layer and below it in the next, so all layers "
        "together fill the matrix. With the order “none” it stays a triangle, and the first number never "
        "sees the others."
    )


def matrix(mask: np.ndarray, name: str) -> str:
    """A table of filled and empty cells."""
    rows = "".join(
        "<tr>" + "".join(f'<td class="{"full" if cell else ""}"></td>' for cell in row) + "</tr>"
        for row in mask
    )
    filled = int((mask > 0).sum())
    return f'<table role="img" aria-label="{name}: {filled} of {mask.size} may differ from 0">{rows}</table>'


# --- fast and slow -------------------------------------------------------------------------------


@st.fragment
def speeds_tab(room: Room) -> None:
    """MAF against IAF: the seconds of both directions over D, measured now on this machine."""
    st.markdown(
        "These are the same map in opposite directions. **MAF** is given $x$ and finds all $z_i$ in one "
        "pass, so its density is fast. To sample, it needs $x_1$ before it can find $x_2$, and so on: D "
        "steps that wait for each other. **IAF** is the inverse map: a sample takes one pass, and the "
        "density of a given $x$ takes D steps."
    )
    if not wanted(room, "speeds-go", "Measure it here", "timer", "It takes a few seconds."):
        return
    if answer := ask(room, "speeds"):
        draw(answer["curves"])
        st.markdown(own(answer))
        ask_again(room, answer, "speeds-again")


def draw(curves: dict[str, list[float]]) -> None:
    """Seconds over D, both on logarithmic scales."""
    figure = go.Figure()
    for name, dash in (("MAF", "solid"), ("IAF", "dash")):
        for way, role in ROLES.items():
            figure.add_scatter(
                x=curves["D"], y=[1000 * s for s in curves[f"{name} {way}"]], name=f"{name}: {way}",
                mode="lines+markers", line={"color": ink(role), "dash": dash}, marker={"color": ink(role)},
            )  # fmt: skip
    figure.update_xaxes(type="log", title="D, numbers of an example", tickvals=curves["D"])
    figure.update_yaxes(type="log", title="milliseconds", dtick=1)
    show_chart(
        figure, "speeds-chart", "Time of density and sampling of MAF and IAF over D", height=380,
        legend={"orientation": "h", "y": -0.25},
    )  # fmt: skip


def own(answer: dict[str, Any]) -> str:
    """The times of this room's model in words."""
    density, sampling = answer["density"], answer["sampling"]
    slow, quick = sorted((density["seconds"], sampling["seconds"]), reverse=True)
    return (
        f"**This model** ({answer['layers']} layers, D = {answer['D']:,}), {answer['n']} examples: the "
        f"density takes **{short(1000 * density['seconds'])} ms** in {density['steps']:,} steps that wait "
        f"for each other, sampling **{short(1000 * sampling['seconds'])} ms** in {sampling['steps']:,}. The "
        f"slow direction takes {slow / max(quick, 1e-9):.0f} times as long. The curves are for single "
        "untrained layers, timed on this machine just now, so they change a little each time."
    )


_STYLE = f"""<style>
.masks {{ display: flex; flex-wrap: wrap; gap: 1rem }}
.masks figure {{ margin: 0 }} .masks figcaption {{ font-size: 0.8rem }}
.masks table {{ display: inline-table; border-collapse: collapse; margin: 0.3rem 0.5rem 0 0; width: auto }}
.masks td {{ width: 1.1rem; height: 1.1rem; padding: 0; border: 1px solid rgb(128 128 128 / 50%) }}
.masks td.full {{ background: light-dark({LIGHT["gradient"]}, {DARK["gradient"]}) }}
</style>"""
