"""The room of NICE: layers that shift half of the numbers, and never change volume."""

from engine.flow.base import Flow
from engine.flow.linear import ActNorm
from engine.flow.nice import NICE
from engine.flow.transforms import Coupling, additive
from lab.flow.room_tab import flow_room

flow_room(
    NICE,
    sentence="This is the simplest coupling: half of the numbers stay, and a net determines how far the other half is **shifted**. "
    "A shift keeps volume, so each determinant is 1; one last layer scales the axes.",
    formula=r"""
$$
z_{1:d} = x_{1:d}, \qquad z_{d+1:D} = x_{d+1:D} + t(x_{1:d}), \qquad \left| \det \frac{\partial f}{\partial x} \right| = 1
$$

The last layer is $z = S (x - m)$ with a diagonal $S$ and $\log |\det| = \sum_i \log |S_{ii}|$, which is the same everywhere. So NICE can only move
density around; *Layers* shows that no layer except the last stretches or squeezes. Real-NVP adds a factor $\exp(s(x_{1:d}))$.
""",
    code=[Flow.coupling, Coupling, additive, ActNorm],
    tries=[
        (
            "Nothing is stretched",
            "Slide through the layers: the picture of stretching keeps one colour until the last layer.",
            "/nice?tab=Layers",
        ),
        ("With scaling", "The same data by Real-NVP.", "/real-nvp"),
        (
            "A stiff map",
            "The ring needs thin bridges, which are hard to make without squeezing.",
            "/nice?data=ring",
        ),
    ],
)
