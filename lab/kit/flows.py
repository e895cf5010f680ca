"""The words of the flow rooms: legend sentences, the graph of a flow, labels, the loss now, the lecture's
formulas; and the room itself, whose tabs are in `lab.kit.layers`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from engine.flow import BITS, NLL, Bijection, Flow
from engine.metrics.flow import KL
from lab.kit import layers
from lab.kit.flow_pictures import use_flow
from lab.kit.panels import checks, commentary, judged_by, knob_table, tabs
from lab.kit.panels import source as show_source
from lab.kit.room import Room, room
from lab.runs import store
from lab.stage import Graph

DENSITY: list[Any] = [
    "The model's exact ",
    {"words": "density", "layer": "field/density", "role": "model"},
    " should come to be that of the ",
    {"words": "data", "layer": "points/real", "role": "data"},
    ". ",
    {"words": "Samples", "layer": "points/fake", "role": "model", "off": True},
    " are noise z, sent back through all layers; so is the ",
    {"words": "grid", "layer": "mesh/generator", "role": "latent", "off": True},
    ", whose cells all hold the same share of the noise. ",
]
LEGENDS: dict[str, list[Any]] = {
    "points": [
        *DENSITY,
        "Beside it the data's ",
        {"words": "exact density", "layer": "side/target", "role": "truth"},
        ", and the ",
        {"words": "difference", "layer": "side/error", "role": "field"},
        ": blue where the model has too little, orange where it has too much.",
    ],
    "points alone": [
        *DENSITY,
        "Nobody knows the density of a table, so there is no entropy and no error to show.",
    ],
    "line": [
        "The model's exact ",
        {"words": "density", "layer": "line/model density", "role": "model"},
        " should come to match the ",
        {"words": "data's", "layer": "line/truth density", "role": "truth"},
        ". Each ",
        {"words": "line", "layer": "links/generator", "role": "latent"},
        " leads from a z below to its x; there is the same share of the noise between any two.",
    ],
    "image": ["Pictures that the model makes of the same noise z in every frame, by x = f⁻¹(z)."],
}

LABELS = {
    "world": "Data space",
    "images/samples": "Samples",
    "side/target": "exact density of the data",
    "side/error": "data minus model",
    "number/∫ p": "∫ p over the plane",
    f"number/{KL}": f"{KL}, nats",
    "number/frozen": "numbers of x that are only scaled and shifted",
    f"chart/{NLL}": f"{NLL}, nats",
    f"chart/{BITS}": BITS,
    "chart/distance from the data": "Distance from the data",
    f"term/{NLL}": "training",
    f"term/test {NLL}": "test",
    f"term/{BITS}": "training",
    f"term/test {BITS}": "test",
    f"role/{NLL}": "model",
    f"role/test {NLL}": "data",
    f"role/{BITS}": "model",
    f"role/test {BITS}": "data",
}

GRAPH: Graph = {
    "nodes": [
        {"id": "x", "title": "x", "says": "an example", "role": "data", "at": [0, 0],
         "array": "points/real", "lights": ["batch.x", "x"]},
        {"id": "f", "title": "f = f_L ∘ … ∘ f₁", "says": "invertible layers", "role": "model", "at": [1, 0],
         "array": "mesh/generator"},
        {"id": "z", "title": "z", "says": "the example as noise", "role": "latent", "at": [2, 0],
         "lights": ["z"]},
        {"id": "base", "title": "log p_z(z)", "says": "how likely that noise is", "role": "latent",
         "at": [3, 0]},
        {"id": "det", "title": "log |det ∂f/∂x|", "says": "how much f stretches here", "role": "model",
         "at": [2, 1], "lights": ["log_det"]},
        {"id": "sum", "title": "log p_x(x)", "says": "the sum of both, exact", "role": "model",
         "at": [3, 1], "arrays": ["field/density", "line/model density"]},
        {"id": "loss", "title": "loss", "says": "−E[log p_x(x)]", "at": [4, 1],
         "arrays": [f"curve/{NLL}/", f"curve/{BITS}/"], "lights": ["terms"]},
        {"id": "gradient", "title": "gradient", "says": "to the weights of all layers",
         "role": "gradient", "at": [2, 2], "lights": ["gradient", "change"]},
    ],
    "edges": [
        ["x", "f"], ["f", "z"], ["z", "base"], ["f", "det"], ["base", "sum"], ["det", "sum"], ["sum", "loss"],
        ["loss", "gradient", "gradient"], ["gradient", "f", "gradient"],
    ],
}  # fmt: skip

LOSS = r"-\frac1m \sum_i \log p_x(x_i)"


def flow_room(family: type[Flow], *, sentence: str, data_name: str = "moons") -> Room:
    """The room of a flow, and the sentence on its loss as it is now."""
    found = room(family, data_name=data_name, sentence=sentence, legends=LEGENDS, labels=LABELS, graph=GRAPH)
    commentary(found, lambda row: loss_now(found, row))
    return found


def flow_tabs(
    room: Room,
    *,
    formula: Callable[[], None],
    experiments: Callable[[], None],
    more: Mapping[str, Callable[[], None]] | None = None,
) -> None:
    """The tabs that all flows share, with the family's own formula and experiments; `more` come before."""
    pictures = {"Pictures": lambda: use_flow(room)} if "image" in room.family.kinds else {}
    plane = {
        "Layers": lambda: layers.film_of_layers(room),
        "A point": lambda: layers.a_point(room),
        "Why not perfect?": lambda: layers.gaps(room),
    }
    first = pictures | plane if room.kind == "image" else plane | pictures
    last = {"Formula and code": formula, "Try this": experiments, "Check": lambda: checks(room)}
    tabs(first | dict(more or {}) | last)


