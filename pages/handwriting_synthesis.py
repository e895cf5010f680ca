"""The room of handwriting synthesis: words, by a window over their letters."""

from engine.autoregressive.handwriting_synthesis import HandwritingSynthesis
from engine.autoregressive.mixture import Mixture
from engine.autoregressive.writer import Writer
from lab.autoregressive.pen_tab import hand_tab
from lab.autoregressive.room_tab import writing_room

writing_room(
    HandwritingSynthesis,
    sentence="The net is told a word, and a **window** moves along its letters while the pen writes. Nobody tells it where a letter "
    "ends: it learns to move the window itself.",
    formula=r"""
**The window** is a sum of $K$ bells over the places $u$ of the letters $c_u$:

$$
\begin{aligned}
\phi(t, u) &= \sum_{k=1}^{K} \alpha_t^k \exp\left(-\beta_t^k (\kappa_t^k - u)^2\right) \\
w_t &= \sum_{u=1}^{U} \phi(t, u) \, c_u
\end{aligned}
$$

The net is told $w_t$. It says how far the bells move, $\kappa_t = \kappa_{t-1} + \exp(\hat\kappa_t)$, and so they only move on.
Writing ends when the pen is lifted and the window looks at what follows the last letter.
""",
    code=[
        HandwritingSynthesis.said,
        HandwritingSynthesis.looked,
        Mixture.log_prob,
        Writer.losses_of,
        Writer.written,
    ],
    tries=[
        ("Squared error", "A limp line.", "/handwriting-synthesis?output=squared error"),
        ("One bell", "A simpler window.", "/handwriting-synthesis?K=1"),
        (
            "Ukrainian",
            "Printed letters, which lift the pen often.",
            "/handwriting-synthesis?data=words-ukrainian",
        ),
    ],
    tools={"Write and draw": hand_tab},
    leaks=False,
)
