"""The room of continuous flows: infinitely many layers, each of which does almost nothing."""

from engine.flow.continuous_flow import ContinuousFlow, Piece
from lab.flow.room_tab import flow_room

flow_room(
    ContinuousFlow,
    sentence="With more and more layers, each doing less, $x$ in the limit **moves** for a while with a velocity that a net gives. No "
    "layer needs a special form to be invertible, because time can run backwards.",
    formula=r"""
$$
\frac{dh}{dt} = v(h, t), \qquad h(0) = x, \quad h(1) = z, \qquad
\log p_x(x) = \log p_z(z) + \int_0^1 \mathrm{tr}\, \frac{\partial v}{\partial h}\; dt
$$

This is the lecture's sum with infinitely many layers: each is $h \mapsto h + v\, dt$, with the determinant
$\det(\mathbb I + \frac{\partial v}{\partial h} dt) = 1 + \mathrm{tr} \frac{\partial v}{\partial h}\, dt$. A solver follows the paths with steps as long as the
tolerance allows, so a round takes many passes of the net. Two paths are never at one place at one time, because there is one velocity
there; so the map tears nothing apart, and one blob stays one blob here as well. Compare
[flow matching](./flow-matching), which learns such a velocity without following it.
""",
    code=[Piece],
    tries=[
        (
            "Along the way",
            "Slide through time: all stops lie on one continuous movement.",
            "/continuous-flow?tab=Layers&layers=8",
        ),
        (
            "On a line",
            "On a line, no number overtakes another: f is a rising curve.",
            "/continuous-flow?data=two-bumps",
        ),
        (
            "A velocity without a solver",
            "Flow matching learns the velocity from straight lines.",
            "/flow-matching",
        ),
    ],
)
