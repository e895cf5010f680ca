"""A tool that makes a digit thicker, more slanted, wider or taller by moving its code."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import streamlit as st

from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.pickers import test_picture_number
from lab.kit.room import Room

MORE = {"thickness": "Thicker", "slant": "More slanted", "width": "Wider", "height": "Taller"}
UNITS = {"thickness": "pixels", "slant": "pixels to the right for each pixel upwards", "width": "pixels",
         "height": "pixels"}  # fmt: skip
SHOWN = 2  # every which picture is in the strip


def attribute_directions(room: Room) -> None:
    st.markdown(
        "Four attributes are **measured** on training digits. Least squares then finds how each depends on "
        "the code, and with that a direction: which way do codes go as digits get thicker? The slider "
        "moves one test digit's code along it; under each picture is the attribute measured on *that "
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
    found = ask(room, "directions", index=index, attribute=attribute)
    if not found:
        return
    t, pictures, measured = found["t"], found["pictures"], found["measured"]
    to = st.slider("Steps along the direction", t[0], t[-1], 0.0, t[1] - t[0], key="attribute-t")
    at = min(range(len(t)), key=lambda i: abs(t[i] - to))
    now = [
        Figure(found["original"], f"test digit\n{_number(found['own'])}"),
        Figure(pictures[len(t) // 2], f"decoded\n{_number(measured[len(t) // 2])}"),
        Figure(pictures[at], f"{_number(t[at], '+')} steps\n{_number(measured[at])}"),
    ]
    strip([("", now)], columns=3, least=70, most=112)
    many = [
        Figure(
            pictures[i], f"{_number(t[i], '+', 1)}\n{_number(measured[i])}", f"{attribute} {measured[i]:.2f}"
        )
        for i in range(0, len(t), SHOWN)
    ]
    strip([(f"Steps, and the {attribute} measured, in {UNITS[attribute]}", many)], columns=len(many))
    row = next(row for row in found["table"] if row["attribute"] == attribute)
    st.markdown(_came_out(attribute, row, measured))
    _table(found)
    ask_again(found, "attribute-again")


def _came_out(attribute: str, row: dict[str, Any], measured: list[float]) -> str:
    """Whether the attribute did grow along the way, from the numbers under the pictures."""
    ups = sum(b > a for a, b in pairwise(measured))
    share = ups / (len(measured) - 1)
    went = f"It goes from {_number(measured[0])} to {_number(measured[-1])}"
    if share >= 0.9 and row["R²"] >= 0.5:
        return (
            f"{went} and grows at {ups} of {len(measured) - 1} steps: the codes **know** {attribute} "
            f"(R² = {row['R²']:.2f})."
        )
    if measured[-1] > measured[0]:
        return (
            f"{went}, growing at {ups} of {len(measured) - 1} steps. The codes tell {row['R²']:.0%} of the "
            f"variance of {attribute} in a straight line; the rest bends, or is not in them."
        )
    return (
        f"{went}: **it did not come out** for this digit. The codes tell only {row['R²']:.0%} of the "
        f"variance of {attribute} in a straight line."
    )


def _table(found: dict[str, Any]) -> None:
    lines = [
        f"| {row['attribute']} | {_number(row['mean'])} ± {row['sd']:.2f} | {row['R²']:.2f} | "
        f"{row['dimension'] + 1} | {_number(row['correlation'], '+')} |"
        for row in found["table"]
    ]
    head = "| attribute | mean ± sd | R² | dimension | correlation |"
    st.markdown("\n".join([head, "|---|---|---|---|---|", *lines]))
    st.caption(
        f"Measured on {found['among']:,} training digits. R² is the share of an attribute's variance that a "
        "linear function of the code tells; the dimension is the one that goes with it most. One step "
        "changes the predicted attribute by one standard deviation of the predictions. Thickness is 2 · "
        "area / outline; slant is the slope of the regression of column on height; width (upright) and "
        "height are those of a bar whose ink is as widely spread."
    )


def _number(value: float, sign: str = "", digits: int = 2) -> str:
    return f"{value:{sign if value else ''}.{digits}f}".replace("-", "−")
