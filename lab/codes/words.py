"""What is said of models with codes."""

from __future__ import annotations

from typing import Any

from engine.codes.ae import AE
from engine.codes.base import Coder, Variational
from engine.codes.vae import VAE
from engine.codes.vae_gan import VAEGAN
from lab.codes.failures import AE_FAILURES, BLUR, VAE_FAILURES
from lab.codes.tradeoff_tab import trade_off
from lab.kit.subject import Legend, Place, Recording, Row, Subject
from lab.stage import Graph

PLANES = 16  # pictures of a recording: with a decoded plane each is five times as large
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
        " behind them is what the decoder makes of each place: point anywhere to see it large.",
    ],
    "points": [
        "Each dot of the latent plane is the ",
        {"words": "code", "layer": "codes/test", "role": "data"},
        " μ of a test point, coloured by its label if it has one; the ",
        {"words": "circles", "layer": "circle/prior", "role": "latent"},
        " are one, two and three standard deviations of the prior p(z). Beside it, ",
        {"words": "samples", "layer": "points/fake", "role": "model"},
        " decoded from z of the prior should come to lie like the ",
        {"words": "data", "layer": "points/real", "role": "data"},
        ". The ",
        {"words": "background", "layer": "field/density", "role": "model"},
        " is the model's own density p(x), the integral of p(x|z) p(z) over z, as a share of its "
        "largest value. Each test point is restored at the end of its ",
        {"words": "arrow", "layer": "arrows/reconstruction", "role": "truth", "off": True},
        "; the ",
        {"words": "grid", "layer": "mesh/generator", "role": "model", "off": True},
        " shows how the decoder bends the plane of z. Point into the latent plane to see where it goes.",
    ],
}  # fmt: skip

GRAPH: Graph = {
    "nodes": [
        {"id": "x", "title": "x", "says": "an example", "role": "data", "at": [0, 0],
         "array": "points/real", "lights": ["batch.x", "x", "target", "seen"]},
        {"id": "encoder", "title": "encoder", "says": "q(z | x)", "role": "latent", "at": [1, 0]},
        {"id": "code", "title": "μ, σ", "says": "mean and spread of its code", "role": "latent", "at": [2, 0],
         "array": "codes/test", "lights": ["q", "q.loc", "q.scale", "mu", "sigma"]},
        {"id": "eps", "title": "ε", "says": "noise N(0, 1)", "at": [2, 1], "lights": ["eps"]},
        {"id": "z", "title": "z", "says": "μ + σ ε", "role": "latent", "at": [3, 0],
         "array": "latent/fake", "lights": ["z"]},
        {"id": "decoder", "title": "decoder", "says": "p(x | z)", "role": "model", "at": [4, 0],
         "array": "mesh/generator"},
        {"id": "out", "title": "x̂", "says": "decoded", "role": "model", "at": [5, 0],
         "arrays": ["points/fake", "images/samples"], "lights": ["p", "restored"]},
        {"id": "loss", "title": "loss", "says": "reconstruction, and KL from the prior", "at": [4, 1],
         "arrays": ["curve/loss/"], "lights": ["terms", "each", "gradient", "change"]},
    ],
    "edges": [
        ["x", "encoder"], ["encoder", "code"], ["code", "z"], ["eps", "z"], ["z", "decoder"],
        ["decoder", "out"], ["out", "loss"],
    ],
}  # fmt: skip

VAE_GAN_GRAPH: Graph = {
    "nodes": [
        {"id": "x", "title": "x", "says": "an example", "role": "data", "at": [0, 0],
         "array": "points/real", "lights": ["batch.x", "x"]},
        {"id": "Enc", "title": "Enc", "says": "q(z | x)", "role": "latent", "at": [1, 0]},
        {"id": "z", "title": "z", "says": "code, or drawn from the prior", "role": "latent", "at": [2, 0],
         "array": "codes/test", "lights": ["q", "eps", "z_p"]},
        {"id": "Dec", "title": "Dec", "says": "draws", "role": "model", "at": [3, 0]},
        {"id": "out", "title": "x~, x_p", "says": "restored, and drawn", "role": "model", "at": [4, 0],
         "arrays": ["points/fake", "images/samples"], "lights": ["restored", "fakes"]},
        {"id": "Dis", "title": "Dis", "says": "real or not? and its layer l", "at": [4, 1]},
        {"id": "loss", "title": "loss", "says": "L_prior, L_like, L_GAN", "at": [3, 1],
         "arrays": ["curve/loss/"], "lights": ["terms"]},
        {"id": "gradient", "title": "gradient", "says": "to the player whose turn it is",
         "role": "gradient", "at": [1, 1], "lights": ["gradient", "change"]},
    ],
    "edges": [
        ["x", "Enc"], ["Enc", "z"], ["z", "Dec"], ["Dec", "out"], ["out", "Dis"], ["x", "Dis"],
        ["Dis", "loss"], ["loss", "gradient", "gradient"],
    ],
}  # fmt: skip


def error_now(run: str, row: Row) -> str:
    """The error of an autoencoder, or of PCA, as it is now."""
    error = row.get("||x - d(e(x))||²")
    if error is None:
        return ""
    return rf"Around round {row['round']:,}: $\lVert x - d(e(x)) \rVert^2 = {error:.2f}$ an example."


def judged_now(run: str, row: Row) -> str:
    """What each player of a VAE-GAN descends now."""
    terms = [(k, v) for k, v in row.items() if k[0] in "βLγ-λ" and isinstance(v, float)]
    said = ", ".join(f"{name} = {value:.3f}" for name, value in terms).replace("-E", "−E")
    for sign in "[]~_|":  # these mean something else in markdown
        said = said.replace(sign, "\\" + sign)
    return f"Around round {row['round']:,}: {said}." if terms else ""


def bound_now(run: str, row: Row) -> str:
    """The two terms of the objective with the present numbers in them."""
    restored = row.get("-E[log p(x|z)]", row.get("-E[log p(x|z,c)]"))
    kl = row.get("β KL[q(z|x) || p(z)]", row.get("β KL[q(z|x,c) || p(z|c)]"))
    if restored is None or kl is None:
        return ""
    return (
        rf"Around round {row['round']:,}: $-\mathbb{{E}}_q[\log p(x \mid z)] + \beta\,"
        rf"\mathrm{{KL}}[q(z \mid x) \,\Vert\, p(z)] = {restored:.1f} + {kl:.2f} = {restored + kl:.1f}$ nats "
        "an example."
    )


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
    graph=GRAPH,
    now=error_now,
    data="digits",
    of_wall=trade_off,
    recordings=[
        Recording("pca", "digits", 300, pictures=PLANES), Recording("ae", "digits", 3000, pictures=PLANES),
        Recording("vae", "digits", 3000, pictures=PLANES), Recording("cvae", "digits", 3000, pictures=PLANES),
        Recording("vae-gan", "digits", 4000, pictures=PLANES),
    ],
)  # fmt: skip
VARIATIONAL = Subject(Variational, now=bound_now)
OF_VAE = Subject(VAE, failures=VAE_FAILURES)
OF_AE = Subject(AE, failures=AE_FAILURES)
OF_VAE_GAN = Subject(VAEGAN, graph=VAE_GAN_GRAPH, now=judged_now, failures=[BLUR])
