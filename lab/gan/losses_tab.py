"""The tab of losses: all games with their formulas, G's losses against D(G(z)), and D's singular values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from engine.gan import losses as games
from engine.gan.base import TwoPlayers
from engine.gan.losses import (
    BELIEVING,
    LOSSES,
    SLOPE_AT_REAL,
    SLOPE_BETWEEN,
    discriminator_terms,
    generator_terms,
    gradient_penalty,
    r1,
)
from engine.nets.layers import SpectralLinear
from lab.gan.formulas import latex, summed
from lab.kit.answers import ask, ask_again
from lab.kit.charts import show_chart
from lab.kit.code import source
from lab.kit.palette import DARK, LIGHT, ink
from lab.kit.plain import link
from lab.kit.room import Room
from lab.runs import store

Batch = Mapping[str, Any]  # what `present` answers
DASHES = dict(zip(BELIEVING, ("dot", "dash", "dashdot", "longdash"), strict=True))
BARS = 100  # singular values that are drawn of one matrix
curves = cache(games.curves)


def losses(room: Room) -> None:
    """All games with their formulas and links, and what they do in the present run."""
    st.markdown(
        r"""
**Why not just play the game?** The game's own loss for G, $\log(1 - D(G(z)))$, is flat where D is sure of a
fake, just where G has most to learn. The *non-saturating* loss $-\log D(G(z))$ has the same direction, but is
steep there: its gradient is $(1 - D)/D$ times as strong.
"""
    )
    loss_picture(room)
    st.markdown(table(link(f"/{room.family.name}")))
    source((games, "LOSSES"), discriminator_terms, generator_terms, gradient_penalty, r1, TwoPlayers.bound)
    st.markdown(
        "**Spectral normalization** (a switch under Advanced) divides each weight matrix of D by its largest "
        "singular value, which keeps D's slope at 1 or less. One power iteration after each turn only "
        "estimates that value: after a large step of D the estimate is too small, and D is steeper for a "
        "while. These are the singular values of the present D:"
    )
    spectrum(room)
    source(SpectralLinear)


GAMES = [  # title, loss, penalty, the bound in words, and the rest of the address
    ("minimax (2014)", "minimax", "none", "", ""),
    ("non-saturating (2014)", "non-saturating", "none", "", ""),
    ("least squares (2017)", "least squares", "none", "", ""),
    ("hinge (2017)", "hinge", "none", "spectral norm", "&spectral=true"),
    ("Wasserstein (2017)", "Wasserstein", "weight clipping", "weights clipped to $[-c, c]$", "&k=5"),
    ("WGAN-GP (2017)", "Wasserstein", "gradient penalty", f"${latex(SLOPE_BETWEEN)}$", "&k=5"),
    ("R1 (2018)", "non-saturating", "R1", f"${latex(SLOPE_AT_REAL)}$", ""),
]


def table(address: str) -> str:
    """The games by their papers: what D and G descend, and a link that opens each at this address."""
    lines = ["| game | D descends | G descends | bound on D's slope | |", "|---|---|---|---|---|"]
    for title, loss, penalty, bound, more in GAMES:
        *of_D, of_G = LOSSES[loss].terms
        setting = f"?loss={loss}&penalty={penalty}{more}".replace(" ", "%20")
        lines.append(
            f"| {title} | ${summed(of_D)}$ | ${latex(of_G)}$ | {bound} | [open]({address}{setting}) |"
        )
    return "\n".join(lines) + _NOTES


_NOTES = rf"""

