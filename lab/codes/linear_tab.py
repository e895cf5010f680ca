"""A linear autoencoder beside PCA: the same subspace, another basis."""

from __future__ import annotations

import streamlit as st

from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.room import Room

MOST = 10  # axes that are shown


@st.fragment
def against_pca(room: Room) -> None:
    """The two subspaces and their axes, measured on the model of now."""
    found = ask(room, "against_pca")
    if not found:
        return
    angles, lean = found["angles"], found["lean"]
    several = len(angles) > 1
    between = ", ".join(f"{angle:.2f}°" for angle in angles[:MOST])
    st.markdown(
        f"**Principal angles** between the autoencoder's subspace and that of PCA: **{between}**"
        f"{' …' if len(angles) > MOST else ''}. They fall to 0° as it learns: **the same subspace**. "
        f"Test error {found['error']:.2f}, that of PCA {found['error of PCA']:.2f}: no linear code of this "
        "length does better than PCA on the training data."
    )
    if several:
        st.markdown(
            f"But **another basis**: two axes of the code have a cosine of up to {lean:.2f}; those of PCA "
            "are orthogonal, the first being the direction of most variance. Nothing in the loss asks for "
            "that: any invertible mixing of the code, undone by the decoder, restores x just as well."
        )
    if "axes" in found:
        rows = [("What each number of the autoencoder's code adds to the picture (grey is nothing)", "axes"),
                ("The principal axes", "principal axes")]  # fmt: skip
        strip(
            [(title, [Figure(p, f"{i}") for i, p in enumerate(found[key][:MOST], 1)]) for title, key in rows],
            columns=MOST,
        )
    ask_again(found, "pca-again")
