"""The tabs of flows of digits: what they find likely, what lies between two z, temperature, a drawing."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np
import streamlit as st

from engine.space import Picture
from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.pickers import number_of_z, one_of, test_picture_number
from lab.kit.room import Room
from lab.runs.supervisor import NO_MODEL
from lab.stage import film

TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)  # bits per dimension
SEEN = ("test", "training")  # kinds of pictures like those that the model learned


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
    elif not room.live:
        st.info(NO_MODEL)
    else:
        one_of(room, tools, "flow-tool")


# --- what is likely ------------------------------------------------------------------------------


def likelihoods_tab(room: Room) -> None:
    """Bits per dimension of digits, and of what is none."""
    st.markdown(
        "A flow gives every picture a density, so it can be asked about pictures that it has never seen "
        "anything like. **Few bits per dimension mean a high likelihood.** A model that knows nothing, with "
        "all 256 levels equally likely, needs 8 for each pixel of any picture: the dotted line. "
        "Do digits get the highest likelihood?"
    )
    seed = number_of_z("Seed of the noise", "likely-seed", 0)
    found = ask(room, "likelihoods", seed=seed)
    if not found:
        return
    st.html(_STYLE + chart(found))
    st.markdown(surprise(found["kinds"]))
    rows = []
    for kind in found["kinds"]:
        each = zip(found[f"pictures/{kind['name']}"], found[f"bits/{kind['name']}"], strict=False)
        rows.append((capital(kind["title"]), [Figure(p, number(b), kind["title"]) for p, b in each]))
    with st.expander("The pictures, each with its bits per dimension"):
        strip(rows, columns=8, least=36, most=64)
    if found["lacking"]:
        st.caption(found["lacking"])
    ask_again(found, "likely-again")


def chart(found: dict[str, Any]) -> str:
    """For each kind a histogram; the bits grow to the right, by factors."""
    edges, kinds = found["edges"], found["kinds"]
    low, high = math.log10(edges[0]), math.log10(edges[-1])

    def at(bits: float) -> str:
        return f"{100 * min(1.0, max(0.0, (math.log10(max(bits, 1e-9)) - low) / (high - low))):.1f}%"

    test = next(kind["mean"] for kind in kinds if kind["name"] == "test")
    parts = []
    for kind in kinds:
        counts = found[f"counts/{kind['name']}"]
        bars = "".join(f'<i style="height: {100 * c / counts.max():.0f}%"></i>' for c in counts)
        lines = f'<u style="left: {at(test)}"></u><u class="none" style="left: {at(8)}"></u>'
        how = "seen" if kind["name"] in SEEN else "strange"
        says = f"{number(kind['mean'])} bits per dimension"
        parts.append(
            f"<span>{escape(capital(kind['title']))}</span>"
            f'<div class="likely-bars {how}" role="img" aria-label="{says}">{bars}{lines}</div>'
            f"<b>{number(kind['mean'])}</b>"
        )
    ticks = [
        t for k in range(-2, 3) for t in (10.0**k, 2 * 10.0**k, 5 * 10.0**k) if edges[0] <= t < edges[-1]
    ]
    marks = "".join(f'<em style="left: {at(t)}">{number(t)}</em>' for t in ticks)
    marks += "<p>bits per dimension; the last bar is all that need more</p>"
    return f'<div class="likely">{"".join(parts)}<span></span><div class="likely-axis">{marks}</div></div>'


def surprise(kinds: list[dict[str, Any]]) -> str:
    """Which strange pictures are more likely than digits, and whether the model knows its own data better."""
    of = {kind["name"]: kind for kind in kinds}
    test = of["test"]
    above = [k["title"] for k in kinds if k["name"] not in SEEN and k["mean"] < test["mean"]]
    says = f"The dashed line is the mean of the {test['title']}, **{number(test['mean'])}**. "
    if above:
        says += (
            f"**More likely than these, on average: {listed(above)}.** The model has never seen such "
            "pictures. A density is not a probability of being a digit: it is high where a picture is simple "
            "and each pixel is easily told from its neighbours, as in smooth or empty pictures (Nalisnick et "
            "al. 2019 found that a flow of photographs prefers house numbers). And yet hardly any sample is "
            "all black: what counts there is density times volume, and digits have far more room."
        )
    else:
        says += "Of the strange pictures none is more likely so far. Let it train, and ask again."
    gap = test["mean"] - of["training"]["mean"]
    if gap > 0.05:
        says += (
            f" Training pictures need {number(gap)} bits less than test pictures: the model has begun to "
            "learn them by heart."
        )
    return says


# --- a drawing -----------------------------------------------------------------------------------


def draw_tab(room: Room) -> None:
    """A drawing's way through the layers."""
    st.markdown(
        "Draw a digit: it goes through all layers, $x = h_0 \\to h_1 \\to \\dots \\to h_L = z$, and the film "
        "shows the way back. **log p** at $t$ is that of $h_t$ under the layers from there to $z$; at "
        "$t = 0$ it is the picture's own, $\\log p(x)$ in nats, and **less probable** is the share of test "
        "pictures that get less."
    )
    centre = st.toggle("Put the ink where the data have it", True, key="flow-centre")
    rows = [{"title": "", "ask": "of_picture", "with": {"centre": centre}}]
    words = {
        "number/log p": "log p, nats",
        "number/log |det|": "log |det| of the layer after",
        "number/less probable": "less probable test pictures, share",
        "t": "layer {t} of {T}",
        "time": "Layer",
        "film": "A drawing on its way through the layers",
    }
    film(
        room.run, key="flow-draw", rows=rows, screens={"h": "hₜ, from black to white over its own range"},
        labels=words, pad={"name": "picture"},
    )  # fmt: skip
    st.caption(
        "Try what is no digit: a single dot, or a full stroke from edge to edge. The less ink, the higher "
        "the likelihood."
    )


