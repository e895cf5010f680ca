"""The room of planar flows: each layer pushes the plane along one direction."""

import streamlit as st

from engine.flow.planar import PlanarFlow
from engine.flow.transforms import Planar
from lab import kit
from lab.flow.room_tab import code, flow_tabs, lecture

room = kit.room(
    PlanarFlow,
    sentence="Each layer **pushes** all points along one direction, as far as one number of them says. One layer makes one "
    "fold of the plane; many make any shape, slowly.",
)
kit.commentary(room)


def formula() -> None:
    lecture()
    st.markdown(
        r"""
$$
f(x) = x + u \tanh(w^\top x + b), \qquad
\left| \det \frac{\partial f}{\partial x} \right| = \left| 1 + \left( 1 - \tanh^2(w^\top x + b) \right) w^\top u \right|
$$

The matrix is $\mathbb I$ plus one of rank one, $u w^\top$ times a number; therefore its determinant costs no more than a product of two vectors. $f$ is
invertible while $w^\top u > -1$, which the layer makes $u$ obey. The inverse has no formula: it is found by halving an interval. The paper
bends $z$ to $x$, for the encoder of a VAE; here, as in the lecture, it goes from $x$ to $z$.
"""
    )
    code(PlanarFlow, Planar)


def experiments() -> None:
    kit.experiments(
        [
            (
                "One layer",
                "One fold: the density of the moons is far away. Look at *Layers*.",
                "/planar?layers=1&tab=Layers",
            ),
            (
                "Four layers or sixteen?",
                "Two runs from one seed.",
                "/compare?family=planar&data=moons&knob=layers&left=4&right=16",
            ),
            ("On a line", "Eight tanh bend a line: the curve z = f(x).", "/planar?data=two-bumps"),
        ]
    )


flow_tabs(room, formula=formula, experiments=experiments)
