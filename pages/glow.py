"""The room of Glow: the choice of the half that is kept is learned as well."""

from engine.flow.base import Flow
from engine.flow.glow import Glow
from engine.flow.linear import ActNorm, Mix
from engine.flow.transforms import Coupling, affine
from lab.flow.room_tab import flow_room

flow_room(
    Glow,
    sentence="A step has three layers: **actnorm** scales, an invertible **1 × 1** matrix mixes the channels, and a "
    "**coupling** changes one half. The choice of the halves is learned, not fixed by hand.",
    formula=r"""
| layer | $z = f(x)$ | $\log \lvert \det \rvert$ on $H \times W$ places |
|---|---|---|
| actnorm | $z = (x - m) \odot \exp(s)$ | $H W \sum_c s_c$ |
| 1 × 1 | $z_{ij} = W x_{ij}$ at every place, $W = P L U$ | $H W \sum_c \log \lvert U_{cc} \rvert$ |
| coupling | $z_a = x_a$, $\; z_b = x_b \odot \exp(s(x_a)) + t(x_a)$ | $\sum s(x_a)$ |

The determinant of a general $W$ costs $C^3$ operations; as $P L U$, a permutation and two triangular matrices, it costs a sum. Actnorm begins
with the mean and spread of the first minibatch. A point has one place and two channels.
""",
    code=[ActNorm, Mix, Flow.coupling, Coupling, affine],
    tries=[
        (
            "One step, three layers",
            "Slide through the layers: scaling, turning, bending, and again.",
            "/glow?tab=Layers",
        ),
        (
            "Digits",
            "Convolutions see neighbouring pixels: fewer weights, better strokes.",
            "/glow?data=digits",
        ),
        ("Halves fixed by hand", "Real-NVP has no mixing.", "/real-nvp"),
    ],
)
