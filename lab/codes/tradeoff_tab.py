"""What a wall of VAEs pays for its KL: reconstruction against KL, a point for each member."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from engine.codes.base import KL, RECONSTRUCTION
from lab.kit.charts import show_chart

INK = {"light": ("#009E73", "#7B808C"), "dark": ("#2FBF94", "#9BA1AD")}  # latent green, and a quiet grey


def trade_off(axes: Mapping[str, Sequence[float]], row: Mapping[str, Any]) -> None:
    """Each member's distortion −E[log p(x|z)] over its rate KL, on test examples, and lines on which the
    ELBO is the same; nothing where there is no KL."""
    if KL not in row:
        return
    rate, distortion = row[KL], [None if r is None else -r for r in row[RECONSTRUCTION]]
    names = [", ".join(f"{k} {v:g}" for k, v in one) for one in _each(axes)]
    known = [
        (r, d, n) for r, d, n in zip(rate, distortion, names, strict=True) if r is not None and d is not None
    ]
    if not known:
        return
    ink, grey = INK[st.context.theme.type or "light"]
    figure = go.Figure()
    x0, x1 = 0.0, 1.1 * max(r for r, _, _ in known) + 0.1
    lows, highs = min(d for _, d, _ in known), max(d for _, d, _ in known)
    margin = 0.08 * (highs - lows) + 1e-6
    for total in _rounded(min(r + d for r, d, _ in known), max(r + d for r, d, _ in known)):
        line = {"color": grey, "width": 1, "dash": "dot"}
        figure.add_scatter(x=[x0, x1], y=[total - x0, total - x1], mode="lines", line=line, hoverinfo="skip")
        at = min(x1, total - lows + margin)
        figure.add_annotation(
            x=at, y=total - at, text=f"ELBO −{total:g}", showarrow=False, font={"size": 11, "color": grey},
            xanchor="right", yanchor="bottom",
        )  # fmt: skip
    order = sorted(known)
    xs, ys, texts = zip(*order, strict=True)
    figure.add_scatter(
        x=xs, y=ys, text=texts, mode="lines+markers+text", textposition="top right",
        line={"color": ink, "width": 2}, marker={"size": 10, "color": ink}, cliponaxis=False,
    )  # fmt: skip
    figure.update_xaxes(title="KL[q(z|x) ‖ p(z)], nats: what the code costs", range=[x0, x1])
    figure.update_yaxes(title="−E[log p(x|z)], nats: what is lost", range=[lows - margin, highs + margin])
    alt = f"Reconstruction against KL of {len(known)} members"
    show_chart(figure, "trade-off", alt, height=420, showlegend=False)
    st.caption(
        "Each point is a member, measured on test examples. A larger β moves it to the left: a cheaper "
        "code, and a worse reconstruction. On a dotted line the ELBO, which weighs both alike, is the "
        "same (β = 1): the best member is the one nearest to the lower left."
    )


def _each(axes: Mapping[str, Sequence[float]]) -> list[list[tuple[str, float]]]:
    """What each member has of its own, row by row."""
    found: list[list[tuple[str, float]]] = [[]]
    for name, values in axes.items():
        found = [[*before, (name, value)] for before in found for value in values]
    return found


def _rounded(low: float, high: float) -> list[float]:
    """Four round numbers or so from low to high."""
    step = 10 ** math.floor(math.log10(max(high - low, 1e-3)))
    step = next(s for s in (step / 5, step / 2, step, 2 * step, 5 * step) if (high - low) / s <= 5)
    first = math.ceil(low / step)
    return [step * i for i in range(first, math.floor(high / step) + 1)]
