"""The tab "Do more with it": complete a digit, begin at a drawing, between two noises, guided."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lab.kit.explore import number_of_z, one_of, test_picture_number
from lab.kit.films import known, show
from lab.kit.room import Room

MASKS = {"left": "the left half", "right": "the right half", "top": "the upper half",
         "bottom": "the lower half", "middle": "the middle"}  # fmt: skip


def remake(room: Room) -> None:
    """The tools, one at a time."""
    if room.kind != "image":
        st.info("These tools are for pictures: choose Digits, or pictures of your own, as the data.")
        return
    tools = {
        "Complete a digit": complete,
        "Begin at a drawing": redraw,
        "Between two noises": between,
        "More and more guided": guided,
    }
    if not known(room).classes:
        del tools["More and more guided"]
    one_of(room, tools, "remake-tool")


def label_of(room: Room, key: str) -> dict[str, Any]:
    """The label to ask for, where the model was told labels."""
    classes = known(room).classes
    if not classes:
        return {}
    chosen = st.selectbox("Label", ["none", *map(str, range(classes))], key=key, width=160)
    return {} if chosen == "none" else {"label": int(str(chosen))}


def complete(room: Room) -> None:
    st.markdown(
        "A test digit with a part hidden. At every level $t$ the known part is put back as the forward "
        "process would have it, $\\sqrt{\\bar\\alpha_t}\\, x_0 + \\sqrt{1 - \\bar\\alpha_t}\\, "
        "\\varepsilon$, and the walk fills in the rest so that it fits. Nothing is trained for this. Each "
        "square is another noise, so another way to complete it."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        index = test_picture_number(room, "Test picture", "complete-index", 7)
        mask = st.selectbox("Hidden", MASKS, format_func=MASKS.__getitem__, key="complete-mask", width=200)
        seed = number_of_z("Seed of the noise", "complete-seed", 0)
    row = {"title": "", "ask": "inpaint", "with": {"index": index, "mask": mask, "seed": seed}}
    show(room, "complete", [row], {"x_t": "x_t", "x0": "what the model takes x₀ to be"})


def redraw(room: Room) -> None:
    st.markdown(
        "Your drawing is noised up to level $t$ in one jump, and from there the walk goes back (SDEdit, Meng "
        "et al. 2022). A small $t$ keeps your strokes; a large one keeps little more than where the ink is."
    )
    c = known(room).config
    with st.container(horizontal=True, vertical_alignment="bottom"):
        t = st.slider("Level t to begin at", 1, c["T"], round(0.6 * c["T"]), key="redraw-t", width=280)
        asked = label_of(room, "redraw-label")
        seed = number_of_z("Seed of the noise", "redraw-seed", 0)
    row = {"title": "", "ask": "redraw", "with": {"t": t, "seed": seed} | asked}
    show(
        room, "redraw", [row], {"x_t": "x_t", "x0": "what the model takes x₀ to be"}, pad={"name": "picture"}
    )


def between(room: Room) -> None:
    st.markdown(
        "Two noises $x_T$ and those on the arc between them, each walked back without new noise (DDIM, η = "
        "0), so that $x_T$ alone decides the digit. The arc keeps the length of $x_T$ as noise has it; on a "
        "straight line it would be too short in the middle."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        a = number_of_z("Seed of the first noise", "between-a", 1)
        b = number_of_z("Seed of the last noise", "between-b", 2)
        asked = label_of(room, "between-label")
    row = {"title": "", "ask": "between", "with": {"seed_a": a, "seed_b": b} | asked}
    show(room, "between", [row], {"x_t": "x_t", "x0": "what the model takes x₀ to be"})


def guided(room: Room) -> None:
    st.markdown(
        "Each column is one label, each row one scale $s$ of guidance, all from the same noise: "
        "$\\tilde\\varepsilon = \\varepsilon(x_t) + s\\,(\\varepsilon(x_t, y) - \\varepsilon(x_t))$. With $s "
        "= 0$ the label is not heard, with $s = 1$ it counts as learned; beyond, digits become surer and "
        "more alike."
    )
    seed = number_of_z("Seed of the noise", "guided-seed", 0)
    show(
        room,
        "guided",
        [{"title": "", "ask": "guided", "with": {"seed": seed}}],
        {"x_t": "x_t", "x0": "what the model takes x₀ to be"},
    )