def loss_now(room: Room, row: dict[str, Any]) -> str:
    """The lecture's loss with its present number; and on test data, beside the least that is possible."""
    when, at = rf"Around round {row['round']:,}: $L = {LOSS}", store.folder(room.run)
    rows = store.rows(at / "metrics.jsonl", tail=32_768, having=(b'"test ',))
    last = rows[-1] if rows else {}
    if BITS in row:
        says = when + rf"$ is {row[BITS]:.3f} bits per dimension"
        if tested := last.get(f"test {BITS}"):
            says += f", and {tested:.3f} on test data"
        return says + ". With 8 bits a model says no more than that there are 256 levels."
    if NLL not in row:
        return ""
    says = when + f" = {row[NLL]:.3f}$ nats"
    if f"test {NLL}" not in last:
        return says + "."
    says += f". On test data, around round {last['round']:,}, it is {signed(last[f'test {NLL}'])}"
    if KL not in last:
        return says + ". How low it can come nobody knows: a table has no density of its own."
    known = judged_by(store.read_info(at).data)
    if not known.done():
        return says + "."
    return says + (
        f": **{signed(last[KL])} nat above the entropy** of the data, {known.result().entropy:.3f}, "
        "the least that is possible."
    )


def signed(value: float) -> str:
    """Three decimals, with a real minus sign."""
    return f"{value:.3f}".replace("-", "−")


def lecture() -> None:
    """What all flows share, in the lecture's letters."""
    st.markdown(
        r"""
**Change of variables.** With an invertible $z = f(x)$ and a known $p_z$,

$$
p_x(x_i) = p_z(f(x_i)) \left| \det \frac{\partial f(x_i)}{\partial x_i} \right|, \qquad
L = -\frac1m \sum_{i=1}^m \left( \log p_z(f(x_i)) +
\log \left| \det \frac{\partial f(x_i)}{\partial x_i} \right| \right)
$$

Training descends $L$ over minibatches; a new object is $x_i = f^{-1}(z_i)$ with $z_i \sim p_z$. In one
dimension you can bend $f$ by hand: [Change of variables](/change-of-variables).
"""
    )


def two_layers() -> None:
    """The lecture's example: layers compose, their determinants multiply."""
    st.markdown(
        r"""
**Two layers.** With $y_i = f_1(x_i)$ and $z_i = f_2(y_i)$ the determinants multiply, and their
logarithms add up:

$$
p_x(x_i) = p_z(f_2(f_1(x_i))) \left| \det \frac{\partial f_2(y_i)}{\partial y_i} \right|
\left| \det \frac{\partial f_1(x_i)}{\partial x_i} \right|
$$
"""
    )


def code(family: type[Flow], *things: Any) -> None:
    """The very code that runs: the family, its layers, and what all flows share; and the knobs."""
    show_source(family.build, *things, Bijection, Flow.turns, Flow.terms)
    knob_table(family)
