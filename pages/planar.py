"""The room of planar flows: each layer pushes the plane along one direction."""

from engine.flow.planar import PlanarFlow
from engine.flow.transforms import Planar
from lab.flow.room_tab import flow_room

flow_room(
    PlanarFlow,
    sentence="Each layer **pushes** all points along one direction, by an amount that varies along another direction. One layer "
    "bends the plane once; many layers make complicated shapes, slowly.",
    formula=r"""
$$
f(x) = x + u \tanh(w^\top x + b), \qquad
\left| \det \frac{\partial f}{\partial x} \right| = \left| 1 + \left( 1 - \tanh^2(w^\top x + b) \right) w^\top u \right|
$$

The Jacobian is $\mathbb I$ plus a matrix of rank one, $u w^\top$ times a number, so its determinant costs no more than a product of two vectors.
$f$ is invertible while $w^\top u > -1$; the layer constrains $u$ so that this holds. The inverse has no formula and is found by bisection. The
paper maps $z$ to $x$, for the encoder of a VAE; here, as in the lecture, $f$ maps $x$ to $z$.
""",
    code=[Planar],
    tries=[
        (
            "One layer",
            "One bend is far from the density of the moons. Look at *Layers*.",
            "/planar?layers=1&tab=Layers",
        ),
        (
            "Four layers or sixteen?",
            "Two runs from one seed.",
            "/compare?family=planar&data=moons&knob=layers&left=4&right=16",
        ),
        ("On a line", "Eight layers of tanh bend a line into the curve z = f(x).", "/planar?data=two-bumps"),
    ],
)
