"""The tab "Draw a digit": a drawing, a test picture or a file, on its way through the model, live."""

from __future__ import annotations

import base64
import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

import streamlit as st

from engine import data
from engine.codes import base as latent
from engine.codes.base import Variational
from engine.config import Refused
from engine.data.drawn import read_digit
from engine.family import Family
from engine.space import Picture
from lab.kit.room import Room
from lab.runs import store
from lab.runs.supervisor import NO_MODEL
from lab.stage import coder

# for each box of the graph, what the lines that compute it look like, whatever the family
LINES = {
    "x": (r"^seen, target = ", r"\bself\.damaged\(x"),
    "encoder": (r"\bself\.(E|Enc)\(", r"^q = self\.q\(", r"- self\.m\) @ self\.V"),
    "mu": (r"^mu, log_var = ",),
    "sigma": (r"\blog_var\b.*/ 2\)\.exp\(\)",),
    "eps": (r"^return torch\.randn\(n, self\.config\.z",),
    "z": (r"^z = ", r"q\.mean \+ q\.stddev", r"^return self\.E\(x\)$", r"- self\.m\) @ self\.V"),
    "decoder": (r"\bself\.(D|Dec)\(", r"^return \(self\.m \+ "),
    "reconstruction": (r"2 \* p\.mean - 1", r"^return self\.d\(z\)", r"^return out\.tanh\(\) if"),
    "error": (r"^error = ",),
    "square": (r"^error = ", r"error\.flatten"),
    "log_p": (r"-log_prob\(", r"\.log_prob\(x\)"),
    "kl": (r"\bkl\(q\)", r"variance\.log\(\)"),
    "elbo": (r"^return \{$",),
    "elbo_mean": (r"^return \{$",),
}
METHODS = ("terms", "q", "p", "e", "d", "fakes", "L_prior", "encode", "decode")


@st.fragment
def draw(room: Room) -> None:
    """The pad, and beside it the graph with the model's numbers and the lines that compute them."""
    if not isinstance(room.space, Picture):
        st.info("This tool is for pictures: choose Digits, or pictures of your own, as the data.")
        return
    st.markdown(
        "Draw with the mouse, a finger or a pen, or pick a test picture: the model of the run above answers "
        "while you draw. It has seen only digits that fill a box of 20 × 20 pixels, with their centre of "
        "mass in the middle; so your drawing is moved and scaled like that, unless you switch it off."
    )
    if not room.live:
        st.info(NO_MODEL)
    info = store.read_info(store.folder(room.run))
    if info.config.get("likelihood") == "Bernoulli":
        st.caption("This decoder gives pixels a probability of white, so x is made black and white first.")
    space = data.load(info.data).space
    drawable = space.shape == (1, 28, 28)
    code, links = annotated(room.family)
    coder(
        room.run,
        key="coder",
        drawable=drawable,
        classes=space.classes if room.family.labelled else 0,
        picture=_upload() if drawable else None,
        code=code,
        links=links,
    )


def _upload() -> str | None:
    """A picture file as the pad takes it."""
    with st.expander("Or bring a picture of a digit"):
        file = st.file_uploader(
            "Picture file", type=["png", "jpg", "jpeg", "webp"], max_upload_size=10, key="digit-file"
        )
    if file is None:
        return None
    try:
        return base64.b64encode(read_digit(file.name, file.getvalue()).tobytes()).decode()
    except Refused as refusal:
        st.error(str(refusal))
        return None


def annotated(family: type[Family]) -> tuple[list[dict[str, Any]], dict[str, list[list[int]]]]:
    """The functions through which a picture goes in this family, and for each box of the graph its lines:
    (listing, line from 0)."""
    code = [_listing(function) for function in _functions(family)]
    links: dict[str, list[list[int]]] = {}
    for box, patterns in LINES.items():
        for i, listing in enumerate(code):
            for j, line in enumerate(listing["text"].splitlines()):
                if any(re.search(pattern, line.strip()) for pattern in patterns):
                    links.setdefault(box, []).append([i, j])
    return code, links


def _functions(family: type[Family]) -> list[Callable[..., Any]]:
    own = [getattr(family, name) for name in METHODS if callable(getattr(family, name, None))]
    if hasattr(family, "q"):
        own += [latent.normal, latent.Coder.p_eps, latent.kl]
    return own + ([latent.log_prob] if issubclass(family, Variational) else [])


def _listing(function: Callable[..., Any]) -> dict[str, Any]:
    lines, first = inspect.getsourcelines(function)
    return {"name": function.__name__, "first": first, "text": textwrap.dedent("".join(lines)).rstrip()}
