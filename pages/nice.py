"""The room of NICE: layers that shift half of the numbers, and never change volume."""

import streamlit as st

from engine.flow.base import Flow
from engine.flow.linear import ActNorm
from engine.flow.nice import NICE
from engine.flow.transforms import Coupling, additive
from lab import kit
from lab.flow.room_tab import code, flow_tabs, lecture

room = kit.room(
    NICE,
    sentence="The simplest coupling: half of the numbers stay, and a net says by how much the other half is **shifted**. A "
    "shift keeps volume, so each determinant is 1; one last layer scales the axes.",
)
kit.commentary(room)


def formula() -> None:
    lecture()
    st.markdown(
        r"""
$$
z_{1:d} = x_{1:d}, \qquad z_{d+1:D} = x_{d+1:D} + t(x_{1:d}), \qquad \left| \det \frac{\partial f}{\partial x} \right| = 1
$$

The last layer is $z = S x$ with a diagonal $S$, $\log |\det| = \sum_i \log |S_{ii}|$: the same everywhere. So all that NICE can do
about density is to move it; *Layers* shows that no layer but the last stretches or squeezes. Real-NVP adds a factor $\exp(s(x_{1:d}))$.
"""
    )
    code(NICE, Flow.coupling, Coupling, additive, ActNorm)


def experiments() -> None:
    kit.experiments(
        [
            (
                "Nothing is stretched",
                "Slide through the layers: the middle picture keeps one colour until the last one.",
                "/nice?tab=Layers",
            ),
            ("With scaling", "The same data by Real-NVP.", "/real-nvp"),
            (
                "A stiff map",
                "The ring asks for thin bridges, hard to make without squeezing.",
                "/nice?data=ring",
            ),
        ]
    )


flow_tabs(room, formula=formula, experiments=experiments)
