"""The tab "Do more with it": complete a digit, begin at a drawing, go between two noises, guide."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine.space import Picture
from lab.diffusion.films_tab import asked, config_of, label_of, labels_of, show
from lab.kit.pickers import number_of_z, one_of, test_picture_number
from lab.kit.room import Room

MASKS = {"left": "the left half", "right": "the right half", "top": "the upper half",
         "bottom": "the lower half", "middle": "the middle"}  # fmt: skip
TWO = {"x_t": "xₜ", "x0": "the predicted x₀"}


def remake(room: Room) -> None:
    tools: dict[str, Callable[[Room], None]] = {"Between two noises": between}
    if isinstance(room.space, Picture):
        tools = {"Complete a digit": complete, "Begin at a drawing": redraw} | tools
        if labels_of(room):
            tools["More and more guided"] = guided
    one_of(room, tools, "remake-tool")
    if not isinstance(room.space, Picture):
        st.caption("There are more tools for pictures: choose Digits as the data.")


def complete(room: Room) -> None:
    st.markdown(
        "A part of a test digit is hidden. At every level $t$ the known part is replaced by its noised "
        "version from the forward process, and the walk fills in the rest to fit it (RePaint, Lugmayr et al. "
        "2022: each step is undone and repeated once). Nothing is trained for this. Each square starts from "
        "another noise and completes the digit in another way."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        index = test_picture_number(room, "Test picture", "complete-index", 7)
        mask = st.selectbox("Hidden", MASKS, format_func=MASKS.__getitem__, key="complete-mask", width=200)
        seed = number_of_z("Seed of the noise", "complete-seed", 0)
    screens = TWO | {"known": "what is known", "whole": "the digit itself"}
    show(room, "complete", [asked("inpaint", index=index, mask=mask, seed=seed)], screens)


def redraw(room: Room) -> None:
    st.markdown(
        "Your drawing is noised to level $t$ in one jump, and the walk goes back from there (SDEdit, Meng et "
        "al. 2022). A small $t$ keeps your strokes; a large $t$ keeps little more than where the ink is."
    )
    T = config_of(room)["T"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        t = st.slider("Level t to begin at", 1, T, round(0.6 * T), key="redraw-t", width=280)
        told = label_of(labels_of(room), "redraw-label", "none")
        seed = number_of_z("Seed of the noise", "redraw-seed", 0)
    row = asked("redraw", t=t, seed=seed, **told)
    show(room, "redraw", [row], TWO | {"known": "your drawing"}, pad={"name": "picture"})


def between(room: Room) -> None:
    st.markdown(
        "Each sample starts from a noise $x_T$ on the arc between two noises. No new noise is added, so "
        "$x_T$ alone determines the sample. The arc keeps the length that is typical of noise; on a straight "
        "line $x_T$ would be too short in the middle."
        + (" Each row of pictures goes from one noise to another." if isinstance(room.space, Picture) else "")
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        a = number_of_z("Seed of the first noise", "between-a", 1)
        b = number_of_z("Seed of the last noise", "between-b", 2)
        told = label_of(labels_of(room), "between-label", "all in turn")
    show(room, "between", [asked("between", seed_a=a, seed_b=b, **told)], TWO)


def guided(room: Room) -> None:
    st.markdown(
        "Each column is a label, 0 to 9, and each row a scale of guidance, from the top $s = 0, 1, 2, 4, 8$. "
        "All start from the same noise. The prediction is $\\varepsilon(x_t) + s\\,(\\varepsilon(x_t, y) "
        "- \\varepsilon(x_t))$. With $s = 0$ the label is ignored, with $s = 1$ it counts as learned; with a "
        "larger $s$ digits become clearer and more alike."
    )
    seed = number_of_z("Seed of the noise", "guided-seed", 0)
    show(room, "guided", [asked("guided", seed=seed)], TWO, large=None)
