"""The autoencoder's room: linear or not, with or without noise, and what its codes are good for."""

import streamlit as st

from engine.codes.ae import AE
from engine.nets.layers import Up, pool, spread, unpool
from lab import kit
from lab.codes.codes_tab import use_codes
from lab.codes.draw_tab import draw
from lab.codes.linear_tab import against_pca
from lab.codes.plane_tab import latent_plane
from lab.codes.upsampling_tab import up_sampling

room = kit.room(
    AE,
    data_name="digits",
    sentence="An encoder squeezes x into a few numbers, the **code**, and a decoder restores x from it. Whatever is restored "
    "well must have been understood somehow; no labels are needed.",
)
latent_plane(room)
kit.commentary(room)


def formula() -> None:
    st.markdown(
        r"""
With an encoder $e$ and a decoder $d$, the code of $x$ is $z = e(x)$, and both descend

$$
\text{loss} = \lVert x - \hat x \rVert^2 = \lVert x - d(z) \rVert^2 = \lVert x - d(e(x)) \rVert^2
$$

summed over the numbers of an example. A **lossless** code has $x = d(e(x))$; one with fewer numbers than $x$ has is
**lossy**, and keeps what helps most to restore the examples it was trained on. The **denoising** autoencoder (choose a
noise) sees a damaged $\tilde x$ and must restore the clean $x$: it cannot get by with copying.
"""
    )
    kit.source(AE.turns, AE.terms, AE.corrupted)
    kit.knob_table(AE)


def linear() -> None:
    st.markdown(
        "If encoder and decoder are **linear** (no hidden layers, linear activation), the best they can do is to project on the "
        "subspace that loses least: PCA's. [Open a linear autoencoder](/ae?depth=0&activation=linear&z=2&lr=0.01)."
    )
    against_pca(room)


def upsampling() -> None:
    st.markdown(
        "A convolutional decoder must enlarge small feature maps again. Four ways to double one, on the same map:"
    )
    up_sampling(room)
    kit.source(Up, pool, unpool, spread)


def failures() -> None:
    kit.gallery(kit.words_of(room.family).failures)


def experiments() -> None:
    kit.experiments(
        [
            (
                "A linear autoencoder",
                "It finds PCA's plane, with other axes: see the tab *Linear, and PCA*.",
                "/ae?depth=0&activation=linear&lr=0.01",
            ),
            (
                "Restore what is missing",
                "Half of the pixels are black, and the autoencoder must guess them. Draw a digit with gaps.",
                "/ae?noise=masking&amount=0.5&z=16",
            ),
            (
                "Sixteen numbers instead of two",
                "The digits are restored well, but hardly any sample is a digit: the longer the code, the emptier its space.",
                "/ae?z=16",
            ),
            (
                "Convolutions",
                "Slower a round, with fewer weights; the decoder enlarges feature maps.",
                "/ae?network=convolutional&width=16&z=8",
            ),
            (
                "A curve through points",
                "In the plane, with one number for two: the decoder draws a curve through the data.",
                "/ae?data=moons",
            ),
        ]
    )


kit.tabs(
    {
        "Draw a digit": lambda: draw(room),
        "Use the codes": lambda: use_codes(room),
        "Formula and code": formula,
        "Linear, and PCA": linear,
        "Up-sampling": upsampling,
        "Failures and cures": failures,
        "Try this": experiments,
        "Check": lambda: kit.checks(room),
    }
)
