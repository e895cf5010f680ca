"""Tools of the room of letters."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from lab.kit.answers import ask, ask_again
from lab.kit.charts import show_chart
from lab.kit.palette import ink
from lab.kit.pickers import data_of, number_of_z
from lab.kit.plain import plain
from lab.kit.room import Room


@st.fragment
def letters_tab(room: Room) -> None:
    """What comes next, and names that the model makes up."""
    names = data_of(room).labels
    region: dict[str, Any] = {}
    if names:
        region["label"] = int(
            st.selectbox("Region", range(len(names)), format_func=names.__getitem__, key="region")
        )
    start = st.text_input("Begin a name", "Кам", key="letters-start", max_chars=26)
    answer = ask(room, "next_letters", start=start, **region)
    if not answer:
        return
    figure = go.Figure()
    for name, key, role in (("net", "p", "model"), ("5-gram", "gram", "critic")):
        figure.add_bar(x=answer["letter"], y=answer[key], name=name, marker={"color": ink(role)})
    figure.update_yaxes(title="probability of the next letter")
    show_chart(figure, "letters-chart", "Probabilities of the next letter", height=260,
               legend={"orientation": "h", "y": 1.15})  # fmt: skip
    st.caption(f"∎ ends the name. log₂ p of the letters so far: {answer['log2_p']:.1f}".replace("-", "−"))
    left, right = st.columns(2)
    temperature = left.slider("Temperature", 0.0, 2.0, 1.0, 0.05, key="letters-temperature")
    with right:
        seed = number_of_z("Seed", "letters-seed", 0)
    if made := ask(room, "made_up", start=start, seed=seed, temperature=temperature, **region):
        told = [
            plain(f"{name} ✓" if known else name)
            for name, known in zip(made["names"], made["known"], strict=True)
        ]
        st.markdown(" · ".join(told))
        st.caption(
            f"✓ is in the register. {sum(made['known'])} of {len(told)} are: these were learned by heart, or "
            "guessed right."
        )
        ask_again(room, made, "letters-again")


@st.fragment
def regions_tab(room: Room) -> None:
    """Where a name may lie, by the rule of Bayes."""
    st.markdown(
        "A model of names given their region can be turned around: "
        r"$p(\text{region} \mid \text{name}) \propto p(\text{name} \mid \text{region}) \, p(\text{region})$."
    )
    if not data_of(room).labels:
        st.info("This model is told no regions: choose [the villages by region](?data=villages-by-region).")
        return
    name = st.text_input("A name", "Кам'янка", key="regions-name", max_chars=26)
    if not (answer := ask(room, "where_from", text=name.replace("'", "\u2019"))):
        return
    last = answer["p"][-1]
    order = np.argsort(last)
    figure = go.Figure()
    figure.add_bar(
        x=last[order],
        y=[answer["labels"][i] for i in order],
        orientation="h",
        marker={"color": ink("latent")},
    )
    figure.update_xaxes(title="p(region | name)")
    show_chart(figure, "regions-chart", "p(region | name)", height=520)
    ask_again(room, answer, "regions-again")
