"""The autoencoder's room: linear or not, with or without noise, and the uses of its codes."""

import streamlit as st

from engine.codes.ae import AE
from engine.nets.layers import Up, pool, spread, unpool
from engine.space import Picture
from lab import kit
from lab.codes.ae_tab import against_pca, up_sampling
from lab.codes.codes_tab import use_codes
from lab.codes.draw_tab import draw
from lab.codes.plane_tab import latent_plane

room = kit.room(
    AE,
    data_name="digits",
    sentence="An encoder squeezes x into a few numbers, the **code**, and a decoder restores x from it. To restore x well, "
    "the code must capture what matters; no labels are needed.",
)
latent_plane(room)
kit.commentary(room)


def formula() -> None:
    kit.knob_table(AE)
    kit.formula(
        AE,
        r"""
With an encoder $e$ and a decoder $d$, the code of $x$ is $z = e(x)$. Both descend

$$
\text{loss} = \lVert x - \hat x \rVert^2 = \lVert x - d(z) \rVert^2 = \lVert x - d(e(x)) \rVert^2
$$

summed over the numbers of an example. A code is **lossless** for $x$ if $x = d(e(x))$, and **lossy** if not. A code with
fewer numbers than $x$ can be lossless where the data lie on a surface with as few dimensions: points on a curve need only one number each.
Digits do not lie on a plane, however it is bent, so two numbers lose something, and training keeps what helps most to restore the examples. The **denoising** autoencoder (choose a noise) sees
a corrupted $\tilde x$ and must restore the clean $x$, so copying its input is not enough.
""",
    )
    kit.source(AE.turns, AE.terms, AE.corrupted)


def linear() -> None:
    st.markdown(
        "If encoder and decoder are **linear** (no hidden layers, linear activation), the best they can do is to project onto the "
        "subspace that loses least, which is PCA's. [Open a linear autoencoder](./ae?depth=0&activation=linear&z=2&lr=0.01)."
    )
    against_pca(room)


def upsampling() -> None:
    st.markdown(
        "A convolutional decoder must enlarge small feature maps again. Here are several ways to double the same map:"
    )
    up_sampling(room)
    kit.source(Up, pool, unpool, spread)


def experiments() -> None:
    kit.experiments(
        [
            (
                "A linear autoencoder",
                "It finds PCA's plane, with other axes. See the tab *Linear, and PCA*.",
                "/ae?depth=0&activation=linear&lr=0.01",
            ),
            (
                "Restore what is missing",
                "Half of the pixels are set to black, and the autoencoder must guess them. Draw a digit with gaps.",
                "/ae?noise=masking&amount=0.5&z=16",
            ),
            (
                "Sixteen numbers instead of two",
                "The digits are restored well, but hardly any decoded draw of N(0, I) is a digit: the longer the code, the emptier its space.",
                "/ae?z=16",
            ),
            (
                "Convolutions",
                "Each round is slower, but there are fewer weights. The decoder enlarges feature maps.",
                "/ae?network=convolutional&width=16&z=8",
            ),
            (
                "A curve through points",
                "Points in the plane get a code of one number, so the decoder draws a curve through the data.",
                "/ae?data=moons",
            ),
        ]
    )


pictures = {"Draw a digit": lambda: draw(room), "Use the codes": lambda: use_codes(room)}
nets = {"Linear, and PCA": linear} | ({"Up-sampling": upsampling} if isinstance(room.space, Picture) else {})
kit.tabs(
    {
        **(pictures if isinstance(room.space, Picture) else {}),
        "Other nets": nets,
        "Formula and code": formula,
        "Failures and cures": lambda: kit.gallery(room, kit.words_of(AE).failures),
        "Try this": experiments,
        "Check": lambda: kit.checks(room),
    },
    room,
)
