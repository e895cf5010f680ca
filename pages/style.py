"""The style room: a picture changes until a network sees one picture's content and another's style in it."""

import streamlit as st

from engine.style import canvas, losses, onepass
from engine.style.lbfgs import LBFGS
from engine.style.style import StyleTransfer
from lab import kit
from lab.runs.supervisor import supervisor
from lab.style.keep_tab import keep_it
from lab.style.pictures_tab import USUAL
from lab.style.tools_tab import gram_matrices, layers_keep, look_inside, quick

supervisor().warm(StyleTransfer.name)
room = kit.room(
    StyleTransfer,
    data_name=USUAL,
    sentence="No network learns here. A **frozen network** that can classify pictures looks at one, and the **pixels of "
    "this picture** change, round by round, until the network sees the content of a photograph and the style of a "
    "painting.",
)
kit.commentary(room)


def formula() -> None:
    kit.knob_table(StyleTransfer)
    kit.formula(
        StyleTransfer,
        r"""
At a layer $l$ of the network, the picture $x$ has the features $F$, with one row for each of $N$ channels and one column for
each of $M$ places. The features of the content are $P$, and those of the style are $A$. The picture descends

$$
L = \alpha\, L_{content} + \beta \sum_{l=1}^5 w_l\, E_l + \rho\, V
$$
$$
L_{content} = \tfrac12 \operatorname{mean}\, (F - P)^2
\qquad
E_l = \frac{1}{4 N^2} \sum_{i,j} \bigl(G_{ij}(x) - G_{ij}(style)\bigr)^2
\qquad
V = \operatorname{mean}\, \lvert \nabla x \rvert^2
$$

with the **Gram matrix** $G = F F^\top / M$. $L_{content}$ compares **place by place**, at one layer. $G_{ij}$ is a mean
**over all places**: it says how much channels $i$ and $j$ respond together, anywhere. So the content stays where it is, and the
style may appear everywhere. The **roughness** $V$, which the paper does not have, is
the mean squared difference of neighbouring pixels. Its weight $\rho$ is `tv` in the code, after the total variation, a relative of $V$ without
the square. A smaller $V$ means less noise.

With two styles, $G(style)$ lies between their matrices, and *Second style* says where. With a mask, only its white places
count in $G(x)$, and only there do pixels change.

**The lab departs from the paper** in three ways. Sums over places are means, so that a weight means the same at every size. The
features of each layer are divided by their root mean square in the target pictures (the paper rescaled the network instead).
And training goes from coarse to fine: at first the losses see the picture at a fraction of its size, where strokes soon reach
their length. A round is one step of L-BFGS, which the paper used too. It estimates the curvature from the last ten steps.
""",
    )
    kit.source(
        StyleTransfer.losses, StyleTransfer.wanted, losses.gram, losses.style_loss, losses.content_loss
    )
    kit.source(losses.roughness, canvas.Canvas.first, LBFGS)
    st.markdown("And the one pass:")
    kit.source(onepass.one_pass, onepass.adain, onepass.whitening)


kit.tabs(
    {
        "Formula and code": formula,
        "One pass": lambda: quick(room),
        "Look inside": {
            "What each layer keeps": lambda: layers_keep(room),
            "Gram matrices": lambda: gram_matrices(room),
            "Look inside": lambda: look_inside(room),
        },
        "Keep it": lambda: keep_it(room),
        "Try this": lambda: kit.experiments(kit.words_of(StyleTransfer).experiments),
        "Check": lambda: kit.checks(room),
    },
    room,
)
