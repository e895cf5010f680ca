"""Tabs of flows in the plane: a film of the layers, the way of one point, and why a flow is not perfect."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from engine.space import Plane
from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.numbers import signed
from lab.kit.palette import ink
from lab.kit.pickers import HOW, number_of_z
from lab.kit.room import Room
from lab.stage import film, passage

LEGEND: list[Any] = [
    {"words": "Samples", "layer": "points/fake", "role": "model"},
    " on their way, ",
    {"words": "data", "layer": "points/real", "role": "data"},
    " as encoded up to this layer, and a ",
    {"words": "grid", "layer": "mesh/generator", "role": "latent"},
    " of z, whose cells all hold the same share of the noise.",
]


def plane_only(room: Room) -> bool:
    """Whether there is something to draw; if not, say what is missing."""
    if not isinstance(room.space, Plane):
        st.info(
            "This is drawn in the plane: choose points, such as [the two moons](?data=moons), as the data."
        )
    else:
        return True
    return False


@st.fragment
def film_of_layers(room: Room) -> None:
    """From z to x through the layers, and back, as a continuous film."""
    st.markdown(
        r"Layer by layer, $f^{-1}$ turns the simple density of $z$ into that of $x$. Nothing is torn and "
        r"nothing overlaps: the grid stays a grid. Where a layer **stretches** the plane, the density falls; "
        r"where it **squeezes** the plane, the density rises, by exactly the factor $\lvert \det \rvert$."
    )
    if not plane_only(room):
        return
    seed = number_of_z("Seed of the noise", "layers-seed", 0)
    film(
        room.run,
        key="film-layers",
        round=room.round,
        rows=[{"title": "", "ask": "layers", "with": {"seed": seed}}],
        screens={
            "h": "samples, data and grid",
            "density": "their density",
            "stretch": "the layer: it stretches blue, squeezes orange",
        },
        legend=LEGEND,
        labels={"number/scale of the colours": "log|det| of the strongest blue, in nats"},
        tween=True,
    )
    st.caption(HOW + " Between two layers everything moves along straight lines.")


def a_point(room: Room) -> None:
    """The way of one x through all layers, and log p(x) as a sum over them."""
    st.markdown(
        r"Press a place in the plane. Its way $x = h_0 \to h_1 \to \dots \to h_L = z$ gives $\log p_x(x)$: "
        r"the log-density of $z$, plus the logarithm of how much each layer stretches there. The matrices "
        r"are the Jacobians; their zeros are left empty."
    )
    if plane_only(room):
        passage(room.run, key="passage", round=room.round)


@st.fragment
def gaps(room: Room) -> None:
    """Topology: what a single blob cannot become, measured."""
    st.markdown(
        r"""
A flow is **continuous**, and so is its inverse. Such a map keeps one piece in one piece: no flow can tear the
blob of $\mathcal N(0, \mathbf I)$ into eight, or make a hole in it. Between the pieces it leaves **bridges**,
and to make them thinner it must squeeze the plane more steeply. They cost likelihood, because the mass on
them is missing where the data are.
"""
    )
    if not plane_only(room) or not (answer := ask(room, "bridges")):
        return
    if answer["note"]:
        st.info(answer["note"])
    shades = [
        ("model", "model", "the model", "logarithm of the model's density"),
        ("data", "data", "the data, exactly", "logarithm of the density of the data"),
        ("between", "model", "the model where the data are not", "bridges of the model"),
    ]
    figures = [Figure(tinted(answer[name], role), *text) for name, role, *text in shades if name in answer]
    strip([("", figures)], columns=3, least=104, most=300)
    if "data" in answer:
        st.markdown(bridged(answer))
    st.caption(
        "The shades are logarithmic: each step fainter means a density smaller by the same factor, down to "
        "e⁻¹² of the largest."
    )
    ask_again(room, answer, "bridges-again")
    st.markdown(
        "Two things help: **splines**, whose curves can be steeper and so make bridges thinner ([the ring by "
        "a spline flow](./spline-flow?data=ring)); and a **base in several pieces**, which needs no bridges "
        "([Real-NVP with a mixture as its base](./real-nvp?data=ring&base=mixture))."
    )


def bridged(answer: dict[str, float]) -> str:
    """The measured share in words."""
    share = max(0.0, answer["share"])
    return (
        f"**{share:.1%}** of the model's mass lies outside the region that holds {answer['held']:.1%} of the "
        f"data. That alone costs at least {signed(answer['cost'], 3)} nat. The whole distance to a perfect "
        f"model is KL(data ‖ model) = {signed(answer['divergence'], 3)} nat."
    )


def tinted(shade: np.ndarray, role: str) -> np.ndarray:
    """Bytes (n, n), row 0 at the bottom, as a picture (n, n, 4) in one colour, transparent where 0."""
    picture = np.empty((*shade.shape, 4), np.uint8)
    picture[..., :3], picture[..., 3] = tuple(bytes.fromhex(ink(role)[1:])), shade[::-1]
    return picture
