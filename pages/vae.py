"""The VAE's room: the student walks through the latent plane of a model that learns while he looks."""

import streamlit as st

from engine import latent
from engine.families.vae import VAE
from engine.latent import Variational
from lab import kit
from lab.kit.latent import GRAPH, LABELS, LEGENDS, bound_now, latent_plane

room = kit.room(
    VAE,
    data_name="digits",
    sentence="An **encoder** gives each picture x a cloud of codes z, a **decoder** turns codes back into pictures; "
    "together they make a space of z in which every place is a picture.",
    legends=LEGENDS,
    labels=LABELS,
    graph=GRAPH,
)
latent_plane(room)
kit.commentary(room, bound_now, game=False)


def formula() -> None:
    st.markdown(
        r"""
What we want to raise is $\log p(x)$, where $p(x) = \int p(x \mid z)\, p(z)\, dz$ and $p(z) = \mathcal N(0, I)$.
The integral is out of reach, so the encoder proposes $q(z \mid x) = \mathcal N(\mu(x), \sigma^2(x))$, and both
climb a bound:

$$
\log p(x) \;\ge\; \underbrace{\mathbb{E}_{q(z \mid x)}[\log p(x \mid z)]}_{\text{reconstruction}}
\;-\; \underbrace{\mathrm{KL}[q(z \mid x) \,\Vert\, p(z)]}_{\text{distance from the prior}} \;=\; \mathrm{ELBO}
$$

The gap is $\mathrm{KL}[q(z \mid x) \,\Vert\, p(z \mid x)]$: the bound is tight where the encoder finds the true
posterior. With $z = \mu + \sigma \varepsilon$, $\varepsilon \sim \mathcal N(0, I)$, chance enters from outside,
and the gradient passes through $\mu$ and $\sigma$; and for two Gaussians the KL needs no sampling:

$$
\mathrm{KL} = \tfrac12 \sum_j \left(\mu_j^2 + \sigma_j^2 - \log \sigma_j^2 - 1\right)
$$
"""
    )
    kit.source(VAE.turns, VAE.terms, Variational.likelihood, latent.kl, latent.normal)
    kit.knob_table(VAE)


kit.tabs({"Formula and code": formula, "Check": lambda: kit.checks(room)})
