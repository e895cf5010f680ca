"""Tabs of flows of pictures: what is likely, a drawing, the way between two pictures, and temperature."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from typing import Any

import streamlit as st

from engine.space import Picture
from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.numbers import in_a_row, short
from lab.kit.palette import DARK, LIGHT
from lab.kit.pickers import number_of_z, one_of, two_test_pictures
from lab.kit.room import Room
from lab.stage import film

SEEN = ("test", "training")  # kinds of pictures like those that the model learned from


def use_flow(room: Room) -> None:
    """The tools, one at a time."""
    tools: dict[str, Callable[[Room], None]] = {
        "What is likely?": likelihoods_tab,
        "Draw a digit": draw_tab,
        "Between two digits": between_tab,
        "Temperature": temperature_tab,
    }
    if not isinstance(room.space, Picture):
        st.info("These tools are for pictures: choose Digits, or pictures of your own, as the data.")
    else:
        one_of(room, tools, "flow-tool")


# --- what is likely ------------------------------------------------------------------------------


def likelihoods_tab(room: Room) -> None:
    """Bits per dimension of digits and of other pictures."""
    st.markdown(
        "A flow gives every picture a density, even pictures unlike anything that it has seen. **Few bits "
        "per dimension mean a high likelihood.** A model that knows nothing, for which all 256 levels are "
        "equally likely, needs 8 bits for each pixel of any picture: the dotted line. Do digits get the "
        "highest likelihood?"
    )
    seed = number_of_z("Seed of the noise", "likely-seed", 0)
    if not (answer := ask(room, "likelihoods", seed=seed)):
        return
    st.html(_STYLE + chart(answer))
    st.markdown(surprise(answer["kinds"]))
    rows = []
    for kind in answer["kinds"]:
        each = zip(answer[f"pictures/{kind['name']}"], answer[f"bits/{kind['name']}"], strict=False)
        rows.append((capital(kind["title"]), [Figure(p, short(b), kind["title"]) for p, b in each]))
    with st.expander("The pictures, each with its bits per dimension"):
        strip(rows, columns=8, most=64)
    if answer["lacking"]:
        st.caption(answer["lacking"])
    ask_again(room, answer, "likely-again")


def chart(answer: dict[str, Any]) -> str:
    """A histogram for each kind, over bits on a logarithmic scale."""
    edges, kinds = answer["edges"], answer["kinds"]
    low, high = math.log10(edges[0]), math.log10(edges[-1])

    def at(bits: float) -> str:
        return f"{100 * min(1.0, max(0.0, (math.log10(max(bits, 1e-9)) - low) / (high - low))):.1f}%"

    test = next(kind["mean"] for kind in kinds if kind["name"] == "test")
    parts = []
    for kind in kinds:
        counts = answer[f"counts/{kind['name']}"]
        bars = "".join(f'<i style="height: {100 * c / counts.max():.0f}%"></i>' for c in counts)
        lines = f'<u style="left: {at(test)}"></u><u class="none" style="left: {at(8)}"></u>'
        how = "seen" if kind["name"] in SEEN else "strange"
        says = f"{short(kind['mean'])} bits per dimension"
        parts.append(
            f"<span>{escape(capital(kind['title']))}</span>"
            f'<div class="likely-bars {how}" role="img" aria-label="{says}">{bars}{lines}</div>'
            f"<b>{short(kind['mean'])}</b>"
        )
    ticks = [first * 10.0**k for k in range(-2, 3) for first in (1, 2, 5)]
    seen = [t for t in ticks if edges[0] <= t < edges[-1]]
    marks = "".join(f'<em style="left: {at(t)}">{short(t)}</em>' for t in seen)
    marks += "<p>bits per dimension; the last bar counts all above it</p>"
    return f'<div class="likely">{"".join(parts)}<span></span><div class="likely-axis">{marks}</div></div>'


def surprise(kinds: list[dict[str, Any]]) -> str:
    """Which strange pictures are more likely than digits, and whether training pictures are too."""
    of = {kind["name"]: kind for kind in kinds}
    test = of["test"]
    above = [k["title"] for k in kinds if k["name"] not in SEEN and k["mean"] < test["mean"]]
    says = f"The dashed line is the mean of the {test['title']}, **{short(test['mean'])}**. "
    if above:
        says += (
            f"**More likely than these, on average: {in_a_row(above)}.** The model has never seen such "
            "pictures. A density is not the probability of being a digit: it is high where a picture is "
            "simple and each pixel is easy to predict from its neighbours, as in smooth or empty pictures "
            "(Nalisnick et al. 2019 found that a flow trained on photographs prefers house numbers). Even "
            "so, hardly any sample is all black: what counts for samples is density times volume, and digits "
            "fill a far larger volume."
        )
    else:
        says += "So far none of the strange pictures is more likely. Train the model further, and ask again."
    gap = test["mean"] - of["training"]["mean"]
    if gap > 0.05:
        says += (
            f" Training pictures need {short(gap)} bits less than test pictures: the model has begun to "
            "memorize them."
        )
    return says


# --- a drawing -----------------------------------------------------------------------------------


def draw_tab(room: Room) -> None:
    """The way of a drawing through the layers."""
    st.markdown(
        "Draw a digit. It goes through all layers, $x = h_0 \\to h_1 \\to \\dots \\to h_L = z$, and the film "
        "shows the way back. **log p** at $t$ is that of $h_t$ under the layers from there to $z$; at "
        "$t = 0$ it is $\\log p(x)$ of the picture itself, in nats. **Less probable** is the share of test "
        "pictures with a lower density."
    )
    centre = st.toggle("Put the ink where the data have it", True, key="flow-centre")
    words = {
        "number/log p": "log p, nats",
        "number/log |det|": "log |det| of the next layer",
        "number/less probable": "share of test pictures that are less probable",
        "t": "layer {t} of {T}",
        "time": "Layer",
        "film": "A drawing on its way through the layers",
    }
    film(
        room.run, key="flow-draw", round=room.round,
        rows=[{"title": "", "ask": "of_picture", "with": {"centre": centre}}],
        screens={"h": "hₜ, from black to white over its own range"}, labels=words, pad={"name": "picture"},
    )  # fmt: skip
    st.caption(
        "Try something that is not a digit: a single dot, or a stroke from edge to edge. As a rule, less "
        "ink means a higher likelihood."
    )


# --- in z ----------------------------------------------------------------------------------------

WAYS = {
    "line": "Straight line between the two z",
    "arc": "Arc between the two z, which keeps the length",
    "pixels": "The pictures themselves, mixed",
}


def between_tab(room: Room) -> None:
    """From one test picture to another, through z and through pixels."""
    st.markdown(
        "A flow maps two test pictures to their $z = f(x)$ **exactly**: it needs no encoder, and loses "
        "nothing. What lies between the two $z$ comes back by $x = f^{-1}(z)$. The number below each picture "
        "is its bits per dimension."
    )
    a, b = two_test_pictures(room, "flow")
    if answer := ask(room, "between", a=a, b=b):
        strip([(heading, figures(answer, way)) for way, heading in WAYS.items()], columns=11)
        st.markdown(middle(answer))
        ask_again(room, answer, "flow-between-again")


def figures(answer: dict[str, Any], way: str) -> list[Figure]:
    """The pictures along one way, each with its bits."""
    pairs = zip(answer[way], answer[f"{way} bits"], strict=True)
    return [Figure(p, short(b), f"{way}, {i} of 10") for i, (p, b) in enumerate(pairs)]


def middle(answer: dict[str, Any]) -> str:
    """The middle of each way in words."""
    half = len(answer["line"]) // 2
    line, arc, pixels = (answer[f"{way} bits"][half] for way in WAYS)
    says = (
        f"In the middle, the line needs **{short(line)}** bits per dimension, the arc **{short(arc)}**, and "
        f"the mixed pixels **{short(pixels)}**. In so many dimensions, samples of the base lie near a sphere "
        f"of radius $\\sqrt D$. The middle of the line has length {answer['line norm'][half]:.1f}, that of "
        f"the arc {answer['arc norm'][half]:.1f}. "
    )
    if min(line, arc) < pixels:
        return says + "The way through z is more likely than the way through pixels."
    return says + (
        "For this model the mixture is more likely than what it makes itself: it does not find digits "
        "between two z yet."
    )


def temperature_tab(room: Room) -> None:
    """Samples from the same z, nearer to the centre or farther away."""
    st.markdown(
        "These are the same draws of $z$, multiplied by a **temperature**. Below 1 they lie nearer to the "
        "centre of the base, where its density is highest; papers often show samples at about 0.7. At 1 they "
        "follow the density that was trained."
    )
    seed = number_of_z("Seed of the draws", "temperature-seed", 0)
    if answer := ask(room, "temperatures", seed=seed):
        rows = [
            (f"Temperature {t:g}: {short(b)} bits per dimension on average", [Figure(p) for p in row])
            for t, b, row in zip(answer["temperatures"], answer["bits"], answer["pictures"], strict=True)
        ]
        strip(rows, columns=answer["pictures"].shape[1], most=72)
        st.caption(
            "Temperature 0 is f⁻¹ of the centre of the base, the same picture for all draws (of a mixture, "
            "the centre of the normal that was drawn). The base is densest there, but the picture need not "
            "be the most likely: f⁻¹ stretches some places and squeezes others, as the bits show."
        )
        ask_again(room, answer, "temperature-again")


# --- words ---------------------------------------------------------------------------------------


def capital(words: str) -> str:
    """Words with a capital letter at the beginning."""
    return words[:1].upper() + words[1:]


_STYLE = (
    """<style>
.likely { display: grid; grid-template-columns: minmax(6rem, auto) minmax(0, 34rem) 4.5rem;
  gap: 0.3rem 0.6rem; align-items: end; font-size: 0.875rem; font-variant-numeric: tabular-nums }
.likely > b { text-align: right }
.likely-bars { position: relative; display: flex; align-items: end; height: 2rem; border-bottom: 1px solid }
.likely-bars i { flex: 1 }
.likely-bars u { position: absolute; top: -0.3rem; bottom: 0; border-left: 1px dashed }
.likely-bars u.none { border-left-style: dotted }
.likely-axis { position: relative; padding-top: 1.2rem }
.likely-axis p { margin: 0; text-align: center }
.likely-axis em { position: absolute; top: 0; transform: translateX(-50%); font-style: normal }
@media (max-width: 480px) { .likely { grid-template-columns: minmax(0, 1fr) 4rem }
  .likely > span { grid-column: 1 / -1 } .likely > span:empty { display: none } }
"""
    + f""".likely-bars.seen i {{ background: light-dark({LIGHT["data"]}, {DARK["data"]}) }}
.likely-bars.strange i {{ background: light-dark({LIGHT["critic"]}, {DARK["critic"]}) }}
</style>"""
)
