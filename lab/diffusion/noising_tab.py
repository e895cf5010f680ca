"""What a noise schedule does, in a chart and in numbers; and which levels of noise are hard to learn."""

from __future__ import annotations

import math
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from torch import Tensor

from engine.diffusion import schedule
from lab.diffusion.films_tab import known
from lab.kit.charts import show_chart
from lab.kit.room import Room
from lab.runs import store

INK = {"light": ("#0072B2", "#7B808C"), "dark": ("#56B4E9", "#9BA1AD")}  # data blue, and a quiet grey
DASHES = {"linear": "longdash", "cosine": "dash", "sigmoid": "dot"}
TOO_MUCH = 0.01  # of x_0's variance, left at T


def schedules(room: Room) -> None:
    """alpha_bar_t of this run's schedule among the others, what is left at T, and that both ways to x_t
    agree."""
    c = known(room).config
    T, kept = c["T"], schedule.alpha_bar(c["schedule"], c["T"], c["scaled"])
    blue, grey = INK[st.context.theme.type or "light"]
    figure = go.Figure()
    for name in DASHES:
        own = name == c["schedule"]
        values = kept if own else schedule.alpha_bar(name, T)
        line = {
            "color": blue if own else grey,
            "width": 3 if own else 1.5,
            "dash": "solid" if own else DASHES[name],
        }
        figure.add_scatter(
            x=list(range(T + 1)), y=values.tolist(), mode="lines", line=line,
            name=f"{name}{' (this run)' if own else ''}",
        )  # fmt: skip
    figure.update_xaxes(title="t", range=[0, T])
    figure.update_yaxes(title="ᾱₜ, share of x₀'s variance that is left", range=[0, 1.02])
    alt = f"alpha-bar over t from 0 to {T} for the schedules {', '.join(DASHES)}"
    show_chart(figure, "schedules", alt, height=320, legend={"x": 1, "xanchor": "right", "y": 1})
    st.markdown(left_at_the_end(kept[-1].item(), T) + "\n\n" + agree(kept))


def left_at_the_end(last: float, T: int) -> str:
    """alpha_bar_T, and whether it is small enough."""
    snr = last / (1 - last)
    says = (
        rf"At the end, $\bar\alpha_{{{T}}} = {number(last)}$: the signal-to-noise ratio $\bar\alpha / (1 -"
        rf"\bar\alpha)$ is {number(snr)}. "
    )
    if last > TOO_MUCH:
        return says + (
            r"**That is too much**: the walk back begins at $\mathcal N(0, \mathbf I)$, but $x_T$ still "
            r"knows where $x_0$ was. A schedule made for 1,000 steps must be stretched when there are fewer."
        )
    return says + r"So $x_T$ is practically $\mathcal N(0, \mathbf I)$, where the walk back begins."


def agree(alpha_bar: Tensor) -> str:
    """The variance of x_t given x_0 by small steps and by one jump, in the middle and where they differ
    most."""
    kept, way = alpha_bar.tolist(), schedule.by_steps(alpha_bar)
    t = len(kept) // 2
    apart = max(max(abs(f - math.sqrt(a)), abs(v - (1 - a))) for (f, v), a in zip(way, kept, strict=True))
    return (
        rf"**Both ways agree.** At $t = {t}$, step by step: $x_t = {way[t][0]:.4f}\, x_0$ plus noise of "
        rf"variance ${way[t][1]:.4f}$. In one jump: $\sqrt{{\bar\alpha_{{{t}}}}} = {math.sqrt(kept[t]):.4f}$ "
        rf"and $1 - \bar\alpha_{{{t}}} = {1 - kept[t]:.4f}$. Over all $t$ they differ by at most "
        rf"{number(apart)}, a rounding."
    )


def number(value: float) -> str:
    """A positive number with two digits that count, in LaTeX-free words."""
    if value == 0:
        return "0"
    if value >= 1e-3:
        return f"{value:.2g}"
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits} · 10{str(int(power)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


# --- the loss at each level ----------------------------------------------------------------------


@st.fragment
def hard(room: Room) -> None:
    """Bars of the error of eps at ten levels of t, as last measured."""
    st.button("Look again", key="hard-again", icon=":material/refresh:")
    found = measured(room)
    if found is None:
        st.info("No measurement yet: let the model train for some rounds, then look again.")
        return
    values, T = found["loss by t"], known(room).config["T"]
    rows = []
    for i, value in enumerate(values):
        low, high = round(i / len(values) * T) + 1, round((i + 1) / len(values) * T)
        words = f"t = {low}" if high <= low else f"t = {low} … {high}"
        share = 100 * min(1.0, value / max(*values, 1.0))
        rows.append(f'<div><span>{words}</span><i style="width: {share:.0f}%"></i><b>{value:.3f}</b></div>')
    st.html(
        f'{_STYLE}<div class="levels" role="img" aria-label="error by level of noise">{"".join(rows)}</div>'
    )
    st.caption(
        f"Mean squared error of ε on test data around round {found['round']:,}, a number; 1 is what it costs "
        f"to guess "
        "ε = 0 always."
    )


def measured(room: Room) -> dict[str, Any] | None:
    """The newest row of a run's metrics that has the loss by t."""
    path = store.folder(room.run) / "metrics.jsonl"
    rows = store.rows(path, having=(b'"loss by t"',))
    return rows[-1] if rows else None


_STYLE = """<style>
.levels { display: grid; gap: 0.25rem; max-width: 40rem; font-variant-numeric: tabular-nums }
.levels div { display: grid; grid-template-columns: 7.5rem 1fr 4rem; align-items: center; gap: 0.5rem }
.levels i { height: 0.9rem; border-radius: 2px; background: light-dark(#D55E00, #E69F00) }
.levels b { text-align: right; font-weight: 600 }
</style>"""
