"""The style room: a picture is changed until a network sees one picture's content in it and another's style."""

import streamlit as st

from engine.style import canvas, onepass, style
from engine.style.lbfgs import LBFGS
from engine.style.style import StyleTransfer
from lab import kit
from lab.runs.supervisor import supervisor
from lab.style.keep_tab import keep_it
from lab.style.pictures_tab import USUAL
from lab.style.quick_tab import quick
from lab.style.tools_tab import gram_matrices, layers_keep, look_inside

supervisor().warm(StyleTransfer.name)
room = kit.room(
    StyleTransfer,
    data_name=USUAL,
    sentence="No network learns here. A **frozen network** that can name pictures looks at one, and that **picture's "
    "pixels** are changed, round by round, until the network sees the content of a photograph and the style of a "
    "painting.",
)
kit.commentary(room)


def formula() -> None:
    st.markdown(
        r"""
At a layer $l$ of the network the picture $x$ has the features $F$, one row for each of $N$ channels and one column for each of
$M$ places; those of the content are $P$, and those of the style $A$. The picture descends

$$
L = \alpha\, L_{content} + \beta \sum_{l=1}^5 w_l\, E_l + tv\, V
$$
$$
L_{content} = \tfrac12 \operatorname{mean}\, (F - P)^2
\qquad
E_l = \frac{1}{4 N^2} \sum_{i,j} \bigl(G_{ij}(x) - G_{ij}(style)\bigr)^2
\qquad
V = \operatorname{mean}\, \lvert \nabla x \rvert^2
$$

with the **Gram matrix** $G = F F^\top / M$. $L_{content}$ compares **place by place**, at one layer. $G_{ij}$ is a mean
**over all places**: how much channels $i$ and $j$ answer together, anywhere. So the content stays where it is, and a style may
settle everywhere. $V$, which the paper does not have, is large where neighbouring pixels differ, and takes noise away.

Of two styles, $G(style)$ lies between theirs, as far as *Second style* says. With a mask only its white places count in
$G(x)$, and only there pixels change.

**Where the lab departs from the paper**, so that a weight means the same at every size: sums over places are means, and each
layer's features are divided by their root mean square in the pictures to be reached (the paper rescaled the network instead).
And it goes from coarse to fine: at first the losses see the picture at half its size, where a stroke is soon as long as it
should be. A round is one step of L-BFGS, which guesses the curvature from the last ten steps; the paper used it too.
"""
    )
    kit.source(StyleTransfer.losses, StyleTransfer.wanted, style.gram, style.style_loss, style.content_loss)
    kit.source(style.variation, canvas.Canvas.first, LBFGS)
    st.markdown("And the one pass:")
    kit.source(onepass.one_pass, onepass.adain, onepass.whitening)
    kit.knob_table(StyleTransfer)


kit.tabs(
    {
        "Formula and code": formula,
        "One pass": lambda: quick(room),
        "Gram matrices": lambda: gram_matrices(room),
        "What each layer keeps": lambda: layers_keep(room),
        "Look inside": lambda: look_inside(room),
        "Keep it": lambda: keep_it(room),
        "Try this": lambda: kit.experiments(kit.words_of(StyleTransfer).experiments),
        "Check": lambda: kit.checks(room),
    }
)
