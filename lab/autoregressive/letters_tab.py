"""Tools of the room of letters: what comes next, names that are made up, and where a name may lie."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from lab.autoregressive.region_map import SHOWN, bars, region_map
from lab.kit.answers import ask, ask_again
from lab.kit.charts import show_chart
from lab.kit.palette import ink
from lab.kit.pickers import data_of, number_of_z
from lab.kit.plain import plain
from lab.kit.room import Room

APOSTROPHE = "\u2019"
APOSTROPHES = str.maketrans(dict.fromkeys("'`\u00b4\u2018\u02bc\u02b9", APOSTROPHE))
"""Keyboards have many, and the register has one."""


@st.fragment
def letters_tab(room: Room) -> None:
    """The next letter, and names that begin so."""
    names = data_of(room).labels
    region: dict[str, Any] = {}
    left, right = st.columns(2)
    start = left.text_input("Begin a name", "Кам", key="letters-start").lstrip().translate(APOSTROPHES)
    if names:
        region["label"] = int(
            right.selectbox("Region", range(len(names)), format_func=names.__getitem__, key="region")
        )
    temperature = st.slider("Temperature", 0.0, 2.0, 1.0, 0.05, key="letters-temperature")
    answer = ask(room, "next_letters", start=start, temperature=temperature, **region)
    if not answer:
        return
    figure = go.Figure()
    for name, key, role in (("net", "p", "model"), ("5-gram", "gram", "critic")):
        figure.add_bar(x=answer["letter"], y=answer[key], name=name, marker={"color": ink(role)})
    figure.update_yaxes(title="p of the next letter")
    figure.update_xaxes(type="category", tickfont={"size": 16}, tickangle=0)
    show_chart(figure, "letters-chart", "Probabilities of the next letter", height=210,
               legend={"orientation": "h", "y": 1.25})  # fmt: skip
    so_far = f"{-answer['log2_p']:.1f} bits for the letters so far. " if start else ""
    st.caption(f"{so_far}∎ ends the name. The 5-gram counts what followed the last four letters.")
    seed = number_of_z("Seed", "letters-seed", 0)
    if made := ask(room, "made_up", start=start, seed=seed, temperature=temperature, **region):
        told = [
            plain(name) if known else f"**{plain(name)}**"
            for name, known in zip(made["names"], made["known"], strict=True)
        ]
        st.markdown(" · ".join(told))
        new = len(told) - sum(made["known"])
        st.caption(
            f"**{new} of {len(told)} are new** (bold). The others are in the register: they were learned by "
            "heart, or guessed right."
        )
        ask_again(room, made, "letters-again")


@st.fragment
def regions_tab(room: Room) -> None:
    """Where a name may lie, by the rule of Bayes, letter by letter."""
    st.markdown(
        "The model is turned around: "
        r"$p(\text{region} \mid \text{name}) \propto p(\text{name} \mid \text{region}) \, p(\text{region})$."
    )
    if not data_of(room).labels:
        st.info("This model is told no regions: choose [the villages by region](?data=villages-by-region).")
        return
    name = st.text_input("A name", "Буківцьово", key="regions-name").strip().translate(APOSTROPHES)
    if not name:
        st.info("Write a name first.")
        return
    if not (answer := ask(room, "where_from", text=name)):
        return
    read = ["nothing", *(name[: i + 1] for i in range(len(name))), f"{name}∎"]
    if st.session_state.get("_regions-name") != name:  # of another name all is read
        st.session_state.update({"_regions-name": name, "regions-read": len(read) - 1})
    now = st.select_slider(
        "How much of it is read", range(len(read)), format_func=read.__getitem__, key="regions-read",
        help="∎ is the end of the name, which is a letter, too. At first only p(region) is known.",
    )  # fmt: skip
    p, before = answer["p"][int(now)], answer["p"][0]
    show_chart(region_map(p, answer["labels"], answer["towns"]), "regions-map",
               "Map of the regions, darker where the name is more probable", height=270,
               showlegend=False, margin={"l": 0, "r": 0, "t": 0, "b": 0})  # fmt: skip
    show_chart(bars(p, before, answer["labels"]), "regions-chart", "p(region | name)", height=40 + 23 * SHOWN,
               barmode="overlay", showlegend=False)  # fmt: skip
    likeliest = int(p.argmax())
    st.caption(
        f"Likeliest: {plain(answer['labels'][likeliest])}, p = {p[likeliest]:.2f}. Before the first letter "
        f"this was {before[likeliest]:.2f} (the grey line)."
    )
    ask_again(room, answer, "regions-again")
