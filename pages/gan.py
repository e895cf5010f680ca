"""The GAN room: two networks play a game, and the student watches one of them learn to draw."""

import streamlit as st

from engine.gan import base as adversarial
from engine.gan.base import TwoPlayers
from engine.gan.gan import GAN
from engine.gan.losses import discriminator_terms, generator_terms, gradient_penalty, r1
from engine.nets.layers import SpectralLinear
from engine.space import Picture
from lab import kit
from lab.gan.explore_tab import explore as explore_tab
from lab.gan.losses_tab import loss_picture, spectrum

room = kit.room(
    GAN,
    data_name="ring",
    sentence="A generator **G** makes fakes; a discriminator **D** tells them from real data. "
    "Each learns from the other until the fakes lie like the data.",
)
kit.commentary(room)


def formula() -> None:
    st.markdown(
        r"""
D's belief that $x$ is real is $D(x)$, a number between 0 and 1. The players fight over one value,
which D raises and G lowers:

$$
\min_G \max_D \; V(D, G)
= \mathbb{E}_{x \sim p_{data}}[\log D(x)] + \mathbb{E}_{z \sim p_z}[\log(1 - D(G(z)))]
$$

For a fixed G the best D is $D^* = p / (p + p_g)$, and then $V = 2\,\mathrm{JSD}(p, p_g) - \log 4$: G lowers
the Jensen-Shannon divergence, as long as D keeps up. On a line (choose *Two bumps* as data) both are drawn.

A round is the lecture's Algorithm 1: $k$ turns in which D climbs $V$ on fresh real points and fresh fakes,
then G's turn. What follows a `yield` runs after that player's step, so G always meets the D that has
just learned. **Slow motion**, under the picture, walks through these very lines.
"""
    )
    kit.source(GAN.turns, GAN.D_terms, GAN.G_terms)
    kit.knob_table(GAN)


def losses() -> None:
    st.markdown(
        r"""
**Why not just play the game?** The game's own loss for G, $\log(1 - D(G(z)))$, is flat where D is sure of a
fake, just where G has most to learn. The *non-saturating* loss $-\log D(G(z))$ has the same direction, but is
steep there: its gradient is $(1 - D)/D$ times as strong.
"""
    )
    loss_picture(room)
    st.markdown(
        r"""
| game | D descends | G descends | bound on D's slope | |
|---|---|---|---|---|
| minimax (2014) | $-\log D(x) - \log(1 - D(G(z)))$ | $\log(1 - D(G(z)))$ | | [open](/gan?loss=minimax) |
| non-saturating (2014) | the same | $-\log D(G(z))$ | | [open](/gan) |
| least squares (2017) | $(D(x)-1)^2/2 + D(G(z))^2/2$ | $(D(G(z))-1)^2/2$ | | [open](/gan?loss=least%20squares) |
| hinge (2017) | $\max(0, 1-D(x)) + \max(0, 1+D(G(z)))$ | $-D(G(z))$ | spectral norm | [open](/gan?loss=hinge&spectral=true) |
| Wasserstein (2017) | $D(G(z)) - D(x)$ | $-D(G(z))$ | weights clipped to $[-c, c]$ | [open](/gan?loss=Wasserstein&penalty=weight%20clipping&k=5) |
| WGAN-GP (2017) | $D(G(z)) - D(x)$ | $-D(G(z))$ | $\lambda\,(\lVert\nabla D(\hat x)\rVert - 1)^2$ | [open](/gan?loss=Wasserstein&penalty=gradient%20penalty&k=5) |
| R1 (2018) | as non-saturating | $-\log D(G(z))$ | $\frac{\lambda}{2}\lVert\nabla D(x)\rVert^2$ | [open](/gan?penalty=R1) |

Every loss can be combined with every bound. A Wasserstein critic scores and does not believe: the background then
shows its score, measured from its mean over fakes.
"""
    )
    kit.source(
        (adversarial, "LOSSES"), discriminator_terms, generator_terms, gradient_penalty, r1, TwoPlayers.bound
    )
    st.markdown(
        "**Spectral normalization** (a switch under Advanced) divides each weight matrix of D by its largest "
        "singular value, so that D's slope is at most 1. These are the singular values of the present D:"
    )
    spectrum(room)
    kit.source(SpectralLinear)


def failures() -> None:
    st.markdown(
        "Each link shows its failure within a minute, for at least four seeds of five; so do the cures. The tests "
        "of this lab train them all. The sentence under the picture names what is seen."
    )
    kit.gallery(kit.words_of(room.family).failures)


def experiments() -> None:
    kit.experiments(
        [
            (
                "Twenty-five groups",
                "Narrow groups on a grid. The default adds R1; set it to none and count what is left after 8,000 rounds.",
                "/gan?data=grid",
            ),
            (
                "Digits",
                "The same game on pictures of 784 pixels. Strokes appear in half a minute, digits in two.",
                "/gan?data=digits",
            ),
            (
                "One dimension",
                "The figure of the 2014 paper: the density of the fakes, of the data, D, and the best possible D.",
                "/gan?data=two-bumps",
            ),
        ]
    )


explore = {"Explore z": lambda: explore_tab(room)} if isinstance(room.space, Picture) else {}
kit.tabs(
    {"Formula and code": formula, "Losses": losses}
    | explore
    | {"Failures and cures": failures, "Try this": experiments, "Check": lambda: kit.checks(room)}
)
