"""The room of MADE: one masked net for all pixels."""

from engine.autoregressive.made import MADE
from lab.autoregressive.room_tab import pixels_room

pixels_room(
    MADE,
    sentence="One net gives the distributions of **all** pixels in one pass. Masks on its weights ensure that each output sees only "
    "the pixels before its own.",
    formula=r"""
**MADE** gives each hidden unit $k$ a degree $m(k)$: the place of the last pixel that it may see. A weight stays only where the
degrees allow it:

$$
M^W_{k,k'} = \begin{cases} 1 & m(k) \ge m(k') \\ 0 & \text{otherwise} \end{cases} \qquad
M^V_{d,k} = \begin{cases} 1 & d > m(k) \\ 0 & \text{otherwise} \end{cases}
$$

The strict $>$ at the output is essential: with $\ge$, an output sees its own pixel. See *Failures and cures*.

**Several orders.** One net can serve several orders and sets of masks, which take turns. Each order $o$ gives a density
$p_o(x)$. Their mean $\frac{1}{O} \sum_o p_o(x)$ is a density, too. The mean of their logits is not: it is no longer a product of
conditionals in any order.
""",
    code=[MADE.masks, MADE.logits, MADE.log_prob],
    tries=[
        ("One sign wrong", "The loss falls to 0 and the samples are noise.", "/made?tab=Failures+and+cures"),
        (
            "One order or eight?",
            "Eight orders make the task harder, and the mean of their densities better.",
            "/compare?family=made&data=digits-14&knob=orders&left=1&right=8",
        ),
        (
            "Which order?",
            "Row by row, or a random order.",
            "/compare?family=made&data=digits-14&knob=order&left=raster&right=random",
        ),
        (
            "Small enough to see",
            "49 pixels: press an output, and its ancestors light up.",
            "/made?data=digits-7&width=48",
        ),
        ("Masks in a flow", "The same masks make the layers of MAF.", "/maf?tab=Masks"),
    ],
    masks=True,
)
