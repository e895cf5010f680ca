"""The words of the rooms with a latent plane, and the choice of its axes."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine import data
from lab.kit.room import Room
from lab.runs import store
from lab.runs.supervisor import supervisor
from lab.stage import Graph

SWATCHES: list[Any] = [
    part
    for digit in range(10)
    for part in ({"words": str(digit), "layer": f"codes/test/{digit}", "role": f"label-{digit}"}, " ")
]

HANDS = (
    "In the latent plane: press to hold a z, drag to walk (with a finger: rest first); press the marker, or "
    "Escape, to let go. The key z holds the present place; then the arrow keys walk, with Shift five steps."
)

LEGENDS = {
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

LABELS = {
    "world": "Data space",
    "field": "p(x) over its maximum",
    "chart/loss": "What is descended",
    "chart/minus ELBO": "−ELBO on test data, split, nats",
    "chart/bound on log p(x)": "Bound on log p(x), nats",
    "chart/KL of each dimension": "KL of each dimension, nats",
    "chart/test error": "Error on test data",
    "term/−reconstruction": "−E[log p(x|z)]",
    "term/KL": "KL[q(z|x) ‖ p(z)]",
    "number/active units": "active dimensions",
    "number/holes": "gaps between codes, 1 = as in the prior",
    "number/sharpness": "sharpness of samples, 1 = real",
    "number/largest p(x)": "largest p(x)",
    "role/−reconstruction": "model",
    "role/-E[log p(x|z)]": "model",
    "role/KL": "latent",
    "role/β KL[q(z|x) || p(z)]": "latent",
    "role/-E[log p(x|z,c)]": "model",
    "role/β KL[q(z|x,c) || p(z|c)]": "latent",
    "role/||x - d(e(x))||²": "model",
    "role/L_like": "model",
    "role/γ L_like": "model",
    "role/-E[log Dis(x)]": "critic",
    "role/-E[log(1 - Dis(x~))]": "critic",
    "role/λ E[|∇Dis(x)|²]/2": "gradient",
    "role/ELBO": "model",
    "role/log p(x)": "truth",
}


def latent_plane(room: Room) -> None:
    """How to walk in the plane, and, where there are more than two dimensions, a choice of its axes."""
    st.caption(HANDS)
    dimensions = store.read_info(store.folder(room.run)).config.get("z", 2)
    if dimensions < 3 or not room.live:
        return
    names = [f"z{n + 1}" for n in range(dimensions)] + ["principal direction 1", "principal direction 2"]
    values = [*range(dimensions), -1, -2]
    left, right, _ = st.columns([1, 1, 2])
    across = left.selectbox("Axis across", names, 0, key="axis_across")
    up = right.selectbox("Axis up", names, 1, key="axis_up")
    if across == up:
        st.error("Both axes are the same; choose two different ones.")
        return
    chosen = {which: float(values[names.index(name)]) for which, name in (("x", across), ("y", up))}
    supervisor().point(room.run, {"kind": "axes"} | chosen)


def label_of_plane(room: Room) -> None:
    """The label for which the plane is decoded, in a room whose decoder must be told one."""
    if room.kind != "image" or not room.live:
        return
    classes = data.load(store.read_info(store.folder(room.run)).data).space.classes
    chosen = st.select_slider("Label of the decoded plane", range(classes), 0, key="label_of_plane")
    supervisor().point(room.run, {"kind": "label", "x": float(chosen), "y": 0.0})


def error_now(row: dict[str, Any]) -> str:
    """The error of an autoencoder, or of PCA, as it is now."""
    error = row.get("||x - d(e(x))||²")
    if error is None:
        return ""
    return rf"Around round {row['round']:,}: $\lVert x - d(e(x)) \rVert^2 = {error:.2f}$ an example."


def judged_now(row: dict[str, Any]) -> str:
    """What each player of a VAE-GAN descends now."""
    terms = [(k, v) for k, v in row.items() if k[0] in "βLγ-λ" and isinstance(v, float)]
    said = ", ".join(f"{name} = {value:.3f}" for name, value in terms).replace("-E", "−E")
    for sign in "[]~_|":  # these mean something else in markdown
        said = said.replace(sign, "\\" + sign)
    return f"Around round {row['round']:,}: {said}." if terms else ""


def bound_now(row: dict[str, Any]) -> str:
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
