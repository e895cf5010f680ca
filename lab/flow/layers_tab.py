"""The tabs of the flow rooms: the film through the layers, one point's way, and why a flow is not perfect."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from engine.space import Plane
from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.pickers import HOW, number_of_z
from lab.kit.room import Room
from lab.runs.supervisor import NO_MODEL
from lab.stage import film
from lab.stage.passage import passage

PLANE = "This is drawn in the plane: choose points, such as [the two moons](?data=moons), as the data."
ORANGE, BLUE = (213, 94, 0), (0, 114, 178)  # Okabe and Ito's: the model, the data
LEGEND: list[Any] = [
    {"words": "Samples", "layer": "points/fake", "role": "model"},
    " on their way, ",
    {"words": "data", "layer": "points/real", "role": "data"},
    " as they are encoded up to that layer, and the ",
    {"words": "grid", "layer": "mesh/generator", "role": "latent"},
    " of z, whose cells all hold the same share of the noise.",
]


def plane_only(room: Room) -> bool:
    """Whether there is a plane to draw; the page says what is missing."""
    if not isinstance(room.space, Plane):
        st.info(PLANE)
    elif not room.live:
        st.info(NO_MODEL)
    else:
        return True
    return False


@st.fragment
def film_of_layers(room: Room) -> None:
    """From z to x through the layers, and back, continuously."""
    st.markdown(
        r"Layer by layer, $f^{-1}$ bends the simple density of $z$ into that of $x$. Nothing is torn and "
        r"nothing overlaps: the grid stays a grid. Where a layer **stretches** the plane, the density falls; "
        r"where it **squeezes**, the density rises, by exactly the factor $\lvert \det \rvert$."
    )
    if not plane_only(room):
        return
    seed = number_of_z("Seed of the noise", "layers-seed", 0)
    film(
        room.run,
        key="film-layers",
        rows=[{"title": "", "ask": "layers", "with": {"seed": seed}}],
        screens={
            "h": "samples, data and grid",
            "density": "their density",
            "stretch": "the step: stretches blue, squeezes orange",
        },
        legend=LEGEND,
        labels={"number/scale of the colours": "log|det| of the strongest blue, nats"},
        tween=True,
    )
    st.caption(HOW + " Between two layers everything glides along straight lines.")


def a_point(room: Room) -> None:
    """The way of one x through all layers, and log p(x) as the sum that it is."""
    st.markdown(
        r"Press a place of the plane. Its way $x = h_0 \to h_1 \to \dots \to h_L = z$ gives $\log p_x(x)$: "
        r"how likely $z$ is, and for each layer the logarithm of how much it stretches there. The matrices "
        r"are the Jacobians; where they are zero they are empty."
    )
    if plane_only(room):
        passage(room.run, key="passage")


@st.fragment
def gaps(room: Room) -> None:
    """Topology: what one blob cannot become, measured."""
    st.markdown(
        r"""
A flow is **continuous**, and so is its inverse. Such a map keeps one piece one piece: no flow can tear the
one blob of $\mathcal N(0, \mathbf I)$ into eight, or make a hole in it. Between the pieces it leaves
**bridges**, and to make them thinner it must squeeze the plane more steeply. They cost likelihood: mass that
lies there is missing where the data are.
"""
    )
    if not plane_only(room):
        return
    found = ask(room, "bridges")
    if found is None:
        return
    if found["note"]:
        st.info(found["note"])
    rows = [Figure(tinted(found["model"], ORANGE), "the model", "logarithm of the model's density")]
    if "data" in found:
        rows += [
            Figure(tinted(found["data"], BLUE), "the data, exactly", "logarithm of the data's density"),
            Figure(
                tinted(found["between"], ORANGE), "the model where the data are not", "bridges of the model"
            ),
        ]
    strip([("", rows)], columns=3, least=104, most=300)
    if "data" in found:
        st.markdown(bridged(found))
    st.caption(
        "Shades are logarithms: each tone less is a density some times smaller, down to e⁻¹² of the largest."
    )
    ask_again(found, "bridges-again")
    st.markdown(
        "What helps: **splines**, whose curves can be steeper and so make bridges thinner ([the ring by a "
        "spline flow](/spline-flow?data=ring)); and a **base of several pieces**, which needs no bridges "
        "([Real-NVP with a mixture as its base](/real-nvp?data=ring&base=mixture))."
    )


def bridged(found: dict[str, float]) -> str:
    """The measured share in words."""
    share = max(0.0, found["share"])
    return (
        f"**{share:.1%}** of the model's mass lies outside of the region that holds {found['held']:.1%} of "
        f"the data. That alone costs at least {found['cost']:.3f} nat; all that is missing to a perfect "
        f"model is KL(data ‖ model) = {found['KL']:.3f} nat.".replace("-", "−")
    )


def tinted(shade: np.ndarray, ink: tuple[int, int, int]) -> np.ndarray:
    """Bytes (n, n), row 0 at the bottom, as a picture (n, n, 4) in one colour, transparent where 0."""
    found = np.empty((*shade.shape, 4), np.uint8)
    found[..., :3], found[..., 3] = ink, shade[::-1]
    return found
