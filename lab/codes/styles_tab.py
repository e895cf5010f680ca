"""A tool for the conditional VAE: the handwriting of one digit, carried over to all ten."""

from __future__ import annotations

import random

import streamlit as st

from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.pickers import data_of
from lab.kit.room import Room

ROWS = 6


def styles(room: Room) -> None:
    """Rows of digits that share a z and differ in their label."""
    st.markdown(
        "In each row, a test digit is encoded **with its own label**, and its z is then decoded with every "
        "label in turn. The label says which digit it is, so z keeps only how it is written. Slant, stroke "
        "and size should stay the same along a row. The lecture calls this style transfer."
    )
    end = len(data_of(room).test_x)
    chosen = st.session_state.setdefault("styles", [round(i * (end - 1) / ROWS) for i in range(ROWS)])
    st.button("Other digits", key="styles-another", on_click=_others, args=(end,), icon=":material/casino:")
    if answer := ask(room, "styles", index=[i for i in chosen if i < end]):
        rows: list[tuple[str, list[Figure]]] = []
        for picture, label, drawn in zip(
            answer["originals"], answer["labels"], answer["pictures"], strict=True
        ):
            first = not rows
            own = Figure(picture, "encoded" if first else "", f"test digit {label}")
            every = [Figure(p, str(k) if first else "", f"with label {k}") for k, p in enumerate(drawn)]
            rows.append(("", [own, *every]))
        strip(rows, columns=len(rows[0][1]))
        st.caption(
            "The first column is the test digit; the others show its z decoded with each label. To fix the "
            "label and vary z instead, choose *All codes at once*."
        )
        ask_again(answer, "styles-again")


def _others(end: int) -> None:
    st.session_state["styles"] = random.sample(range(end), min(ROWS, end))
