"""A linear autoencoder beside PCA: the same subspace, another basis."""

from __future__ import annotations

import streamlit as st

from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.room import Room

MOST = 10  # axes shown


@st.fragment
def against_pca(room: Room) -> None:
    """The two subspaces and their axes, measured on the present model."""
    answer = ask(room, "against_pca")
    if not answer:
        return
    angles, lean = answer["angles"], answer["lean"]
    several = len(angles) > 1
    between = ", ".join(f"{angle:.2f}°" for angle in angles[:MOST])
    st.markdown(
        "**Principal angles** between the autoencoder's subspace and that of PCA: "
        f"**{between}**{' …' if len(angles) > MOST else ''}. They fall to 0° as it learns: **the same "
        f"subspace**. The test error is {answer['error']:.2f}; that of PCA is {answer['error of PCA']:.2f}. "
        "No linear code of this length does better than PCA on the training data."
    )
    if several:
        st.markdown(
            f"But it has **another basis**: two of its axes have a cosine of up to {lean:.2f}. The axes of "
            "PCA are orthogonal, and the first is the direction of most variance. Nothing in the loss asks "
            "for that: the decoder can undo any invertible mixing of the code and restore x just as well."
        )
    if "axes" in answer:
        rows = [("What each number of the autoencoder's code adds to the picture (grey is 0)", "axes"),
                ("The principal axes", "principal axes")]  # fmt: skip
        strip(
            [
                (title, [Figure(p, f"{i}") for i, p in enumerate(answer[key][:MOST], 1)])
                for title, key in rows
            ],
            columns=MOST,
        )
    ask_again(answer, "pca-again")