# --- in z ----------------------------------------------------------------------------------------

WAYS = {
    "line": "Straight line from z to z",
    "arc": "Arc from z to z, which keeps its length",
    "pixels": "The pictures themselves, mixed",
}


def between_tab(room: Room) -> None:
    """From one test picture to another, through z and through pixels."""
    st.markdown(
        "Two test pictures are taken to their $z = f(x)$, **exactly**: a flow needs no encoder, and loses "
        "nothing. What lies between their $z$ comes back by $x = f^{-1}(z)$. Below each picture: its bits "
        "per dimension."
    )
    left, right = st.columns(2)
    with left:
        a = test_picture_number(room, "First test picture", "flow-a", 3)
    with right:
        b = test_picture_number(room, "Last test picture", "flow-b", 500)
    if found := ask(room, "between", a=a, b=b):
        strip([(heading, figures(found, way)) for way, heading in WAYS.items()], columns=11)
        st.markdown(middle(found))
        ask_again(found, "flow-between-again")


def figures(found: dict[str, Any], way: str) -> list[Figure]:
    pairs = zip(found[way], found[f"{way} bits"], strict=True)
    return [Figure(p, number(b), f"{way}, {i} of 10") for i, (p, b) in enumerate(pairs)]


def middle(found: dict[str, Any]) -> str:
    half = len(found["line"]) // 2
    line, arc, pixels = (found[f"{way} bits"][half] for way in WAYS)
    says = (
        f"In the middle: **{number(line)}** bits per dimension on the line, **{number(arc)}** on the arc, "
        f"**{number(pixels)}** for mixed pixels. In so many dimensions samples of the base lie near a sphere "
        f"of radius $\\sqrt D$; the line's middle has length {found['line norm'][half]:.1f}, the arc's "
        f"{found['arc norm'][half]:.1f}. "
    )
    if min(line, arc) < pixels:
        return says + "Through z the model finds its way better than through pixels."
    return says + (
        "To this model the mixture is more likely than what it makes itself: between two z it does not find "
        "digits yet."
    )


def temperature_tab(room: Room) -> None:
    """Samples of the same z, nearer to the centre or farther away."""
    st.markdown(
        "The same draws of $z$, multiplied by a **temperature**. Below 1 they lie nearer to the centre of "
        "the base, where its density is highest; papers often show samples at 0.7 or so. At 1 they follow "
        "the density that was trained."
    )
    seed = number_of_z("Seed of the draws", "temperature-seed", 0)
    if found := ask(room, "temperatures", seed=seed):
        rows = zip(found["temperatures"], found["bits"], found["pictures"], strict=True)
        strip(
            [
                (f"Temperature {t:g}: {number(b)} bits per dimension on average", [Figure(p) for p in row])
                for t, b, row in rows
            ],
            columns=found["pictures"].shape[1], least=36, most=72,
        )  # fmt: skip
        st.caption(
            "Temperature 0 is f⁻¹ of the base's centre, one picture for all draws. Where the base is densest "
            "the picture need not be: f⁻¹ stretches some places and squeezes others, as the bits show."
        )
        ask_again(found, "temperature-again")


# --- words ---------------------------------------------------------------------------------------


def number(bits: float | np.floating) -> str:
    """Three digits or so; large ones as a power."""
    value = float(bits)
    if abs(value) >= 1e4:
        power = round(math.log10(abs(value)))
        return "10" + str(power).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return (f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}").replace("-", "−")


def listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def capital(words: str) -> str:
    return words[:1].upper() + words[1:]


_STYLE = """<style>
.likely { display: grid; grid-template-columns: minmax(6rem, auto) minmax(0, 34rem) 4.5rem;
  gap: 0.3rem 0.6rem; align-items: end; font-size: 0.875rem; font-variant-numeric: tabular-nums }
.likely > b { text-align: right }
.likely-bars { position: relative; display: flex; align-items: end; height: 2rem; border-bottom: 1px solid }
.likely-bars i { flex: 1 }
.likely-bars.seen i { background: light-dark(#0072B2, #56B4E9) }
.likely-bars.strange i { background: light-dark(#7B808C, #9BA1AD) }
.likely-bars u { position: absolute; top: -0.3rem; bottom: 0; border-left: 1px dashed }
.likely-bars u.none { border-left-style: dotted }
.likely-axis { position: relative; padding-top: 1.2rem }
.likely-axis p { margin: 0; text-align: center }
.likely-axis em { position: absolute; top: 0; transform: translateX(-50%); font-style: normal }
@media (max-width: 480px) { .likely { grid-template-columns: minmax(0, 1fr) 4rem }
  .likely > span { grid-column: 1 / -1 } .likely > span:empty { display: none } }
</style>"""
