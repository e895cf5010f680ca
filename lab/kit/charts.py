"""How the charts that a tab draws are shown."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st


def show_chart(figure: go.Figure, key: str, alt: str, **layout: Any) -> None:
    """A chart in which nothing is dragged or zoomed. `layout` is plotly's; `alt` is read aloud."""
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(fixedrange=True)
    figure.update_layout({"margin": {"l": 8, "r": 8, "t": 24, "b": 8}, "dragmode": False} | layout)
    st.plotly_chart(figure, key=key, config={"displayModeBar": False}, alt=alt)
