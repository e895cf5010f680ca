"""A panel about decoders: one feature map, doubled in each of the lecture's ways, side by side."""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

from engine.space import Picture
from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.numbers import signed
from lab.kit.pickers import test_picture_number
from lab.kit.room import Room
from lab.runs.supervisor import NO_MODEL

WAYS = {
    "nearest": ("Nearest", "each number fills its square of 2 × 2"),
    "bilinear": ("Bilinear", "numbers are interpolated between the centres of squares"),
    "remembered": (
        "Max-unpooling, places remembered",
        "each maximum goes back to where the pooling took it from; the rest is 0. This needs the encoder "
        "of the same picture",
    ),
    "spread": (
        "Max-unpooling, places unknown",
        "each number goes to the upper left of its square: a decoder of z alone cannot do better",
    ),
    "transposed": (
        "Transposed convolution, untrained",
        "each number stamps a 4 × 4 kernel, two pixels from that of its neighbour; overlapping stamps add "
        "up. Here the kernel is random: before training it draws a checkerboard",
    ),
    "own": (
        "Transposed convolution, this model's",
        "the last one in this decoder, on its own feature maps; its kernels are learned",
    ),
}


@st.fragment
def up_sampling(room: Room) -> None:
    """One real feature map, halved and doubled again, as pictures and as numbers."""
    if not isinstance(room.space, Picture) or not room.live:
        pictures = isinstance(room.space, Picture)
        st.info(NO_MODEL if pictures else "Up-sampling is for pictures: choose Digits as the data.")
        return
    left, right = st.columns(2)
    with left:
        index = test_picture_number(room, "Test picture", "up-index", 500)
    channel = int(right.number_input("Channel (−1: the liveliest)", -1, 511, -1, key="up-channel"))
    answer = ask(room, "upsampling", index=index, channel=channel)
    if not answer:
        return
    maps = answer["maps"]
    if answer["of"] == "encoder":
        last = answer["channels"] - 1
        what = f"Channel {answer['channel']} (of 0 to {last}) of this encoder's first convolution"
    else:
        what = "The picture itself (this network has no convolutions; choose them under Advanced)"
    high, low = maps["before"]["picture"].shape[0], maps["pooled"]["picture"].shape[0]
    first = [
        Figure(maps["before"]["picture"], f"before\n{high} × {high}"),
        Figure(maps["pooled"]["picture"], f"after 2 × 2 max-pooling\n{low} × {low}"),
    ]
    strip([(f"{what}, and what max-pooling keeps of it", first)], columns=2, least=90, most=150)
    drawn = [Figure(maps[name]["picture"], title) for name, (title, _) in WAYS.items() if name in maps]
    strip([("Doubled again", drawn)], columns=len(drawn), least=90, most=150)
    st.markdown(
        "The square that varies most: 2 × 2 numbers of the pooled map, and the same 4 × 4 of the others."
    )
    st.html(
        _STYLE + '<div class="ups">' + "".join(_square(answer, name) for name in _shown(answer)) + "</div>"
    )
    errors = answer["error"]
    best = min(errors, key=lambda name: errors[name])
    st.markdown(
        "Root mean square difference from the map before pooling: "
        + ", ".join(f"{WAYS[name][0].lower()} **{error:.3f}**" for name, error in errors.items())
        + f". The closest here is {WAYS[best][0].lower()}. No way brings back what pooling discarded; the "
        "convolutions after the doubling must redraw it."
    )
    ask_again(answer, "up-again")


def _shown(answer: dict[str, Any]) -> list[str]:
    return ["before", "pooled", *(name for name in WAYS if name in answer["maps"] and name != "own")]


def _square(answer: dict[str, Any], name: str) -> str:
    title, says = WAYS.get(name, ({"before": "Before pooling", "pooled": "Pooled"}.get(name, ""), ""))
    rows = "".join(
        "<tr>" + "".join(f"<td>{signed(n)}</td>" for n in row) + "</tr>"
        for row in answer["maps"][name]["square"]
    )
    words = f": {escape(says)}." if says else ""
    return f"<figure><figcaption><b>{escape(title)}</b>{words}</figcaption><table>{rows}</table></figure>"


_STYLE = """<style>
.ups { display: grid; grid-template-columns: repeat(auto-fill, minmax(13.5rem, 1fr)); gap: 0.8rem }
.ups figure { margin: 0; display: flex; flex-direction: column; justify-content: space-between; gap: 0.3rem }
.ups figcaption { font-size: 0.875rem }
.ups table { border-collapse: collapse; font-size: 0.8rem; font-variant-numeric: tabular-nums;
  width: fit-content }
.ups td { border: 1px solid rgb(128 128 128 / 40%); padding: 0.1rem 0.35rem; text-align: right }
</style>"""
