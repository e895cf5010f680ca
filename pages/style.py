"""The style room: a picture is changed until a network sees one picture's content in it and another's style."""

import streamlit as st

from engine.families import style
from engine.families.style import StyleTransfer
from lab import kit
from lab.kit.style import LABELS, LEGENDS, WEIGHTS, loss_now
from lab.runs.supervisor import supervisor

supervisor().warm(StyleTransfer.name)
room = kit.room(
    StyleTransfer,
    data_name="china.brushstrokes",
    sentence="Here no network learns: a **frozen network** looks at a picture, and the **pixels of the picture** are "
    "changed, round by round, until its deep layers see the content of a photograph and the statistics of all its "
    "layers are those of a painting.",
    legends=LEGENDS,
    labels=LABELS,
    under=WEIGHTS,
)
kit.commentary(room, loss_now, judged=False)


def formula() -> None:
    st.markdown(
        r"""
With the features $F$ of the picture $x$, $P$ of the content and $A$ of the style, each of $N$ channels at $M$ places of a
layer:

$$
L = \alpha\, L_{content} + \beta \sum_{l=1}^5 w_l\, E_l + tv\, V
$$
$$
L_{content} = \tfrac12 \operatorname{mean} (F - P)^2
\qquad
E_l = \frac{1}{4 N^2} \sum_{i,j} \bigl(G_{ij}(x) - G_{ij}(style)\bigr)^2
\qquad
G = \frac{F F^\top}{M}
$$
"""
    )
    kit.source(StyleTransfer.losses, style.gram, style.style_loss, style.content_loss, style.variation)
    kit.knob_table(StyleTransfer)


kit.tabs({"Formula and code": formula, "Check": lambda: kit.checks(room)})
