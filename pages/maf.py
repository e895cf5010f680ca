"""The room of masked autoregressive flows: the density in one pass, a sample number by number."""

from engine.flow.maf import MAF
from engine.flow.transforms import Autoregressive, standardize
from engine.nets.masked import MADE
from lab.flow.autoregressive_tab import masks_tab, speeds_tab
from lab.flow.room_tab import flow_room

flow_room(
    MAF,
    sentence="Every number is standardized by a mean and a scale that a net computes from the numbers **before** it. One pass of "
    "a masked net gives a density; a sample is made one number after another.",
    formula=r"""
A layer $z = f(x)$ standardizes one number after the other:

$$
\begin{aligned} z_1 &= (x_1 - \mu_1) \exp(-s_1) \\ z_d &= (x_d - \mu_d(x_{1:d-1})) \exp(-s_d(x_{1:d-1})) \end{aligned}
$$

Its inverse $x = f^{-1}(z)$ makes the numbers in the same order:

$$
\begin{aligned} x_1 &= z_1 \exp(s_1) + \mu_1 \\ x_d &= z_d \exp(s_d(x_{1:d-1})) + \mu_d(x_{1:d-1}) \end{aligned}
$$

The Jacobian is lower triangular, because $z_d$ does not depend on what comes after $x_d$. Its determinant is the product of its diagonal:

$$
\left| \det \frac{\partial f(x)}{\partial x} \right| = \exp\Big( -\sum_{d=1}^{D} s_d(x_{1:d-1}) \Big)
$$

All $\mu_d$ and $s_d$ come from one net whose weights are masked (MADE). The next layer takes the numbers in reverse order, so its matrix is
upper triangular.
""",
    code=[Autoregressive, standardize, MADE],
    tries=[
        ("The inverse map", "The same layers inverted: fast samples, slow densities.", "/iaf"),
        ("One direction fast, one slow", "Both are measured on this machine.", "/maf?tab=Both+ways"),
        (
            "One order for all layers",
            "x₁ comes first in each layer, so it is only scaled and shifted, and its density stays a bell.",
            "/maf?order=none",
        ),
        (
            "Which order?",
            "Two runs from one seed, with the order reversed at every layer and without.",
            "/compare?family=maf&data=moons&knob=order&left=alternate&right=none",
        ),
        ("Digits", "784 numbers, and 784 steps in each layer for a sample.", "/maf?data=digits"),
    ],
    tools={"Both ways": speeds_tab, "Masks": masks_tab},
)
