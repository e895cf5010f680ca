"""A tool that makes a digit thicker, more slanted, wider or taller by moving its code."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import streamlit as st

from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.numbers import signed
from lab.kit.pickers import test_picture_number
from lab.kit.room import Room

MORE = {"thickness": "Thicker", "slant": "More slanted", "width": "Wider", "height": "Taller"}
UNITS = {"thickness": "pixels", "slant": "pixels to the right per pixel upwards", "width": "pixels",
         "height": "pixels"}  # fmt: skip
SHOWN = 2  # the strip has every second picture


def attribute_directions(room: Room) -> None:
    """The slider, the strip of pictures, and a table of what the codes know."""
    st.markdown(
        "Four attributes are **measured** on training digits. Least squares then finds how each attribute "
        "depends on the code. This gives a direction: where do codes go as digits get thicker? The slider "
        "moves the code of one test digit along it. Under each picture is the attribute measured on *that "
        "picture*."
    )
    left, right = st.columns(2)
    with left:
        index = test_picture_number(room, "Test picture", "attribute-index", 500)
    with right:
        attribute = str(
            st.pills(
                "Direction",
                list(MORE),
                default="thickness",
                required=True,
                key="attribute",
                format_func=lambda name: MORE[name],
            )
        )
    answer = ask(room, "directions", index=index, attribute=attribute)
    if not answer:
        return
    t, pictures, measured = answer["t"], answer["pictures"], answer["measured"]
    to = st.slider("Steps along the direction", t[0], t[-1], 0.0, t[1] - t[0], key="attribute-t")
    at = min(range(len(t)), key=lambda i: abs(t[i] - to))
    now = [
        Figure(answer["original"], f"test digit\n{signed(answer['own'])}"),
        Figure(pictures[len(t) // 2], f"decoded\n{signed(measured[len(t) // 2])}"),
        Figure(pictures[at], f"{_plus(t[at])} steps\n{signed(measured[at])}"),
    ]
    strip([("", now)], columns=3, least=70, most=112)
    many = [
        Figure(pictures[i], f"{_plus(t[i], 1)}\n{signed(measured[i])}", f"{attribute} {measured[i]:.2f}")
        for i in range(0, len(t), SHOWN)
    ]
    strip([(f"Steps, and the {attribute} measured, in {UNITS[attribute]}", many)], columns=len(many))
    row = next(row for row in answer["table"] if row["attribute"] == attribute)
    st.markdown(_came_out(attribute, row, measured))
    _table(answer)
    ask_again(answer, "attribute-again")


def _came_out(attribute: str, row: dict[str, Any], measured: list[float]) -> str:
    """Whether the attribute grew along the way, judged by the numbers under the pictures."""
    ups = sum(b > a for a, b in pairwise(measured))
    share = ups / (len(measured) - 1)
    went = f"It goes from {signed(measured[0])} to {signed(measured[-1])}"
    if share >= 0.9 and row["R²"] >= 0.5:
        return (
            f"{went} and grows at {ups} of {len(measured) - 1} steps: the codes **know** {attribute} "
            f"(R² = {row['R²']:.2f})."
        )
    if measured[-1] > measured[0]:
        return (
            f"{went}, growing at {ups} of {len(measured) - 1} steps. A linear function of the codes explains "
            f"{row['R²']:.0%} of the variance of {attribute}; the rest is nonlinear, or not in the codes."
        )
    return (
        f"{went}: **this failed** for this digit. A linear function of the codes explains only "
        f"{row['R²']:.0%} of the variance of {attribute}."
    )


def _table(answer: dict[str, Any]) -> None:
    lines = [
        f"| {row['attribute']} | {signed(row['mean'])} ± {row['sd']:.2f} | {row['R²']:.2f} | "
        f"{row['dimension'] + 1} | {_plus(row['correlation'])} |"
        for row in answer["table"]
    ]
    head = "| attribute | mean ± sd | R² | dimension | correlation |"
    st.markdown("\n".join([head, "|---|---|---|---|---|", *lines]))
    st.caption(
        f"Measured on {answer['among']:,} training digits. R² is the share of an attribute's variance that a "
        "linear function of the code explains; the dimension is the one that correlates with it most. One "
        "step changes the predicted attribute by one standard deviation of the predictions. Thickness is "
        "2 · area / outline. Slant is the slope of the regression of column on height. Width (without the "
        "slant) and height are those of a bar whose ink is spread as widely."
    )


def _plus(value: float, digits: int = 2) -> str:
    """A number with its sign, also where that is +."""
    return ("+" if value > 0 else "") + signed(value, digits)
