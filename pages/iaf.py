"""The room of inverse autoregressive flows: a sample in one pass, a density number by number."""

from engine.flow.iaf import IAF
from engine.flow.transforms import Autoregressive, Inverse, standardize
from lab.flow.autoregressive_tab import masks_tab, speeds_tab
from lab.flow.room_tab import flow_room

flow_room(
    IAF,
    sentence="This is the **inverse** of the masked autoregressive flow: its nets see the numbers of z. So a sample takes one "
    "pass, and the density of a given x is found number by number.",
    formula=r"""
A layer $z = f(x)$ scales and shifts one number after the other:

$$
\begin{aligned} z_1 &= x_1 \exp(s_1) + \mu_1 \\ z_d &= x_d \exp(s_d(z_{1:d-1})) + \mu_d(z_{1:d-1}) \end{aligned}
$$

Its inverse $x = f^{-1}(z)$ standardizes the numbers that its nets see:

$$
\begin{aligned} x_1 &= (z_1 - \mu_1) \exp(-s_1) \\ x_d &= (z_d - \mu_d(z_{1:d-1})) \exp(-s_d(z_{1:d-1})) \end{aligned}
$$

The code is MAF's, turned around. `standardize` computes $(v - \mu) \exp(-s)$ from numbers $v$ that its net sees. In MAF these
are those of $x$, and the result is $z$. Here they are those of $z$, and the result is $x$: this is the second formula, and
`Inverse` says that it is the way back from $z$. The first formula undoes it.

Compare with [MAF](./maf?tab=Formula+and+code): $x$ and $z$ have changed places, so $\mu_d$ and $s_d$ see $z_{1:d-1}$ and not $x_{1:d-1}$; nothing else
differs. To get $z$ from $x$, $z_1$ must be known before $\mu_2$ can be computed. With the same weights IAF is the inverse of MAF's map. (The lecture writes $z_d = (x_d - \mu_d) \exp(-s_d)$ here as well. These are the same maps: its $s_d$ is our $-s_d$, and its
$\mu_d$ is our $-\mu_d \exp(-s_d)$.) The paper uses it where only its own samples need a density, in the encoder of a VAE.
""",
    code=[Inverse, Autoregressive, standardize],
    tries=[
        ("The inverse map", "The same layers inverted: fast densities, slow samples.", "/maf"),
        ("One direction fast, one slow", "Both are measured on this machine.", "/iaf?tab=Both+ways"),
        (
            "Two orders or one?",
            "Two runs from one seed.",
            "/compare?family=iaf&data=moons&knob=order&left=alternate&right=none",
        ),
    ],
    tools={"Both ways": speeds_tab, "Masks": masks_tab},
)
