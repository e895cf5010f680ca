"""Tools of the conditional GAN: show one label of points; ask for a digit, or for one between two."""

from __future__ import annotations

import streamlit as st

from engine import data
from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.room import Room
from lab.runs import store
from lab.runs.supervisor import supervisor


def label_shown(room: Room) -> None:
    """A slider that chooses the label whose fakes, real points and belief are on the stage."""
    classes = data.load(store.read_info(store.folder(room.run)).data).space.classes
    options = ["all", *map(str, range(classes))]
    chosen = st.select_slider("Label shown", options, "all", key="label_shown")
    label = -1 if chosen == "all" else int(chosen)
    if room.live:
        supervisor().point(room.run, {"kind": "label", "x": float(label), "y": 0.0})


def ask_for_labels(room: Room) -> None:
    """Pictures of one label or of a mixture of two: G's one-hot input need not be one-hot."""

    @st.fragment
    def show() -> None:
        left, middle, right = st.columns(3)
        a = left.slider("Label", 0, 9, 3, key="label_a")
        b = middle.slider("Second label", 0, 9, 8, key="label_b")
        share = right.slider("Share of the second label", 0.0, 1.0, 0.0, 0.05, key="label_share")
        found = ask(room, "mixture", a=a, b=b, share=share)
        if found is None:
            return
        strip([("", [Figure(picture) for picture in found["pictures"]])], columns=8)
        st.caption(
            "Sixteen noise vectors z, the same at every setting: the label changes which digit is drawn, "
            "and z its handwriting. Between two labels G was never trained; see whether it morphs or jumps."
        )
        ask_again(found, "labels_again")

    show()
