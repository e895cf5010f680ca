"""The landing page: the lecture's taxonomy of generative models, as a tree whose leaves are rooms."""

from typing import Any

import streamlit as st

from lab import kit
from lab.kit.address import strangers
from lab.kit.layout import heading
from lab.kit.subject import BRANCHES, TREE, Place, films, path
from lab.stage import room_map

COMING = [
    Place("density", "Gaussians, histograms and kernels", "", "Density estimation", "tractable"),
    Place("autoregressive", "One pixel after another", "", "NADE, MADE, PixelCNN", "tractable"),
    Place("energy", "Low energy where the data are", "Markov chain", "Boltzmann machine", "approximate"),
    Place("gan-zoo", "From DCGAN to StyleGAN, one idea at a time", "Direct", "The GAN zoo", "implicit"),
    Place("translation", "pix2pix, CycleGAN, SRGAN", "Direct", "Image to image", "implicit"),
    Place("gsn", "A chain that learned to denoise", "Markov chain", "GSN", "implicit"),
    Place("metrics", "How good are the samples?", "", "Inception Score and FID", "tools"),
]
rooms = st.session_state["_rooms"]
built = kit.places()
there = {place.address for place in built}
places = [*built, *(place for place in COMING if place.address not in there)]
numbers = {address: i for i, address in enumerate(path(), 1)}


def card(place: Place) -> dict[str, Any]:
    known = place.address in rooms
    return {
        "address": place.address, "title": place.title, "short": rooms[place.address].title if known else "", "idea": place.idea, "built": known,
        "number": numbers.get(place.address, 0), "needs": list(place.needs),
        "films": films(place) if known else [],
    }  # fmt: skip


def branch(name: str) -> dict[str, Any]:
    """A branch with its rooms, in groups."""
    title, says = BRANCHES[name]
    here = [place for place in places if place.branch == name]
    groups = dict.fromkeys(place.group for place in here)
    return {
        "title": title,
        "says": says,
        "groups": [
            {"title": g, "rooms": [card(place) for place in here if place.group == g]} for g in groups
        ],
    }


def tree() -> dict[str, Any]:
    title, says, stems = TREE
    forks = []
    for stem, names in stems.items():
        twigs = [branch(name) for name in names]
        forks += [{"title": stem, "forks": twigs}] if stem else twigs
    return {"title": title, "says": says, "forks": forks}


def enter() -> None:
    if address := st.session_state.pop("_enter", ""):
        st.switch_page(rooms[address])


enter()
st.html("<style>.stMainBlockContainer .stVerticalBlock { gap: 0.6rem }</style>")  # the tree fits a window
strangers(st.query_params, ())
heading(
    "A lab for generative models",
    "Enter a room, move a slider, and watch a real model learn. The numbers lead through the lectures; the "
    "tree sorts the models by what they tell of their density p(x).",
)
room_map(
    key="map", root=tree(), beside=[branch("beside"), branch("tools")],
    seen=sorted(st.session_state["_seen"] & {*rooms}),
    on_room=lambda address: st.session_state.update(_enter=address),
)  # fmt: skip
