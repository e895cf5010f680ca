"""What is said of models with codes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from engine.codes import cvae, vae
from engine.codes.ae import AE
from engine.codes.base import ELBO, ERROR, KL, RESTORED, Coder, Variational
from engine.codes.pca import PCA
from engine.codes.vae import VAE
from engine.codes.vae_gan import FAKE, FOOL, LIKE, LIKE_DEC, PRIOR, REAL, SLOPE, VAEGAN
from lab.codes.failures import AE_FAILURES, BLUR, VAE_FAILURES
from lab.codes.tradeoff_tab import trade_off
from lab.kit.subject import Legend, Place, Recording, Row, Subject
from lab.stage import Graph

PLANES = 16  # pictures in a recording; the decoded plane makes each five times as large
SWATCHES: list[Any] = [
    part
    for digit in range(10)
    for part in ({"words": str(digit), "layer": f"codes/test/{digit}", "role": f"label-{digit}"}, " ")
]

CODE_WORD: dict[str, Any] = {"words": "code", "layer": "codes/test"}
CIRCLES: dict[str, Any] = {"words": "circles", "layer": "circle/prior", "role": "latent"}


def legends(
    mu: str, circles: str, drawn: str, density: bool = False, lie: str = "should come to lie"
) -> dict[str, Legend]:
    """The legends of models whose code of x is written `mu`, if it has a letter; `circles` says whose
    standard deviations are drawn, `drawn` where the samples come from, and `lie` what is expected of them.
    Some know a `density` of x."""
    dot, deviations = f"{mu} of a test ", f" are one, two and three standard deviations of {circles}. "
    known: list[Any] = [
        " The ",
        {"words": "background", "layer": "field/density", "role": "model"},
        " is the model's own density p(x), the integral of p(x|z) p(z) over z, as a share of its largest "
        "value.",
    ]
    return {
        "image": [
            "Each dot of the latent plane is the ", CODE_WORD, f"{dot}picture, coloured by its label: ",
            *SWATCHES, "The ", CIRCLES, deviations + "The ",
            {"words": "grid picture", "layer": "atlas/decoder", "role": "model"},
            " behind them shows what the decoder makes of each place: point anywhere to enlarge it.",
        ],
        "points": [
            "Each dot of the latent plane is the ", CODE_WORD | {"role": "data"},
            f"{dot}point, coloured by its label if it has one; the ", CIRCLES, deviations + "Beside it, ",
            {"words": "samples", "layer": "points/fake", "role": "model"},
            f" decoded from draws of {drawn} {lie} like the ",
            {"words": "data", "layer": "points/real", "role": "data"}, ".", *(known if density else ()),
            " Each test point is restored at the end of its ",
            {"words": "arrow", "layer": "arrows/reconstruction", "role": "truth", "off": True},
            "; the ", {"words": "grid", "layer": "mesh/generator", "role": "model", "off": True},
            " shows how the decoder bends the plane of z. Point into the latent plane to see where a place "
            "goes.",
        ],
    }  # fmt: skip


OF_A_GAUSSIAN = legends("", "N(0, I)", "N(0, I)")
NO_PRIOR = legends("", "N(0, I), to which nothing in the loss draws the codes", "N(0, I)", lie="need not lie")
OF_A_PRIOR, WITH_DENSITY = (legends(" μ", "the prior p(z)", "the prior", density=on) for on in (False, True))
LABELS = {
    "world": "Data space",
    "field": "p(x) over its maximum",
    "images/samples": "Decoded draws of N(0, I)",
}
OF_THE_PRIOR = LABELS | {"images/samples": "Samples of the prior"}

BOUNDS = {vae.RESTORE: vae.DIVERGE, cvae.RESTORE: cvae.DIVERGE}
"""The two terms of each bound."""
GAME = (PRIOR, LIKE, LIKE_DEC, FOOL, REAL, FAKE, SLOPE)
"""The terms of a VAE-GAN."""

Node = dict[str, Any]

X: Node = dict(id="x", title="x", says="an example", role="data", array="points/real")
ENCODER: Node = dict(id="encoder", title="encoder", says="e(x)", role="latent")
Z: Node = dict(id="z", title="z", says="the code of x", role="latent", array="codes/test")
CODE: Node = Z | dict(id="code", title="μ, σ", says="mean and spread of its code")
DECODER: Node = dict(id="decoder", title="decoder", says="d(z)", role="model", array="mesh/generator")
SHOWN = ["points/fake", "images/samples"]
DECODED: Node = dict(id="reconstruction", title="x̂", says="decoded", role="model", arrays=SHOWN)
LOSS: Node = dict(id="loss", title="loss", says="squared error", arrays=["curve/loss/"])
GRADIENT: Node = dict(id="gradient", title="gradient", says="to encoder and decoder", role="gradient")
CHAIN = [[*ends] for ends in pairwise(("x", "encoder", "z", "decoder", "reconstruction", "loss"))]


def _placed(nodes: dict[tuple[int, int], Node]) -> list[Node]:
    """These nodes, each at its column and row."""
    return [node | {"at": list(place)} for place, node in nodes.items()]


PCA_GRAPH: Graph = {
    "nodes": _placed({(0, 0): X, (1, 0): ENCODER, (2, 0): Z, (3, 0): DECODER, (4, 0): DECODED, (4, 1): LOSS}),
    "edges": CHAIN,
}

AE_GRAPH: Graph = {
    "nodes": [*PCA_GRAPH["nodes"], *_placed({(2, 1): GRADIENT})],
    "edges": [*CHAIN, ["loss", "gradient", "gradient"]],
}

VARIATIONAL_GRAPH: Graph = {
    "nodes": _placed(
        {
            (0, 0): X,
            (1, 0): ENCODER | {"says": "q(z | x)"},
            (2, 0): CODE,
            (2, 1): {"id": "eps", "title": "ε", "says": "noise N(0, 1)"},
            (3, 0): Z | {"says": "μ + σ ε", "array": "latent/fake"},
            (4, 0): DECODER | {"says": "p(x | z)"},
            (5, 0): DECODED,
            (5, 1): LOSS | {"says": "reconstruction, and KL from the prior"},
            (4, 1): GRADIENT,
        }
    ),
    "edges": [
        ["x", "encoder"], ["encoder", "code"], ["code", "z"], ["eps", "z"], ["z", "decoder"],
        ["decoder", "reconstruction"], ["reconstruction", "loss"], ["loss", "gradient", "gradient"],
    ],
}  # fmt: skip

VAE_GAN_GRAPH: Graph = {
    "nodes": _placed(
        {
            (0, 0): X,
            (1, 0): {"id": "Enc", "title": "Enc", "says": "q(z | x)", "role": "latent"},
            (2, 0): Z | {"says": "code, or draw from the prior"},
            (3, 0): {"id": "Dec", "title": "Dec", "says": "decodes z", "role": "model"},
            (4, 0): DECODED | {"title": "x~", "says": "restored, or sampled"},
            (4, 1): {"id": "Dis", "title": "Dis", "says": "real or not? and its layer l"},
            (3, 1): LOSS | {"says": "L_prior, L_like, L_GAN"},
            (1, 1): GRADIENT | {"says": "to the player whose turn it is"},
        }
    ),
    "edges": [
        ["x", "Enc"], ["Enc", "z"], ["z", "Dec"], ["Dec", "reconstruction"], ["reconstruction", "Dis"],
        ["x", "Dis"], ["Dis", "loss"], ["loss", "gradient", "gradient"],
    ],
}  # fmt: skip


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


def told_c(formula: str) -> str:
    """The formula of the bound with all of its distributions conditioned on the label c."""
    return formula.replace("z)]", "z, c)]", 1).replace("x) ", "x, c) ").replace("p(z)", r"p(z \mid c)")


def bound_now(run: str, row: Row) -> str:
    """The two terms of the objective, with their present values."""
    for restore, diverge in BOUNDS.items():
        error, kl = row.get(restore), row.get(diverge)
        if error is not None and kl is not None:
            said = (
                rf"Around round {row['round']:,}: $-\mathbb{{E}}_q[\log p(x \mid z)] + \beta\,"
                rf"\mathrm{{KL}}[q(z \mid x) \,\Vert\, p(z)] = {error:.1f} + {kl:.2f} = {error + kl:.1f}$ "
                "nats, averaged over examples."
            )
            return told_c(said) if restore is cvae.RESTORE else said
    return ""


SUBJECT = Subject(
    Coder,
    places=[
        Place("pca", "The best plane, and a Gaussian on it", step=30),
        Place("ae", "Squeeze and restore; no density, but codes", "Codes alone", step=40, needs=["pca"]),
        Place("vae", "Codes in a plane that you can walk on", "Variational", step=50, needs=["ae"]),
        Place(
            "planes", "PCA, autoencoder and VAE side by side", "Codes alone", "Three planes of codes",
            "beside", 60, ["pca", "ae", "vae"], ["pca-digits", "ae-digits", "vae-digits"],
        ),
        Place("cvae", "The same handwriting, another digit", "Variational", step=70, needs=["vae"]),
        Place("vae-gan", "A discriminator looks for blur", "Direct", step=80, needs=["gan", "vae"]),
    ],
    charts=(RESTORED.chart, ERROR.chart),
    legends=OF_A_GAUSSIAN,
    labels=LABELS,
    colours={
        "x": "data", r"\tilde x": "data", r"\hat x": "model", "d": "model", "e": "latent", "z": "latent",
        "q": "latent", r"\mu": "latent", r"\sigma": "latent",
    },
    graph=AE_GRAPH,
    now=error_now,
    data="digits",
    of_wall=trade_off,
    recordings=[
        Recording("pca", "digits", 300, pictures=PLANES),
        Recording("ae", "digits", 3000, pictures=PLANES, minutes=0.3, usable=450),
        Recording("vae", "digits", 3000, pictures=PLANES, minutes=0.4, usable=450),
        Recording("cvae", "digits", 3000, pictures=PLANES, minutes=0.4, usable=450),
        Recording("vae-gan", "digits", 9000, slower=True, pictures=PLANES, minutes=5, usable=1500),
    ],
)  # fmt: skip
OF_PCA = Subject(
    PCA,
    graph=PCA_GRAPH,
    colours={"x": "data", "z": "latent", "V": "model"},
    legends=legends("", "N(0, I), the model's p(z)", "p(z)"),
)
OF_AE = Subject(AE, failures=AE_FAILURES, legends=NO_PRIOR)
VARIATIONAL = Subject(
    Variational,
    charts=(ELBO.chart, KL.chart),
    graph=VARIATIONAL_GRAPH,
    now=bound_now,
    legends=WITH_DENSITY,
    labels=OF_THE_PRIOR,
)
OF_VAE = Subject(VAE, failures=VAE_FAILURES)
OF_VAE_GAN = Subject(
    VAEGAN,
    colours={
        "x": "data",
        r"\hat x": "model",
        r"\tilde x": "model",
        "x_p": "model",
        "z": "latent",
        "q": "latent",
    },
    graph=VAE_GAN_GRAPH,
    now=game_now,
    failures=[BLUR],
    legends=OF_A_PRIOR,
    labels=OF_THE_PRIOR,
)
