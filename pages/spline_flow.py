"""The room of neural spline flows: curves instead of scaling and shifting."""

from engine.flow import spline
from engine.flow.base import Flow
from engine.flow.spline_flow import SplineFlow
from engine.flow.transforms import Coupling
from lab.flow.room_tab import flow_room

flow_room(
    SplineFlow,
    sentence="Each coupling sends numbers through a rising **curve** whose knots a net chooses: steep here, flat there. So one "
    "layer can pull groups apart that scaling and shifting must leave together.",
    formula=r"""
$$
z_{1:d} = x_{1:d}, \qquad z_j = g_j(x_j), \quad j > d, \qquad
\log \left| \det \frac{\partial f}{\partial x} \right| = \sum_{j > d} \log g_j'(x_j)
$$

Each $g_j$ goes through $K + 1$ knots $(x^{(k)}, y^{(k)})$ with slopes $\delta^{(k)} > 0$, all computed from $x_{1:d}$ by the net. Between two knots, with
$\xi = \frac{x - x^{(k)}}{x^{(k+1)} - x^{(k)}}$ and $s^{(k)} = \frac{y^{(k+1)} - y^{(k)}}{x^{(k+1)} - x^{(k)}}$, it is a quotient of two parabolas:

$$
\begin{aligned}
g(x) &= y^{(k)} \\
&\quad + \frac{\left( y^{(k+1)} - y^{(k)} \right) \left( s^{(k)} \xi^2 + \delta^{(k)} \xi (1 - \xi) \right)}
{s^{(k)} + \left( \delta^{(k+1)} + \delta^{(k)} - 2 s^{(k)} \right) \xi (1 - \xi)}
\end{aligned}
$$

The inverse is the root of a quadratic equation. Outside $[-B, B]$ numbers stay unchanged.
""",
    code=[Flow.coupling, Coupling, spline.spline, spline.knots],
    tries=[
        (
            "A curve on a line",
            "There is no net, only the curve: its knots find the two bumps.",
            "/spline-flow?data=two-bumps",
        ),
        (
            "The checkerboard",
            "It has sharp edges, which Real-NVP smears: see *Failures and cures* there.",
            "/spline-flow?data=checkerboard",
        ),
        (
            "Two pieces or sixteen?",
            "Two runs from one seed that differ only in the number of bins.",
            "/compare?family=spline-flow&data=checkerboard&knob=bins&left=2&right=16",
        ),
        (
            "How thin are the bridges?",
            "The share of the model's mass between the groups is measured.",
            "/spline-flow?data=ring&tab=Why+not+perfect%3F",
        ),
        (
            "Number by number",
            "The same curves in the autoregressive layers of MAF.",
            "/spline-flow?data=moons&kind=autoregressive",
        ),
    ],
)
