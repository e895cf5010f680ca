"""The latent plane of a room: how to walk in it, and the choice of its axes and of its label."""

from __future__ import annotations

import streamlit as st

from engine import data
from engine.space import Picture
from lab.kit.room import Room
from lab.runs import store
from lab.runs.supervisor import supervisor

HANDS = (
    "In the latent plane: press to hold a z, drag to walk (with a finger: rest first); press the marker, or "
    "Escape, to let go. The key z holds the present place; then the arrow keys walk, with Shift five steps."
)


def latent_plane(room: Room) -> None:
    """How to walk in the plane, and, where there are more than two dimensions, a choice of its axes."""
    st.caption(HANDS)
    dimensions = store.read_info(store.folder(room.run)).config.get("z", 2)
    if dimensions < 3 or not room.live:
        return
    names = [f"z{n + 1}" for n in range(dimensions)] + ["principal direction 1", "principal direction 2"]
    values = [*range(dimensions), -1, -2]
    left, right, _ = st.columns([1, 1, 2])
    across = left.selectbox("Axis across", names, 0, key="axis_across")
    up = right.selectbox("Axis up", names, 1, key="axis_up")
    if across == up:
        st.error("Both axes are the same; choose two different ones.")
        return
    chosen = {which: float(values[names.index(name)]) for which, name in (("x", across), ("y", up))}
    supervisor().point(room.run, {"kind": "axes"} | chosen)


def label_of_plane(room: Room) -> None:
    """The label for which the plane is decoded, in a room whose decoder must be told one."""
    if not isinstance(room.space, Picture) or not room.live:
        return
    classes = data.load(store.read_info(store.folder(room.run)).data).space.classes
    chosen = st.select_slider("Label of the decoded plane", range(classes), 0, key="label_of_plane")
    supervisor().point(room.run, {"kind": "label", "x": float(chosen), "y": 0.0})