$\hat x$ lies between a real example and a fake, and the slopes $\nabla D$ are those of D's score. With
label smoothing D descends ${latex(LOSSES["minimax"].smoothed or "")}$ on real examples, or
${latex(LOSSES["least squares"].smoothed or "")}$ in the game of least squares. Every loss can be
combined with every bound. A Wasserstein loss needs one: its critic must be Lipschitz. It scores and does not
believe: the background is then blue where it scores higher than fakes on average, and orange where lower.
"""


@st.fragment
def loss_picture(room: Room) -> None:
    """G's losses and their gradients against D(G(z)): the run's own stands out, its batch lies on it."""
    loss = store.read_info(store.folder(room.run)).config["loss"]
    batch = ask(room, "present") if loss in BELIEVING else None
    left, right = st.columns(2)
    with left:
        _panel("What G descends: its loss", 1, loss, "model", batch)
    with right:
        _panel("How hard it pulls: |∂ loss / ∂ a|", 2, loss, "gradient", batch)
    st.caption(
        "a is D's score of a fake, and D(G(z)) = σ(a); with least squares D(G(z)) is a itself. The "
        "gradients of the non-saturating and of the least-squares loss are the same line."
    )
    st.markdown(_says(loss, batch))
    if batch:
        ask_again(room, batch, "present-again")


def _panel(title: str, row: int, loss: str, role: str, batch: Batch | None) -> None:
    figure = go.Figure()
    for name, curve in curves().items():
        own = {"color": ink(role), "width": 4} if name == loss else {"color": ink("critic"), "width": 2}
        line = own | {"dash": "solid" if name == loss else DASHES[name]}
        figure.add_scatter(x=curve[0], y=curve[row], name=name, mode="lines", line=line, zorder=name == loss)
    if batch:
        x = batch["belief"]
        y = np.interp(x, *curves()[loss][[0, row]])
        edge = {"width": 1, "color": ink("critic")}
        dots = {"color": ink("model"), "size": 9, "opacity": 0.5, "line": edge}
        figure.add_scatter(x=x, y=y, name="present batch", mode="markers", marker=dots, zorder=2)
        figure.add_vline(x=batch["mean"], line={"dash": "dot", "width": 1, "color": ink("model")})
    figure.update_xaxes(title="D(G(z))", range=[-0.02, 1.02])
    figure.update_yaxes(range=[-5, 5] if row == 1 else [-0.05, 1.15])
    show_chart(
        figure, f"losses-{row}", title, title=title, height=360,
        margin={"l": 8, "r": 8, "t": 44, "b": 8}, legend={"orientation": "h", "y": -0.25},
    )  # fmt: skip


def _says(loss: str, batch: Batch | None) -> str:
    if loss not in BELIEVING:
        return (
            "This run's **Wasserstein** critic scores without bounds, so its scores have no place on this "
            "axis. G descends −a, so its gradient is 1 everywhere, like that of the hinge loss."
        )
    if not batch:
        return ""
    mean, slopes = batch["mean"], batch["slopes"]
    others = f", that of this run's {loss} loss {slopes[loss]:.2f}" if loss not in BELIEVING[:2] else ""
    said = (
        f"In the present batch **D(G(z)) is {mean:.2f} on average**: the minimax gradient is "
        f"{slopes['minimax']:.2f} there, the non-saturating one {slopes['non-saturating']:.2f}{others}."
    )
    if mean < 0.2:
        said += " D sees through most fakes. Here G has most to learn, and minimax hardly pulls."
    return said


@st.fragment
def spectrum(room: Room) -> None:
    """The singular values of each weight matrix of D, as D uses it."""
    answer = ask(room, "spectrum")
    if not answer:
        return
    top = max(1.0, *(float(values[0]) for values in answer["values"]))
    rows = zip(answer["values"], answer["trained"], answer["estimate"], strict=True)
    st.html(_STYLE + "".join(_bars(i, *row, top) for i, row in enumerate(rows, 1)))
    st.markdown(_steepest(answer["steepest"]))
    ask_again(room, answer, "spectrum-again")


def _bars(i: int, values: np.ndarray, trained: float, estimate: float | None, top: float) -> str:
    drawn = f" ({BARS} are drawn)" if len(values) > BARS else ""
    several = f"{len(values)} singular values{drawn}; the largest is"
    says = f"Layer {i}: {several if len(values) > 1 else 'one singular value,'} {values[0]:.3f}"
    if estimate is not None:
        says += (
            f". In the matrix that is trained it is {trained:.4f}, which power iteration estimates as "
            f"{estimate:.4f}; the matrix is divided by that"
        )
    bars = "".join(f'<i style="height: {100 * value / top:.1f}%"></i>' for value in values[:BARS])
    one = f'<b style="bottom: {100 / top:.1f}%"></b>'
    return f'<p class="bars-of">{says}.</p><div class="bars" role="img" aria-label="{says}">{bars}{one}</div>'


def _steepest(product: float | None) -> str:
    line = "The dashed line is 1. "
    if product is not None:
        line += (
            f"The product of the largest ones is **{product:.3g}**: a step of length 1 in x changes D's "
            "score by no more than that. Spectral normalization keeps each of them near 1."
        )
    return line


_STYLE = f"""<style>
.bars-of {{ margin: 1rem 0 0.4rem }}
.bars {{ position: relative; display: flex; align-items: end; gap: 1px; height: 5rem; max-width: 40rem;
  border-bottom: 1px solid }}
.bars i {{ flex: 1; max-width: 2rem; background: light-dark({LIGHT["critic"]}, {DARK["critic"]}) }}
.bars b {{ position: absolute; left: 0; right: 0; border-top: 1px dashed }}
</style>"""
