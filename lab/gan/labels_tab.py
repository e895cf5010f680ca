"""Choosing labels: which one a tool draws, which points are on the stage, a mixture of two."""

from __future__ import annotations

import streamlit as st

from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.room import Room
from lab.runs.supervisor import supervisor


def one_label(room: Room, key: str) -> dict[str, int]:
    """What a question says about the label: the visitor's choice, or nothing in a game without labels."""
    if not room.family.labelled:
        return {}
    return {"label": st.selectbox("Label", range(room.space.classes), key=f"{key}-label", width=160)}


def label_shown(room: Room) -> None:
    """A slider that chooses the label whose fakes, real points and belief are on the stage."""
    options = ["all", *map(str, range(room.space.classes))]
    chosen = st.select_slider("Label shown", options, "all", key="label_shown")
    label = -1 if chosen == "all" else int(chosen)
    if room.live:
        supervisor().point(room.run, {"kind": "label", "x": float(label), "y": 0.0})


@st.fragment
def ask_for_labels(room: Room) -> None:
    """Pictures of one label or of a mixture of two: G's one-hot input need not be one-hot."""
    last = max(1, room.space.classes - 1)
    left, middle, right = st.columns(3)
    a = left.slider("Label", 0, last, min(3, last), key="label_a")
    b = middle.slider("Second label", 0, last, min(8, last), key="label_b")
    share = right.slider("Share of the second label", 0.0, 1.0, 0.0, 0.05, key="label_share")
    if answer := ask(room, "mixture", a=a, b=b, share=share):
        strip([("", [Figure(picture) for picture in answer["pictures"]])], columns=8)
        st.caption(
            "Sixteen noise vectors z, the same at every setting. The label decides which digit is drawn, and "
            "z its handwriting. G was never trained between two labels; see whether the digits morph or jump."
        )
        ask_again(answer, "labels_again")
