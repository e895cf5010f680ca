"""The tab "Draw a digit": a drawing, a test picture or a file on its way through the model, live."""

from __future__ import annotations

import base64
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import streamlit as st

from engine.config import Refused
from engine.family import Family
from engine.space import Picture
from lab.kit.plain import complain
from lab.kit.room import Room
from lab.kit.upload import read_upload
from lab.runs import store
from lab.runs.listing import listed
from lab.stage import coder

DIGIT = "_digit"  # what was read, because the file is forgotten
BOXES = (
    "x", "encoder", "mu", "sigma", "eps", "z", "decoder", "reconstruction", "error", "square", "log_p", "kl",
    "elbo", "elbo_mean",
)  # fmt: skip
"""The boxes of the way through a model (stage/js/coder/way.js); lines of the engine are marked with them."""


@st.fragment
def draw(room: Room) -> None:
    """The pad, the graph with the model's numbers, and the lines of code that compute them."""
    if not isinstance(room.space, Picture):
        st.info("This tool is for pictures: choose Digits, or pictures of your own, as the data.")
        return
    st.markdown(
        "Draw with a mouse, a finger or a pen, or pick a test picture. The model of the run above answers "
        "while you draw. It has seen only digits that fill a box of 20 × 20 pixels and have their centre of "
        "mass in the middle, so your drawing is moved and scaled to match, unless you switch that off."
    )
    if store.read_info(store.folder(room.run)).config.get("likelihood") == "Bernoulli":
        st.caption(
            "This decoder gives each pixel a probability of being white, so x is first made black and white."
        )
    drawable = room.space.shape == (1, 28, 28)
    picture = _upload() if drawable else None
    classes = room.space.classes if room.family.labelled else 0
    code, links = annotated(room.family)
    coder(
        room.run, key="coder", round=room.round, drawable=drawable, classes=classes,
        picture=picture, code=code, links=links,
    )  # fmt: skip


def _upload() -> str | None:
    """The bytes of a picture file, as the pad takes them."""
    with st.expander("Or bring a picture of a digit"):
        file = st.file_uploader(
            "Picture file", type=["png", "jpg", "jpeg", "webp"], max_upload_size=10, key="digit-file",
            on_change=lambda: st.session_state.pop(DIGIT, None),
        )  # fmt: skip
    if file is not None:
        try:
            digit = read_upload("digit", file)
            st.session_state[DIGIT] = base64.b64encode(digit.tobytes()).decode()
        except Refused as refusal:
            complain(refusal)
    return st.session_state.get(DIGIT)


def annotated(family: type[Family]) -> tuple[list[dict[str, Any]], dict[str, list[list[int]]]]:
    """The code through which a picture goes in this family, and for each box the lines that compute it.

    Listings are those of all functions with a marked line, `{"name", "first" line, "text"}`; a line is
    [listing, line from 0].
    """
    code: list[dict[str, Any]] = []
    links: dict[str, list[list[int]]] = {}
    for listing in map(listed, _reached(family)):
        marked = [(line, box) for line, boxes in listing.marks.items() for box in boxes if box in BOXES]
        for line, box in marked:
            links.setdefault(box, []).append([len(code), line - listing.first])
        if marked:
            code.append({"name": listing.name, "first": listing.first, "text": listing.text})
    return code, links


def _reached(family: type[Family]) -> Iterator[Callable[..., Any]]:
    """The methods of the family and functions of its modules that `encode`, `decode` and a training step lead
    to, in order, without `turns` itself."""
    homes = {base.__module__ for base in family.__mro__ if issubclass(base, Family)}
    todo = [getattr(family, name) for name in ("encode", "decode", "turns")]
    seen = set()
    while todo:
        function = inspect.unwrap(todo.pop(0))
        if function in seen or function.__module__ not in homes:
            continue
        seen.add(function)
        if function is not family.turns:
            yield function
        names = function.__code__.co_names
        called = [getattr(family, name, function.__globals__.get(name)) for name in names]
        todo = [one for one in called if inspect.isfunction(one)] + todo
