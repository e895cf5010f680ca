"""The VAE's room: students walk through the latent plane of a model while it learns."""

import streamlit as st

from engine.codes import base as latent
from engine.codes.base import Variational
from engine.codes.vae import VAE
from engine.space import Picture
from lab import kit
from lab.codes.attributes_tab import factors
from lab.codes.bound_tab import bound
from lab.codes.codes_tab import use_codes
from lab.codes.draw_tab import draw
from lab.codes.failures import DISENTANGLED
from lab.codes.plane_tab import latent_plane
from lab.codes.slips_tab import slips
from lab.kit.pickers import data_of

room = kit.room(
    VAE,
    data_name="digits",
    sentence="An **encoder** gives each picture x a cloud of codes z, and a **decoder** turns codes back into pictures. "
    "Together they make a space of z in which every place is a picture.",
)
latent_plane(room)
kit.commentary(room)


def formula() -> None:
    kit.knob_table(VAE)
    kit.formula(
        VAE,
        r"""
We want to maximize $\log p(x)$, where $p(x) = \int p(x \mid z)\, p(z)\, dz$ and $p(z) = \mathcal N(0, I)$.
The integral is intractable. The encoder therefore proposes $q(z \mid x) = \mathcal N(\mu(x), \sigma^2(x))$, and
encoder and decoder together maximize a bound:

$$
\begin{aligned}
\log p(x) &\ge \underbrace{\mathbb{E}_{q(z \mid x)}[\log p(x \mid z)]}_{\text{reconstruction}} \\
&\quad - \underbrace{\mathrm{KL}[q(z \mid x) \,\Vert\, p(z)]}_{\text{distance from the prior}} \\
&= \mathrm{ELBO}
\end{aligned}
$$

The gap is $\mathrm{KL}[q(z \mid x) \,\Vert\, p(z \mid x)]$: the bound is tight if the encoder finds the true
posterior. With $z = \mu + \sigma \varepsilon$, $\varepsilon \sim \mathcal N(0, I)$, the randomness is an input,
and the gradient passes through $\mu$ and $\sigma$. For two Gaussians, the KL needs no sampling:

$$
\mathrm{KL} = \tfrac12 \sum_j \left(\mu_j^2 + \sigma_j^2 - \log \sigma_j^2 - 1\right)
$$
""",
    )
    kit.source(VAE.turns, VAE.terms, Variational.likelihood, latent.kl, latent.normal)


def failures() -> None:
    st.markdown(
        "**See it fail** trains a setting on the stage, and the sentence under the picture names what you see. Then apply a cure. The tests of this "
        "lab train them all."
    )
    kit.gallery(room, kit.words_of(room.family).failures)


def experiments() -> None:
    kit.experiments(
        [
            (
                "A wall of β",
                "Eight VAEs with β from 0.1 to 32 train together. A curve shows what each pays in KL and gains in reconstruction.",
                "/wall?family=vae&data=digits",
            ),
            (
                "PCA, autoencoder and VAE",
                "Three planes of codes for the same digits and the same nets show the purpose of the KL term.",
                "/planes",
            ),
            (
                "Twenty dimensions",
                "The reconstructions and the ELBO are much better. Some dimensions may fall asleep: watch the bars of the KL.",
                "/vae?z=20",
            ),
            (
                "Disentangled by β",
                "Ellipses are drawn from four independent factors. With a large β, single dimensions of z tend to stand for single factors.",
                DISENTANGLED,
            ),
            (
                "Points in the plane",
                "With a Gaussian decoder, the stage shows the VAE's own density p(x), computed by an integral over z.",
                "/vae?data=moons",
            ),
            (
                "From blurred to sharp",
                "In a VAE-GAN, a discriminator judges the reconstructions.",
                "/vae-gan",
            ),
        ]
    )


pictures = {"Draw a digit": lambda: draw(room), "Use the codes": lambda: use_codes(room)}
if data_of(room).factors is not None:  # of a picture of digits nobody knows them
    pictures = {"Factors": lambda: factors(room), "Use the codes": lambda: use_codes(room)}
kit.tabs(
    {
        **(pictures if isinstance(room.space, Picture) else {}),
        "How tight is the bound?": lambda: bound(room),
        "Formula and code": {"Formula and code": formula, "Slips in the slides": slips},
        "Failures and cures": failures,
        "Try this": experiments,
        "Check": lambda: kit.checks(room),
    },
    room,
)
