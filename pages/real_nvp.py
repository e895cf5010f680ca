"""The main room of normalizing flows: Real-NVP, whose layers scale and shift half of the numbers at a time."""

from engine.flow.base import Flow
from engine.flow.real_nvp import RealNVP
from engine.flow.transforms import Coupling, affine
from lab.flow.room_tab import flow_room

flow_room(
    RealNVP,
    sentence="A **normalizing flow** is an invertible map $z = f(x)$ that turns the density of the data into a simple one and "
    "measures how much it stretches. So it knows $p_x(x)$ exactly, and learns by making the data as likely as possible.",
    formula=r"""
**Two layers.** With $y_i = f_1(x_i)$ and $z_i = f_2(y_i)$ the determinants multiply, and their
logarithms add up:

$$
p_x(x_i) = p_z(z_i) \left| \det \frac{\partial f_2(y_i)}{\partial y_i} \right|
\left| \det \frac{\partial f_1(x_i)}{\partial x_i} \right|
$$

**Real-NVP** uses layers whose determinant and inverse cost almost nothing. Half of the numbers stay; a net sees them and gives $s$
and $t$, by which the other half is scaled and shifted. So a layer $z = f(x)$ is

$$
\begin{aligned} z_{1:d} &= x_{1:d} \\ z_{d+1:D} &= x_{d+1:D} \odot \exp(s(x_{1:d})) + t(x_{1:d}) \end{aligned}
$$

Its inverse $x = f^{-1}(z)$ never inverts $s$ or $t$:

$$
\begin{aligned} x_{1:d} &= z_{1:d} \\ x_{d+1:D} &= (z_{d+1:D} - t(x_{1:d})) \odot \exp(-s(x_{1:d})) \end{aligned}
$$

The Jacobian has a block of zeros, so its determinant is the product of its diagonal, whatever the block below it holds:

$$
\frac{\partial f(x)}{\partial x} = \begin{pmatrix} \mathbb I_d & 0 \\
\frac{\partial z_{d+1:D}}{\partial x_{1:d}} & \mathrm{diag}(\exp(s(x_{1:d}))) \end{pmatrix}
\qquad
\left| \det \frac{\partial f(x)}{\partial x} \right| = \exp\Big( \sum_{j=1}^{D-d} s(x_{1:d})_j \Big)
$$

(The lecture's slide has $\partial z_{1:d} / \partial x_{1:d}$ in that block; that would be $\mathbb I_d$ once more.) From layer to layer the halves
swap roles; otherwise one of them would never change: see *Failures and cures*. *A point* shows these matrices with their numbers.
""",
    code=[Flow.coupling, Coupling, affine],
    tries=[
        (
            "One dimension first",
            "Bend the curve z = f(x) by hand, and watch the density follow.",
            "/change-of-variables",
        ),
        (
            "Slide through the layers",
            "The moons, layer by layer, from noise to data and back.",
            "/real-nvp?tab=Layers",
        ),
        (
            "Press a point",
            "Its way to z, the determinant of each layer, and log p(x) as their sum.",
            "/real-nvp?tab=A+point",
        ),
        (
            "Eight groups from one blob",
            "A continuous map cannot tear: thin bridges stay between the groups and cost likelihood.",
            "/real-nvp?data=ring&tab=Why+not+perfect%3F",
        ),
        (
            "Draw a density",
            "Draw with the mouse or a finger. What you draw has an exact density, and the flow fits it.",
            "/real-nvp?data=draw",
        ),
        (
            "Two layers or eight?",
            "Two runs from one seed that differ only in depth.",
            "/compare?family=real-nvp&data=moons&knob=layers&left=2&right=8",
        ),
        (
            "Which base?",
            "A normal base and a learned mixture of eight, on the ring.",
            "/compare?family=real-nvp&data=ring&knob=base&left=normal&right=mixture",
        ),
        (
            "Digits",
            "784 numbers: samples, and what the likelihood of a picture says and does not say.",
            "/real-nvp?data=digits",
        ),
        (
            "The same moons with splines",
            "Curves instead of scaling and shifting: half as many layers are enough.",
            "/spline-flow?data=moons",
        ),
    ],
)
