"""The tools of the autoencoder's room: a linear one beside PCA, and ways to double a feature map."""

from __future__ import annotations

from html import escape

import streamlit as st

from engine.codes.ae import AE
from engine.space import Picture
from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.numbers import signed
from lab.kit.pickers import test_picture_number
from lab.kit.room import Room
from lab.runs import store

MOST = 10  # axes shown


@st.fragment
def against_pca(room: Room) -> None:
    """The two subspaces and their axes, measured on the present model; nothing, if that is not linear."""
    if not AE.Config.of(store.read_info(store.folder(room.run)).config).is_linear(room.space):
        return
    answer = ask(room, "against_pca")
    if not answer:
        return
    angles, lean = answer["angles"], answer["lean"]
    between = ", ".join(f"{angle:.2f}°" for angle in angles[:MOST])
    st.markdown(
        "**Principal angles** between the autoencoder's subspace and that of PCA: "
        f"**{between}**{' …' if len(angles) > MOST else ''}. They fall to 0° as it learns: **the same "
        "subspace**. On all test examples, without noise on the input, its squared error is "
        f"{answer['error']:.2f}; that of PCA is {answer['error of PCA']:.2f}. "
        "No linear code of this length does better than PCA on the training data."
    )
    if len(angles) > 1:
        st.markdown(
            f"But it has **another basis**: two of its axes have a cosine of up to {lean:.2f}. The axes of "
            "PCA are orthogonal, and the first is the direction of most variance. Nothing in the loss asks "
            "for that: the decoder can undo any invertible linear map of the code and restore x just as well."
        )
    if "axes" in answer:
        own, principal = (
            [Figure(p, f"{i}") for i, p in enumerate(answer[name][:MOST], 1)]
            for name in ("axes", "principal axes")
        )
        adds = "What each number of the autoencoder's code adds to the picture (grey is 0)"
        strip([(adds, own), ("The principal axes", principal)], columns=MOST)
    ask_again(room, answer, "pca-again")


# --- up-sampling ---------------------------------------------------------------------------------

BEFORE = {"before": ("Before pooling", ""), "pooled": ("Pooled", "")}
WAYS = {
    "nearest": ("Nearest", "each number fills its square of 2 × 2"),
    "bilinear": ("Bilinear", "numbers are interpolated between the centres of squares"),
    "remembered": (
        "Max-unpooling, places remembered",
        "each maximum goes back to where the pooling took it from; the rest is 0. The decoder must be told "
        "these places by the encoder",
    ),
    "spread": (
        "Max-unpooling, places unknown",
        "each number goes to the upper left of its square, because a decoder that sees only z does not know "
        "the places",
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
    if not isinstance(room.space, Picture):
        st.info("Up-sampling is for pictures: choose Digits as the data.")
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
    titles = {"before": "before", "pooled": "after 2 × 2 max-pooling"}
    pair = [(maps[name]["picture"], title) for name, title in titles.items()]
    first = [Figure(picture, f"{title}\n{len(picture)} × {len(picture)}") for picture, title in pair]
    strip([(f"{what}, and what max-pooling keeps of it", first)], columns=2, least=90, most=150)
    drawn = [Figure(maps[name]["picture"], title) for name, (title, _) in WAYS.items() if name in maps]
    strip([("Doubled again", drawn)], columns=len(drawn), least=90, most=150)
    st.markdown(
        "The square that varies most: 2 × 2 numbers of the pooled map, and the same 4 × 4 of the others."
    )
    titled = {name: words for name, words in (BEFORE | WAYS).items() if name != "own"}
    squares = [_square(maps[name]["square"], *words) for name, words in titled.items()]
    st.html(f'{_STYLE}<div class="ups">{"".join(squares)}</div>')
    errors = answer["error"]
    best = min(errors, key=errors.__getitem__)
    st.markdown(
        "Root mean square difference from the map before pooling: "
        + ", ".join(f"{WAYS[name][0].lower()} **{error:.3f}**" for name, error in errors.items())
        + f". The closest here is {WAYS[best][0].lower()}. No way brings back what pooling discarded; the "
        "convolutions after the doubling must redraw it."
    )
    ask_again(room, answer, "up-again")


def _square(numbers: list[list[float]], title: str, says: str) -> str:
    rows = "".join(f"<tr>{''.join(f'<td>{signed(n)}</td>' for n in row)}</tr>" for row in numbers)
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
