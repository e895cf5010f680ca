"""The tab "Do more with it": complete a digit, begin at a drawing, between two noises, guided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from engine.space import Picture
from lab.diffusion.films_tab import known, show
from lab.kit.pickers import number_of_z, one_of, test_picture_number
from lab.kit.room import Room

MASKS = {"left": "the left half", "right": "the right half", "top": "the upper half",
         "bottom": "the lower half", "middle": "the middle"}  # fmt: skip
TWO = {"x_t": "xₜ", "x0": "what the model takes x₀ to be"}


def remake(room: Room) -> None:
    """The tools, one at a time."""
    tools: dict[str, Callable[[Room], None]] = {"Between two noises": between}
    if isinstance(room.space, Picture):
        tools = {"Complete a digit": complete, "Begin at a drawing": redraw} | tools
        if known(room).classes:
            tools["More and more guided"] = guided
    one_of(room, tools, "remake-tool")
    if not isinstance(room.space, Picture):
        st.caption("There is more to do with pictures: choose Digits as the data.")


def label_of(room: Room, key: str, otherwise: str) -> dict[str, Any]:
    """The label to ask for, where the model was told labels; `otherwise` is what happens without one."""
    classes = known(room).classes
    if not classes:
        return {}
    chosen = st.selectbox("Label", [otherwise, *map(str, range(classes))], key=key, width=160)
    return {} if chosen == otherwise else {"label": int(str(chosen))}


def complete(room: Room) -> None:
    st.markdown(
        "A test digit with a part hidden. At every level $t$ the known part is noised as the forward process "
        "would have it and put back, and the walk fills in the rest so that it fits (RePaint, Lugmayr et al. "
        "2022: each step is taken back and made again once). Nothing is trained for this. Each square starts "
        "from another noise: another way to complete it."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        index = test_picture_number(room, "Test picture", "complete-index", 7)
        mask = st.selectbox("Hidden", MASKS, format_func=MASKS.__getitem__, key="complete-mask", width=200)
        seed = number_of_z("Seed of the noise", "complete-seed", 0)
    row = {"title": "", "ask": "inpaint", "with": {"index": index, "mask": mask, "seed": seed}}
    screens = {"known": "what is known", "whole": "the digit itself"}
    show(room, "complete", [row], TWO | screens)


def redraw(room: Room) -> None:
    st.markdown(
        "Your drawing is noised up to level $t$ in one jump, and from there the walk goes back (SDEdit, Meng "
        "et al. 2022). A small $t$ keeps your strokes; a large one keeps little more than where the ink is."
    )
    T = known(room).config["T"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        t = st.slider("Level t to begin at", 1, T, round(0.6 * T), key="redraw-t", width=280)
        asked = label_of(room, "redraw-label", "none")
        seed = number_of_z("Seed of the noise", "redraw-seed", 0)
    row = {"title": "", "ask": "redraw", "with": {"t": t, "seed": seed} | asked}
    show(room, "redraw", [row], TWO | {"known": "your drawing"}, pad={"name": "picture"})


def between(room: Room) -> None:
    st.markdown(
        "Two noises $x_T$ and those on the arc between them, each walked back with no new noise added, so "
        "that $x_T$ alone decides where it ends. The arc keeps the length of $x_T$ as noise has it; on a "
        "straight line it would be too short in the middle."
        + (" Each row of pictures goes from one noise to another." if isinstance(room.space, Picture) else "")
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        a = number_of_z("Seed of the first noise", "between-a", 1)
        b = number_of_z("Seed of the last noise", "between-b", 2)
        asked = label_of(room, "between-label", "all in turn")
    row = {"title": "", "ask": "between", "with": {"seed_a": a, "seed_b": b} | asked}
    show(room, "between", [row], TWO)


def guided(room: Room) -> None:
    st.markdown(
        "Each column is one label, 0 to 9; each row one scale of guidance, from above $s = 0, 1, 2, 4, 8$; "
        "all start from the same noise. The net is asked for $\\varepsilon(x_t) + s\\,(\\varepsilon(x_t, y) "
        "- \\varepsilon(x_t))$. With $s = 0$ the label is not heard, with $s = 1$ it counts as learned; "
        "beyond, digits become surer and more alike."
    )
    seed = number_of_z("Seed of the noise", "guided-seed", 0)
    show(room, "guided", [{"title": "", "ask": "guided", "with": {"seed": seed}}], TWO, large=None)
