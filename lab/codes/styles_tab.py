"""A tool of the conditional VAE: the handwriting of one digit, carried over to all ten."""

from __future__ import annotations

import random

import streamlit as st

from engine import data
from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.room import Room
from lab.runs import store

ROWS = 6


def styles(room: Room) -> None:
    st.markdown(
        "Each row: a test digit is encoded **with its own label**; its z is then decoded with every label "
        "in turn. The label says which digit, so all that z keeps is how it is written: slant, stroke and "
        "size should stay the same along a row. The lecture calls it style transfer."
    )
    end = len(data.load(store.read_info(store.folder(room.run)).data).test_x)
    chosen = st.session_state.setdefault("styles", [round(i * (end - 1) / ROWS) for i in range(ROWS)])
    st.button("Other digits", key="styles-another", on_click=_others, args=(end,), icon=":material/casino:")
    if found := ask(room, "styles", index=[i for i in chosen if i < end]):
        rows: list[tuple[str, list[Figure]]] = []
        for picture, label, drawn in zip(found["originals"], found["labels"], found["pictures"], strict=True):
            first = not rows
            own = Figure(picture, "encoded" if first else "", f"test digit {label}")
            every = [Figure(p, str(k) if first else "", f"with label {k}") for k, p in enumerate(drawn)]
            rows.append(("", [own, *every]))
        strip(rows, columns=len(rows[0][1]))
        st.caption(
            "First column: the test digit. Then what its z becomes with each label. To fix the label and "
            "walk z instead, choose *All codes at once*."
        )
        ask_again(found, "styles-again")


def _others(end: int) -> None:
    st.session_state["styles"] = random.sample(range(end), min(ROWS, end))
