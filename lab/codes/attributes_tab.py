"""What codes know: the direction in which a digit gets thicker or leans, and which factor is where."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import Any

import streamlit as st

from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.numbers import signed
from lab.kit.palette import ink
from lab.kit.pickers import data_of, test_picture_number
from lab.kit.room import Room

MORE = {"thickness": "Thicker", "slant": "More slanted", "width": "Wider", "height": "Taller"}
UNITS = dict.fromkeys(MORE, "pixels") | {"slant": "pixels to the right per pixel upwards"}
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
    way = right.pills(
        "Direction", list(MORE), default="thickness", required=True, key="attribute",
        format_func=MORE.__getitem__,
    )  # fmt: skip
    attribute = str(way)
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
    ask_again(room, answer, "attribute-again")


def _came_out(attribute: str, row: dict[str, Any], measured: list[float]) -> str:
    """Whether the attribute grew along the way, judged by the numbers under the pictures."""
    ups, steps = sum(b > a for a, b in pairwise(measured)), len(measured) - 1
    went = f"It goes from {signed(measured[0])} to {signed(measured[-1])}"
    if row["R²"] is None:
        return f"{went}. No training picture differs from another in {attribute}, so it has no direction."
    if ups / steps >= 0.9 and row["R²"] >= 0.5:
        know = f"the codes **know** {attribute} (R² = {row['R²']:.2f})"
        return f"{went} and grows at {ups} of {steps} steps: {know}."
    if measured[-1] > measured[0]:
        return (
            f"{went}, growing at {ups} of {steps} steps. A linear function of the codes explains "
            f"{row['R²']:.0%} of the variance of {attribute}; the rest is nonlinear, or not in the codes."
        )
    return (
        f"{went}: **this failed** for this digit. A linear function of the codes explains only "
        f"{row['R²']:.0%} of the variance of {attribute}."
    )


def _table(answer: dict[str, Any]) -> None:
    lines = [
        f"| {row['attribute']} | {signed(row['mean'])} ± {row['sd']:.2f} | {_share(row['R²'])} | "
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


def _share(r2: float | None) -> str:
    """R², or a dash for an attribute that does not vary."""
    return "–" if r2 is None else f"{r2:.2f}"


def _plus(value: float, digits: int = 2) -> str:
    """A number with its sign, also where that is +."""
    return ("+" if value > 0 else "") + signed(value, digits)


@st.fragment
def factors(room: Room) -> None:
    """The table and the Mutual Information Gap of the present model, for data with known factors."""
    if data_of(room).factors is None:
        st.info(
            "Digits have no known factors. "
            "[Open the ellipses](./vae?data=ellipses&z=6), which are drawn from four factors."
        )
        return
    if answer := ask(room, "factors"):
        st.markdown(
            "Each picture was drawn from four independent numbers. A cell says how much one latent dimension "
            "(column) knows about a factor (row): their mutual information, over the factor's entropy."
        )
        st.html(_table_of_factors(answer))
        st.markdown(
            f"**Mutual Information Gap: {answer['MIG']:.2f}** (Chen et al. 2018): how far the best dimension "
            "for each factor is ahead of the second best, on average. 1 means that each factor has one "
            "dimension of its own; 0 means that factors are shared or unknown."
        )
        ask_again(room, answer, "factors-again")


def _table_of_factors(answer: dict[str, Any]) -> str:
    shares = answer["shares"]
    head = "".join(f"<th>z<sub>{j}</sub></th>" for j in range(1, shares.shape[1] + 1))
    rows = []
    for name, row in zip(answer["names"], shares, strict=True):
        cells = "".join(
            f'<td style="--share: {min(100, 130 * share):.0f}%">{share:.2f}</td>' for share in row
        )
        rows.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
    table = f"<table><tr><th></th>{head}</tr>{''.join(rows)}</table>"
    return f'{_STYLE}<div class="factors" style="--ink: {ink("latent")}">{table}</div>'


_STYLE = """<style>
.factors { overflow-x: auto }
.factors table { border-collapse: collapse; font-variant-numeric: tabular-nums }
.factors th { font-weight: 400; opacity: 0.8; padding: 0.2rem 0.7rem; text-align: right }
.factors td { text-align: center; padding: 0.3rem 0.8rem; border: 1px solid rgb(128 128 128 / 25%);
  background: color-mix(in srgb, var(--ink) var(--share), transparent) }
</style>"""
