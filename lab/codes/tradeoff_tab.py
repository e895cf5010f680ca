"""The trade-off in a wall of VAEs: reconstruction against KL, with a point for each member."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from engine.codes.base import KL, RECONSTRUCTION
from lab.kit.charts import show_chart
from lab.kit.palette import ink


def trade_off(axes: Mapping[str, Sequence[float]], row: Mapping[str, Any]) -> None:
    """The distortion −E[log p(x|z)] of each member against its rate, the KL, on test examples, if the row has
    them. Dotted lines join places of equal ELBO."""
    if KL not in row:
        return
    members = (zip(axes, values, strict=True) for values in product(*axes.values()))  # row by row
    names = [", ".join(f"{knob} {value:g}" for knob, value in member) for member in members]
    known = [
        (rate, -restored, name)
        for rate, restored, name in zip(row[KL], row[RECONSTRUCTION], names, strict=True)
        if rate is not None and restored is not None
    ]
    if not known:
        return
    green, grey = ink("latent"), ink("critic")
    figure = go.Figure()
    rates, lost, texts = zip(*sorted(known), strict=True)
    x0, x1, low, high = 0.0, 1.1 * max(rates) + 0.1, min(lost), max(lost)
    margin = 0.08 * (high - low) + 1e-6
    totals = [rate + distortion for rate, distortion, _ in known]
    for total in _rounded(min(totals), max(totals)):
        line = {"color": grey, "width": 1, "dash": "dot"}
        figure.add_scatter(x=[x0, x1], y=[total - x0, total - x1], mode="lines", line=line, hoverinfo="skip")
        at = min(x1, total - low + margin)
        figure.add_annotation(
            x=at, y=total - at, text=f"ELBO −{total:g}", showarrow=False, font={"size": 11, "color": grey},
            xanchor="right", yanchor="bottom",
        )  # fmt: skip
    figure.add_scatter(
        x=rates, y=lost, text=texts, mode="lines+markers+text", textposition="top right",
        line={"color": green, "width": 2}, marker={"size": 10, "color": green}, cliponaxis=False,
    )  # fmt: skip
    figure.update_xaxes(title="KL[q(z|x) ‖ p(z)], nats: what the code costs", range=[x0, x1])
    figure.update_yaxes(title="−E[log p(x|z)], nats: what is lost", range=[low - margin, high + margin])
    alt = f"Reconstruction against KL of {len(known)} members"
    show_chart(figure, "trade-off", alt, height=420, showlegend=False)
    st.caption(
        "Each point is a member, measured on test examples. A larger β moves it to the left: the code is "
        "cheaper, and the reconstruction worse. The ELBO weights both equally (β = 1), and is the same "
        "everywhere on a dotted line. The member with the best ELBO lies furthest to the lower left."
    )


def _rounded(low: float, high: float) -> list[float]:
    """About four round numbers from low to high."""
    step = 10 ** math.floor(math.log10(max(high - low, 1e-3)))
    step = next(s for s in (step / 5, step / 2, step, 2 * step, 5 * step) if (high - low) / s <= 5)
    first = math.ceil(low / step)
    return [step * i for i in range(first, math.floor(high / step) + 1)]
