"""What a noise schedule does, in a chart and in numbers; and which noise levels are hard to learn."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from engine.diffusion import schedule
from engine.diffusion.base import BY_LEVEL
from lab.diffusion.films_tab import config_of
from lab.kit.charts import show_chart
from lab.kit.numbers import short
from lab.kit.palette import DARK, LIGHT, ink
from lab.kit.room import Room
from lab.runs import store

DASHES = {"linear": "longdash", "cosine": "dash", "sigmoid": "dot"}
TOO_MUCH = 0.01  # share of x_0's variance left at T


def schedules(room: Room) -> None:
    """Alpha_bar_t of this run's schedule among the others, and two statements about it in numbers."""
    c = config_of(room)
    T, kept = c["T"], schedule.alpha_bar(c["schedule"], c["T"], c["scaled"])
    figure = go.Figure()
    for name in DASHES:
        values, title = schedule.alpha_bar(name, T), name
        line = {"color": ink("critic"), "width": 1.5, "dash": DASHES[name]}
        if name == c["schedule"]:
            values, title, line = kept, f"{name} (this run)", {"color": ink("data"), "width": 3}
        figure.add_scatter(x=list(range(T + 1)), y=values.tolist(), mode="lines", line=line, name=title)
    figure.update_xaxes(title="t", range=[0, T])
    figure.update_yaxes(title="ᾱₜ, the remaining share of the variance of x₀", range=[0, 1.02])
    alt = f"alpha-bar over t from 0 to {T} for the schedules {', '.join(DASHES)}"
    show_chart(figure, "schedules", alt, height=320, legend={"x": 1, "xanchor": "right", "y": 1})
    st.markdown(left_at_the_end(kept[-1].item(), T) + "\n\n" + agree(kept.tolist(), schedule.by_steps(kept)))


def left_at_the_end(last: float, T: int) -> str:
    """The value of alpha_bar_T, and whether it is small enough."""
    says = (
        rf"At the end $\bar\alpha_{{{T}}} = {short(last)}$, so the signal-to-noise ratio $\bar\alpha / (1 - "
        rf"\bar\alpha)$ is {short(last / (1 - last))}. "
    )
    if last > TOO_MUCH:
        return says + (
            r"**That is too much**: the walk back begins at $\mathcal N(0, \mathbf I)$, but $x_T$ still "
            r"depends on $x_0$. A schedule designed for 1,000 steps must be rescaled for fewer steps."
        )
    return says + r"So $x_T$ is practically $\mathcal N(0, \mathbf I)$, where the walk back begins."


def agree(kept: Sequence[float], way: Sequence[tuple[float, float]]) -> str:
    """Mean and variance of x_t given x_0: by one jump with alpha_bar `kept`, and by single steps, `way`."""
    t = len(kept) // 2
    apart = max(max(abs(f - math.sqrt(a)), abs(v - (1 - a))) for (f, v), a in zip(way, kept, strict=True))
    return (
        rf"**Both ways agree.** At $t = {t}$, single steps give $x_t = {way[t][0]:.4f}\, x_0$ plus noise of "
        rf"variance ${way[t][1]:.4f}$. One jump gives $\sqrt{{\bar\alpha_{{{t}}}}} = "
        rf"{math.sqrt(kept[t]):.4f}$ and $1 - \bar\alpha_{{{t}}} = {1 - kept[t]:.4f}$. Over all $t$ they "
        rf"differ by at most {short(apart)}, which is rounding."
    )


@st.fragment
def hard(room: Room) -> None:
    """Bars of the error of eps at ten levels of t, from the last measurement."""
    st.button("Look again", key="hard-again", icon=":material/refresh:")
    path, measured = store.folder(room.run) / "metrics.jsonl", json.dumps(str(BY_LEVEL)).encode()
    rows = store.rows(path, having=(measured,))
    if not rows:
        st.info("There is no measurement yet: let the model train for some rounds, then look again.")
        return
    values, T = rows[-1][BY_LEVEL], config_of(room)["T"]
    bars = []
    for i, value in enumerate(values):
        low, high = round(i / len(values) * T) + 1, round((i + 1) / len(values) * T)
        words = f"t = {low}" if high <= low else f"t = {low} … {high}"
        share = 100 * min(1.0, value / max(*values, 1.0))
        bars.append(f'<div><span>{words}</span><i style="width: {share:.0f}%"></i><b>{value:.3f}</b></div>')
    st.html(f'{_STYLE}<div class="levels" role="img" aria-label="error by noise level">{"".join(bars)}</div>')
    st.caption(
        f"Mean squared error of each number of ε on test data around round {rows[-1]['round']:,}. Always "
        "predicting ε = 0 gives 1."
    )


_STYLE = f"""<style>
.levels {{ display: grid; gap: 0.25rem; max-width: 40rem; font-variant-numeric: tabular-nums }}
.levels div {{ display: grid; grid-template-columns: 7.5rem 1fr 4rem; align-items: center; gap: 0.5rem }}
.levels i {{ height: 0.9rem; border-radius: 2px; background: light-dark({LIGHT["model"]}, {DARK["model"]}) }}
.levels b {{ text-align: right; font-weight: 600 }}
</style>"""
