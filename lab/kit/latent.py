"""The words of the rooms with a latent plane, and the choice of its axes."""

from __future__ import annotations

from typing import Any

import streamlit as st

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

LABELS = {
    "world": "Data space",
    "field": "p(x) over its maximum",
    "chart/loss": "What is descended, nats",
    "chart/minus ELBO": "−ELBO on test data, split, nats",
    "chart/bound on log p(x)": "Bound on log p(x), nats",
    "chart/KL of each dimension": "KL of each dimension, nats",
    "chart/test error": "Error on test data",
    "term/−reconstruction": "−E[log p(x|z)]",
    "term/KL": "KL[q(z|x) ‖ p(z)]",
    "number/active units": "active dimensions",
    "number/largest p(x)": "largest p(x)",
    "role/−reconstruction": "model",
    "role/-E[log p(x|z)]": "model",
    "role/KL": "latent",
    "role/β KL[q(z|x) || p(z)]": "latent",
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


def bound_now(row: dict[str, Any]) -> str:
    """The two terms of the objective with the present numbers in them."""
    restored, kl = row.get("-E[log p(x|z)]"), row.get("β KL[q(z|x) || p(z)]")
    if restored is None or kl is None:
        return ""
    return (
        rf"Around round {row['round']:,}: $-\mathbb{{E}}_q[\log p(x \mid z)] + \beta\,"
        rf"\mathrm{{KL}}[q(z \mid x) \,\Vert\, p(z)] = {restored:.1f} + {kl:.2f} = {restored + kl:.1f}$ nats "
        "an example."
    )
