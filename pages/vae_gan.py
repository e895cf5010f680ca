"""The VAE-GAN's room: the features of a discriminator judge the reconstruction, and blur turns sharp."""

import streamlit as st

from engine.codes.vae_gan import VAEGAN, Discriminator
from engine.space import Picture
from lab import kit
from lab.codes.codes_tab import use_codes
from lab.codes.draw_tab import draw
from lab.codes.plane_tab import latent_plane

room = kit.room(
    VAEGAN,
    data_name="digits",
    sentence="A VAE must be right pixel by pixel, so it blurs what it is not sure of. Here a **discriminator** looks for blur, "
    "and its hidden layer decides which pictures are similar.",
)
latent_plane(room)
kit.commentary(room)


def formula() -> None:
    kit.knob_table(VAEGAN)
    kit.formula(
        VAEGAN,
        r"""
There are three players. $\mathrm{Dis}_l(x)$ is a hidden layer of the discriminator, $\hat x = \mathrm{Dec}(z)$ is
restored from $z \sim q(z \mid x)$, and $x_p = \mathrm{Dec}(z_p)$ is decoded from a draw $z_p$ of the prior. The
discriminator meets as many $\hat x$ as $x_p$; $\tilde x$ is any of these fakes.

$$
\mathcal L_{prior} = \beta\,\mathrm{KL}[q(z \mid x) \,\Vert\, p(z)] \qquad
\mathcal L_{like} = \tfrac12 \lVert \mathrm{Dis}_l(x) - \mathrm{Dis}_l(\hat x) \rVert^2
$$
$$
\mathcal L_{GAN} = \log \mathrm{Dis}(x) + \log(1 - \mathrm{Dis}(\tilde x))
$$

The encoder descends $\mathcal L_{prior} + \mathcal L_{like}$, the decoder $\gamma \mathcal L_{like} - \mathcal L_{GAN}$, and the
discriminator $-\mathcal L_{GAN}$ and a penalty on its slope (R1), $\tfrac{\lambda}{2} \lVert \nabla \mathrm{Dis}(x)
\rVert^2$, which is taken before the sigmoid. Of $-\mathcal L_{GAN}$ the decoder descends $-\log \mathrm{Dis}(\tilde x)$ in place of $\log(1 - \mathrm{Dis}(\tilde x))$,
which is flat where the discriminator is sure of a fake. (The paper adds a term for each kind of fake, so that fakes weigh
twice as much as real pictures. Here all fakes together weigh as much as the real pictures.) A small $\gamma$ asks for sharp pictures, and a large one for pictures similar to $x$.
""",
    )
    kit.source(VAEGAN.turns, VAEGAN.L_prior, VAEGAN.L_like, VAEGAN.fool, VAEGAN.discriminate, Discriminator)


def blur() -> None:
    st.markdown(
        "**Sharpness** is the mean squared difference of neighbouring pixels, over the variance of the pictures, relative to real "
        "digits: those have 1. Each run measures it, and the sentence under the picture reports it."
    )
    kit.gallery(room, kit.words_of(room.family).failures)


pictures = {"Draw a digit": lambda: draw(room), "Use the codes": lambda: use_codes(room)}
kit.tabs(
    {
        **(pictures if isinstance(room.space, Picture) else {}),
        "From blurred to sharp": blur,
        "Formula and code": formula,
        "Check": lambda: kit.checks(room),
    },
    room,
)
