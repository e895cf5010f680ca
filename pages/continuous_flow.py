"""The room of continuous flows: infinitely many layers, each of which does nearly nothing."""

import streamlit as st

from engine.flow.continuous_flow import ContinuousFlow, Piece
from lab import kit
from lab.flow.room_tab import code, flow_tabs, lecture

room = kit.room(
    ContinuousFlow,
    sentence="More and more layers, each doing less: in the limit $x$ **moves** for a time with a speed that a net says. No "
    "layer needs a special shape to be invertible, for time runs backwards as well.",
)
kit.commentary(room)


def formula() -> None:
    lecture()
    st.markdown(
        r"""
$$
\frac{dh}{dt} = v(h, t), \qquad h(0) = x, \quad h(1) = z, \qquad
\log p_x(x) = \log p_z(z) + \int_0^1 \mathrm{tr}\, \frac{\partial v}{\partial h}\; dt
$$

It is the lecture's sum with infinitely many layers: one of them is $h \mapsto h + v\, dt$, with the determinant
$\det(\mathbb I + \frac{\partial v}{\partial h} dt) = 1 + \mathrm{tr} \frac{\partial v}{\partial h}\, dt$. A solver with steps as long as the tolerance allows
follows the paths, so a round costs many passes of the net. Paths cannot cross, therefore a blob stays a blob here as well. Compare
[flow matching](/flow-matching), which learns such a speed without following it.
"""
    )
    code(ContinuousFlow, Piece)


def experiments() -> None:
    kit.experiments(
        [
            (
                "Along the way",
                "Slide through time: the stops are all cut from one movement.",
                "/continuous-flow?tab=Layers&layers=8",
            ),
            (
                "On a line",
                "Paths on a line cannot pass each other: f is a rising curve.",
                "/continuous-flow?data=two-bumps",
            ),
            (
                "A speed without a solver",
                "Flow matching learns the speed from straight lines.",
                "/flow-matching",
            ),
        ]
    )


flow_tabs(room, formula=formula, experiments=experiments)
