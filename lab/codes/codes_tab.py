"""Tools that use codes: the way between two test digits, sums of codes, a plane of codes."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import streamlit as st

from engine.codes.base import Variational
from engine.space import Picture
from lab.codes.attributes_tab import attribute_directions
from lab.codes.trick_tab import trick
from lab.codes.uses_tab import few_labels
from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.numbers import signed
from lab.kit.pickers import data_of, latent_dimensions, one_of, two_test_pictures
from lab.kit.room import Room
from lab.kit.ways import sums, ways

ROWS = 6  # of handwriting
PLACES = {"quantiles": "Quantiles", "even": "Evenly spaced"}


def use_codes(room: Room) -> None:
    """The tools that this family can use, one at a time."""
    if not isinstance(room.space, Picture):
        st.info("These tools are for pictures: choose Digits, or pictures of your own, as the data.")
        return
    tools: dict[str, Callable[[Room], None]] = {
        "Between two digits": between_digits,
        "Arithmetic with codes": arithmetic_of_codes,
        "Attribute directions": attribute_directions,
        "All codes at once": manifold,
    }
    if room.family.labelled:
        tools = {"Same handwriting, other digit": styles} | tools
    else:  # an encoder that is told the label needs no classifier
        tools["A few labels"] = few_labels
    if issubclass(room.family, Variational):
        tools["Reparameterization"] = trick
    one_of(room, tools, "codes-tool")


# --- between two digits --------------------------------------------------------------------------


def between_digits(room: Room) -> None:
    """The decoded way between two codes, beside a cross-fade of the two pictures."""
    st.markdown(
        "Choose two test digits. The decoder draws the codes on the way from the code of one to the code of "
        "the other. Below, for comparison, one **picture** fades into the other, pixel by pixel."
    )
    a, b = two_test_pictures(room, "between")
    if answer := ask(room, "interpolate", a=a, b=b):
        first, last = answer["ends"]
        strip([("The two test digits", [Figure(first, "first"), Figure(last, "last")])], columns=11)
        rows = ways(answer, "Straight line from code to code")
        mixed = [Figure(p, f"{i / 10:.1f}", f"mixed {i} : {10 - i}") for i, p in enumerate(answer["mixed"])]
        rows.append(("The pictures themselves, mixed; the number is the share of the last picture", mixed))
        strip(rows, columns=11)
        st.markdown(_which_fades(answer["grey"]))
        if room.family.labelled:
            st.caption(
                "Up to the middle, the decoder is told the label of the first digit; after it, that of the "
                "last."
            )
        ask_again(room, answer, "between-again")


def _which_fades(grey: dict[str, list[float]]) -> str:
    codes, pixels = (way[len(way) // 2] for way in (grey["linear"], grey["mixed"]))
    says = (
        "A mixture of pictures is a **double exposure**: in the middle, its ink has a greyness of "
        f"{pixels:.2f} (0 if all pixels are black or white). The picture decoded in the middle of the "
        f"straight line has {codes:.2f}: "
    )
    if codes < 0.9 * pixels:
        return says + "it is clearer, because the decoder has learned what strokes look like."
    return says + "so far, the way between these codes is not filled with digits."


# --- arithmetic ----------------------------------------------------------------------------------


def arithmetic_of_codes(room: Room) -> None:
    """Sums of mean codes, decoded."""
    st.markdown(
        "Choose three groups of test digits. Averaging the codes of a group keeps what its digits have in "
        "common. The decoder then draws **mean A − mean B + mean C**. At first, A and B show the same "
        "digit, but A has more ink, and C is another digit. The result should be C with more ink. Nothing "
        "in training arranges codes like that, so it does not always work."
    )
    sums(room, "codes", "Seed of the choice", "picture", "The decoded means of the codes, and their sum")


# --- the manifold --------------------------------------------------------------------------------


def manifold(room: Room) -> None:
    """A plane of codes, decoded into one picture."""
    dims = latent_dimensions(room)
    st.markdown(
        "Codes on a grid, each decoded at its place. At **quantiles** of N(0, I), each picture stands for "
        "the same share of its draws. **Evenly spaced**, the grid can reach places where draws hardly ever "
        "fall."
    )
    left, middle, right = st.columns(3)
    n = left.slider("Pictures along a side", 5, 30, 20, key="manifold-n")
    spread = middle.segmented_control(
        "Places", list(PLACES), default="quantiles", required=True, key="manifold-spread",
        format_func=PLACES.__getitem__,
    )  # fmt: skip
    r = right.slider(
        "Out to, in standard deviations", 1.0, 6.0, 3.0, 0.5, key="manifold-r", disabled=spread != "even"
    )
    u, v = _axes(dims)
    asked: dict[str, Any] = {"n": n, "spread": spread, "r": r, "u": u, "v": v}
    if room.family.labelled:
        asked["label"] = st.slider("Label that the decoder is told", 0, 9, 3, key="manifold-label")
    if answer := ask(room, "manifold", **asked):
        high, wide = answer["picture"].shape[:2]
        name = f"{n * (n if high > wide / n else 1)} decoded codes in one picture"
        strip([("", [Figure(answer["picture"], name=name)])], columns=1, least=200, most=672)
        across = f"Dimension {u + 1} of the code grows from left to right"
        up = f", dimension {v + 1} from bottom to top" if dims > 1 else ""
        rest = "; all others stay at 0" if dims > 2 else ""
        ends = f"{signed(answer['at'][0])} to {signed(answer['at'][-1])}"
        st.caption(f"{across}{up}{rest}: from {ends}.")
        ask_again(room, answer, "manifold-again")


def _axes(dims: int) -> tuple[int, int]:
    """Two latent dimensions, counted from 0; the widgets count from 1."""
    if dims <= 2:
        return 0, min(1, dims - 1)
    left, right = st.columns(2)
    u = left.number_input("Dimension across", 1, dims, 1, key="manifold-u")
    v = right.number_input("Dimension upwards", 1, dims, 2, key="manifold-v")
    return int(u) - 1, int(v) - 1


# --- the handwriting -----------------------------------------------------------------------------


def styles(room: Room) -> None:
    """Rows of digits that share a z and differ in their label."""
    st.markdown(
        "In each row, a test digit is encoded **with its own label**, and its z is then decoded with every "
        "label in turn. The label says which digit it is, so z keeps only how it is written. Slant, stroke "
        "and size should stay the same along a row. The lecture calls this style transfer."
    )
    end = len(data_of(room).test_x)
    chosen = st.session_state.setdefault("styles", [round(i * (end - 1) / ROWS) for i in range(ROWS)])
    st.button("Other digits", key="styles-another", on_click=_others, args=(end,), icon=":material/casino:")
    if answer := ask(room, "styles", index=[i for i in chosen if i < end]):
        rows: list[tuple[str, list[Figure]]] = []
        columns = (answer[name] for name in ("originals", "labels", "pictures"))
        for picture, label, drawn in zip(*columns, strict=True):
            first = not rows
            own = Figure(picture, "encoded" if first else "", f"test digit {label}")
            every = [Figure(p, str(k) if first else "", f"with label {k}") for k, p in enumerate(drawn)]
            rows.append(("", [own, *every]))
        strip(rows, columns=len(rows[0][1]))
        st.caption(
            "The first column is the test digit; the others show its z decoded with each label. To fix the "
            "label and vary z instead, choose *All codes at once*."
        )
        ask_again(room, answer, "styles-again")


def _others(end: int) -> None:
    st.session_state["styles"] = random.sample(range(end), min(ROWS, end))
