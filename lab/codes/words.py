"""What is said of models with codes."""

from __future__ import annotations

from typing import Any

from engine.codes import cvae, vae
from engine.codes.ae import AE
from engine.codes.base import ERROR, Coder, Variational
from engine.codes.pca import PCA
from engine.codes.vae import VAE
from engine.codes.vae_gan import FAKE, FOOL, LIKE, LIKE_DEC, PRIOR, REAL, SLOPE, VAEGAN
from lab.codes.failures import AE_FAILURES, BLUR, VAE_FAILURES
from lab.codes.graphs import AE_GRAPH, PCA_GRAPH, VAE_GAN_GRAPH, VARIATIONAL_GRAPH
from lab.codes.tradeoff_tab import trade_off
from lab.kit.subject import Legend, Place, Recording, Row, Subject

PLANES = 16  # pictures in a recording; the decoded plane makes each five times as large
SWATCHES: list[Any] = [
    part
    for digit in range(10)
    for part in ({"words": str(digit), "layer": f"codes/test/{digit}", "role": f"label-{digit}"}, " ")
]


LEGENDS: dict[str, Legend] = {
    "image": [
        "Each dot of the latent plane is the ",
        {"words": "code", "layer": "codes/test"},
        " μ of a test picture, coloured by its label: ",
        *SWATCHES,
        "The ",
        {"words": "circles", "layer": "circle/prior", "role": "latent"},
        " are one, two and three standard deviations of the prior p(z). The ",
        {"words": "grid picture", "layer": "atlas/decoder", "role": "model"},
        " behind them shows what the decoder makes of each place: point anywhere to enlarge it.",
    ],
    "points": [
        "Each dot of the latent plane is the ",
        {"words": "code", "layer": "codes/test", "role": "data"},
        " μ of a test point, coloured by its label if it has one; the ",
        {"words": "circles", "layer": "circle/prior", "role": "latent"},
        " are one, two and three standard deviations of the prior p(z). Beside it, ",
        {"words": "samples", "layer": "points/fake", "role": "model"},
        " decoded from draws of the prior should come to be distributed like the ",
        {"words": "data", "layer": "points/real", "role": "data"},
        ". The ",
        {"words": "background", "layer": "field/density", "role": "model"},
        " is the model's own density p(x), the integral of p(x|z) p(z) over z, as a share of its "
        "largest value. Each test point is restored at the end of its ",
        {"words": "arrow", "layer": "arrows/reconstruction", "role": "truth", "off": True},
        "; the ",
        {"words": "grid", "layer": "mesh/generator", "role": "model", "off": True},
        " shows how the decoder bends the plane of z. Point into the latent plane to see where a place goes.",
    ],
}  # fmt: skip

BOUNDS = {vae.RESTORE: vae.DIVERGE, cvae.RESTORE: cvae.DIVERGE}
"""The two terms of each bound."""
GAME = (PRIOR, LIKE, LIKE_DEC, FOOL, REAL, FAKE, SLOPE)
"""The terms of a VAE-GAN."""


def error_now(run: str, row: Row) -> str:
    """The present error of an autoencoder or of PCA."""
    error = row.get(ERROR)
    if error is None:
        return ""
    loss = rf"$\lVert x - d(e(x)) \rVert^2 = {error:.2f}$"
    return f"Around round {row['round']:,}: {loss}, averaged over examples."


def game_now(run: str, row: Row) -> str:
    """What each player of a VAE-GAN descends at present."""
    terms = [f"{term} = {row[term]:.3f}" for term in GAME if isinstance(row.get(term), float)]
    said = ", ".join(terms).replace("-E", "−E")
    for sign in "[]~_|":  # these mean something else in markdown
        said = said.replace(sign, "\\" + sign)
    return f"Around round {row['round']:,}: {said}." if terms else ""


def bound_now(run: str, row: Row) -> str:
    """The two terms of the objective, with their present values."""
    for restore, diverge in BOUNDS.items():
        error, kl = row.get(restore), row.get(diverge)
        if error is not None and kl is not None:
            return (
                rf"Around round {row['round']:,}: $-\mathbb{{E}}_q[\log p(x \mid z)] + \beta\,"
                rf"\mathrm{{KL}}[q(z \mid x) \,\Vert\, p(z)] = {error:.1f} + {kl:.2f} = {error + kl:.1f}$ "
                "nats, averaged over examples."
            )
    return ""


SUBJECT = Subject(
    Coder,
    places=[
        Place("pca", "The best plane, and a Gaussian on it"),
        Place("vae", "Codes in a plane that you can walk on", "Variational"),
        Place("cvae", "The same handwriting, another digit", "Variational"),
        Place("vae-gan", "A discriminator looks for blur", "Direct", rank=1),
        Place("ae", "Squeeze and restore; no density, but codes"),
        Place("planes", "PCA, autoencoder and VAE side by side", title="Three planes of codes"),
    ],
    legends=LEGENDS,
    labels={"world": "Data space", "field": "p(x) over its maximum"},
    graph=AE_GRAPH,
    now=error_now,
    data="digits",
    of_wall=trade_off,
    recordings=[
        Recording("pca", "digits", 300, pictures=PLANES), Recording("ae", "digits", 3000, pictures=PLANES),
        Recording("vae", "digits", 3000, pictures=PLANES), Recording("cvae", "digits", 3000, pictures=PLANES),
        Recording("vae-gan", "digits", 4000, pictures=PLANES),
    ],
)  # fmt: skip
OF_PCA = Subject(PCA, graph=PCA_GRAPH)
OF_AE = Subject(AE, failures=AE_FAILURES)
VARIATIONAL = Subject(Variational, graph=VARIATIONAL_GRAPH, now=bound_now)
OF_VAE = Subject(VAE, failures=VAE_FAILURES)
OF_VAE_GAN = Subject(VAEGAN, graph=VAE_GAN_GRAPH, now=game_now, failures=[BLUR])
