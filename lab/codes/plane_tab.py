"""The latent plane of a room: how to walk in it, its axes, and its label."""

from __future__ import annotations

import streamlit as st

from engine.space import Picture
from lab.kit.pickers import latent_dimensions
from lab.kit.room import Room
from lab.runs.supervisor import supervisor

HANDS = (
    "In the latent plane, press to hold a z and drag to walk; with a finger, rest first. Press the marker, "
    "or Escape, to let go. The key z holds the present place. The arrow keys then walk; with Shift, five "
    "steps."
)


def latent_plane(room: Room) -> None:
    """How to walk in the plane and, if z has more than two dimensions, a choice of its axes."""
    st.caption(HANDS)
    dimensions = latent_dimensions(room)
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
    """The label with which the plane is decoded, in a room whose decoder is told one."""
    if not isinstance(room.space, Picture) or not room.live:
        return
    chosen = st.select_slider(
        "Label of the decoded plane", range(room.space.classes), 0, key="label_of_plane"
    )
    supervisor().point(room.run, {"kind": "label", "x": float(chosen), "y": 0.0})
