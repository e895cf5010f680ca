"""Pictures for the tab of losses: each loss of G against D(G(z)), and the singular values of D."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from lab.gan.losses_probe import SHOWN, curves
from lab.kit.answers import ask, ask_again
from lab.kit.charts import show_chart
from lab.kit.room import Room
from lab.runs import store

# the roles of lab/stage/palette.js, which plotly cannot read
INK = {
    "light": {"model": "#D55E00", "gradient": "#CC79A7", "critic": "#7B808C"},
    "dark": {"model": "#E69F00", "gradient": "#D98BB6", "critic": "#9BA1AD"},
}
DASHES = dict(zip(SHOWN, ("dot", "dash", "dashdot", "longdash"), strict=True))
BARS = 100  # singular values that are drawn of one matrix
curves = cache(curves)


@st.fragment
def loss_picture(room: Room) -> None:
    """G's losses and their gradients against D(G(z)): the run's own stands out, its batch lies on it."""
    loss = store.read_info(store.folder(room.run)).config["loss"]
    batch = ask(room, "present") if room.live and loss in SHOWN else None
    ink = INK[st.context.theme.type or "light"]
    left, right = st.columns(2)
    with left:
        _panel("What G descends: its loss", 1, loss, ink["model"], ink, batch)
    with right:
        _panel("How hard it pulls: |∂ loss / ∂ a|", 2, loss, ink["gradient"], ink, batch)
    st.caption(
        "a is D's score of a fake, and D(G(z)) = σ(a); for least squares D(G(z)) is the score itself. "
        "The gradients of the non-saturating and the least-squares loss are the same line."
    )
    st.markdown(_says(loss, batch, room.live))
    if batch:
        ask_again(batch, "present-again")


def _panel(title: str, row: int, loss: str, colour: str, ink: dict[str, str], batch: Any) -> None:
    figure = go.Figure()
    for name, curve in curves().items():
        own = {"color": colour, "width": 4} if name == loss else {"color": ink["critic"], "width": 2}
        line = own | {"dash": "solid" if name == loss else DASHES[name]}
        figure.add_scatter(x=curve[0], y=curve[row], name=name, mode="lines", line=line, zorder=name == loss)
    if batch:
        x = batch["belief"]
        y = np.interp(x, *curves()[loss][[0, row]])
        dots = {
            "color": ink["model"],
            "size": 9,
            "opacity": 0.5,
            "line": {"width": 1, "color": ink["critic"]},
        }
        figure.add_scatter(x=x, y=y, name="present batch", mode="markers", marker=dots, zorder=2)
        figure.add_vline(x=batch["mean"], line={"dash": "dot", "width": 1, "color": ink["model"]})
    figure.update_xaxes(title="D(G(z))", range=[-0.02, 1.02])
    figure.update_yaxes(range=[-5, 5] if row == 1 else [-0.05, 1.15])
    show_chart(
        figure, f"losses-{row}", title, title=title, height=360,
        margin={"l": 8, "r": 8, "t": 44, "b": 8}, legend={"orientation": "h", "y": -0.25},
    )  # fmt: skip


def _says(loss: str, batch: Any, live: bool) -> str:
    if loss not in SHOWN:
        return (
            "This run's **Wasserstein** critic scores without bounds, so its scores have no place on this "
            "axis. G descends −a: its gradient is 1 everywhere, as the hinge loss's is."
        )
    if not batch:
        return "" if live else "This is a recording: press Train, and the present batch lies on the curve."
    mean, slopes = batch["mean"], batch["slopes"]
    others = f", that of this run's {loss} loss {slopes[loss]:.2f}" if loss not in SHOWN[:2] else ""
    said = (
        f"In the present batch **D(G(z)) is {mean:.2f} on average**: the minimax gradient is "
        f"{slopes['minimax']:.2f} there, the non-saturating one {slopes['non-saturating']:.2f}{others}."
    )
    if mean < 0.2:
        said += " D sees through most fakes: just where G has most to learn, minimax hardly pulls."
    return said


@st.fragment
def spectrum(room: Room) -> None:
    """The singular values of each weight matrix of D, as it is used."""
    found = ask(room, "spectrum")
    if not found:
        return
    top = max(1.0, *(float(values[0]) for values in found["values"]))
    rows = zip(found["values"], found["trained"], found["estimate"], strict=True)
    st.html(_STYLE + "".join(_bars(i, *row, top) for i, row in enumerate(rows, 1)))
    st.markdown(_steepest(found))
    ask_again(found, "spectrum-again")


def _bars(i: int, values: np.ndarray, trained: float, estimate: float | None, top: float) -> str:
    drawn = f", of which {BARS} are drawn" if len(values) > BARS else ""
    several = f"{len(values)} singular values{drawn}; the largest is"
    says = f"Layer {i}: {several if len(values) > 1 else 'one singular value,'} {values[0]:.3f}"
    if estimate is not None:
        says += (
            f". The trained matrix has {trained:.4f}; power iteration estimates {estimate:.4f}, by which it "
            "is divided"
        )
    bars = "".join(f'<i style="height: {100 * value / top:.1f}%"></i>' for value in values[:BARS])
    one = f'<b style="bottom: {100 / top:.1f}%"></b>'
    return f'<p class="bars-of">{says}.</p><div class="bars" role="img" aria-label="{says}">{bars}{one}</div>'


def _steepest(found: dict[str, Any]) -> str:
    line = "The dashed line is 1. "
    if found["steepest"] is None:
        return line
    return line + (
        f"The product of the largest ones is **{found['steepest']:.3g}**: a step of length 1 in x changes "
        "D's score by no more than that. Spectral normalization makes each of them 1."
    )


_STYLE = """<style>
.bars-of { margin: 1rem 0 0.4rem }
.bars { position: relative; display: flex; align-items: end; gap: 1px; height: 5rem; max-width: 40rem;
  border-bottom: 1px solid }
.bars i { flex: 1; max-width: 2rem; background: light-dark(#7B808C, #9BA1AD) }
.bars b { position: absolute; left: 0; right: 0; border-top: 1px dashed }
</style>"""
