"""The conditional GAN: both players know the label, so the student can ask for a digit."""

import streamlit as st

from engine.gan.cgan import CGAN
from engine.space import Picture, Plane
from lab import kit
from lab.gan.explore_tab import ask_for_labels, label_shown
from lab.gan.room_tab import game_tabs

room = kit.room(
    CGAN,
    sentence="A GAN whose players are both told the label: G is asked for a digit, and D judges whether it is a "
    "real one *of that class*.",
)
if isinstance(room.space, Plane):
    label_shown(room)
kit.commentary(room)


def labels() -> None:
    if isinstance(room.space, Picture):
        ask_for_labels(room)
    else:
        st.markdown("Choose digits as the data to mix labels. Points show one label at a time, chosen above.")


def formula() -> None:
    kit.knob_table(CGAN)
    kit.formula(
        CGAN,
        r"""
The value of the game is the GAN's, with every probability conditioned on the label $y$:

$$
\begin{aligned}
\min_G \max_D \; &\mathbb{E}_{x, y}[\log D(x \mid y)] \\
&+ \mathbb{E}_{z, y}[\log(1 - D(G(z \mid y) \mid y))]
\end{aligned}
$$

The label enters both nets as a one-hot vector beside their input. D sees real $x$ with their own labels, and fakes
with the labels that G was asked for: a beautiful 3 is a bad fake where a 5 was asked for.
""",
    )
    kit.source(CGAN.turns, CGAN.D_terms, CGAN.G_terms, CGAN.G)


game_tabs(
    room,
    formula=formula,
    first={"Ask for a label": labels},
    tries=[
        (
            "The ring, group by group",
            "Eight labels, eight groups: with labels, no group is forgotten. Choose one label under the picture.",
            "/cgan?data=ring",
        ),
        (
            "The same slow D that makes a GAN collapse",
            "The label tells G where to go, so all groups keep their fakes; within a group they still bunch.",
            "/cgan?data=ring&lr_D=0.0001",
        ),
        (
            "Without labels",
            "The plain GAN on digits, for comparison: which digit comes is up to z.",
            "/gan?data=digits",
        ),
    ],
)
