"""Tools of the style room: Gram matrices, what each layer keeps, what the network sees, and the one pass."""

from __future__ import annotations

from base64 import b64encode
from contextlib import closing
from html import escape
from typing import Any

import streamlit as st
from PIL import Image

from engine.config import Refused
from engine.style.canvas import FORMS
from lab.kit.answers import Figure, ask, ask_again, parts, strip
from lab.kit.plain import complain
from lab.kit.room import Room
from lab.runs import store
from lab.stage import split
from lab.style.pictures_tab import encoded

PICTURES = ("content", "style", "result")
LOOKED = [f"relu{block}_{i}" for block in range(1, 6) for i in (1, 2)]
TITLES = {
    "content": "Content, from the features of one layer",
    "style": "Style, from the Gram matrices of all layers up to one",
}
HOW = {
    "whitening": "Whitening and colouring: means and covariance",
    "AdaIN": "AdaIN: mean and deviation of each channel",
}


@st.fragment
def gram_matrices(room: Room) -> None:
    st.markdown(
        "$G_{ij}$ says how much channels $i$ and $j$ respond **at the same places**. It is a mean over all "
        "places, so it does not say where. Here a style is nothing more than these matrices, and the "
        "result is trained to have those of the style."
    )
    layer = st.pills(
        "Layer", list(FORMS), default=1, required=True, key="gram-layer",
        format_func=lambda i: f"relu{i}_1: {FORMS[i]}",
    )  # fmt: skip
    answer = ask(room, "grams", layer=layer)
    if not answer:
        return
    strip([("", [
        Figure(answer["target"], "target: the style's", "Gram matrix of the style"),
        Figure(answer["result"], "the result's now", "Gram matrix of the result"),
        Figure(answer["difference"], "difference", "Difference of the two Gram matrices"),
    ])], columns=3, least=120, most=280)  # fmt: skip
    shown, of = len(answer["target"]), answer["channels"]
    which = "All" if shown == of else f"The {shown} strongest of {of}"
    st.caption(
        f"{which} channels, ordered by their strength in the style, so that the diagonal falls. White is "
        "large; brightness is the square root of the size. In the difference, orange means that the result "
        "has too much, and blue that it has too little."
    )
    E = answer["E"][int(str(layer)) - 1]
    st.markdown(f"At this layer, $E_l$ is **{E:.2g}**. All layers, with their weighted share of the loss:")
    st.html(_bars(answer))
    ask_again(room, answer, "gram-again")


def _bars(answer: dict[str, Any]) -> str:
    """β w_l E_l of each layer, in its colour in the chart of the loss."""
    parts = [w * e for w, e in zip(answer["weight"], answer["E"], strict=True)]
    top = max([*parts, 1e-12])
    rows = [
        f"<span>{escape(name)}</span><div><i class='l{i}' style='width: {100 * part / top:.1f}%'></i></div>"
        f"<span>E = {e:.2g}</span><span>weighted {part:.2g}</span>"
        for i, (name, e, part) in enumerate(zip(answer["layers"], answer["E"], parts, strict=True), 1)
    ]
    return f"{_STYLE}<div class='gram-bars'>{''.join(rows)}</div>"


# l1 ... l5 are the shades of the roles style-1 ... style-5 in lab/stage/js/core/palette.js
_STYLE = """<style>
.gram-bars { display: grid; grid-template-columns: auto minmax(3rem, 24rem) auto auto; gap: 0.3rem 0.8rem;
  align-items: center; font-size: 0.875rem; font-variant-numeric: tabular-nums; white-space: nowrap }
.gram-bars div { background: rgb(128 128 128 / 15%) }
.gram-bars i { display: block; height: 0.9rem }
.gram-bars .l1 { background: light-dark(#FBD0A6, #FFE3AE) }
.gram-bars .l2 { background: light-dark(#F5A55F, #FAC65A) }
.gram-bars .l3 { background: light-dark(#E37A28, #E69F00) }
.gram-bars .l4 { background: light-dark(#B54A00, #B47800) }
.gram-bars .l5 { background: light-dark(#752F00, #7D5000) }
</style>"""


@st.fragment
def layers_keep(room: Room) -> None:
    st.markdown(
        "This is the paper's first figure. Ten pictures begin as noise. Each of the **upper five** learns "
        "to have the content's features at **one layer**: early layers still know every pixel, and deep "
        "layers only what is where. Each of the **lower five** learns to have the style's Gram matrices "
        "from relu1_1 **up to** one layer: the more layers, the larger the forms that it imitates, but "
        "none of them is where the style picture has it."
    )
    key = f"_keeps-{room.run}"
    done: dict[tuple[str, int], dict[str, Any]] = st.session_state.get(key, {})
    go = st.button(
        "Make them again" if done else "Make these ten pictures", key="keeps-go", icon=":material/brush:"
    )
    place, says = st.empty(), st.empty()
    if not go:
        if done:
            place.html(_figure(done))
        else:
            says.caption("It takes about a minute, during which the run on the stage hardly moves.")
        return
    done = {}
    try:
        with closing(parts(room, "keeps")) as coming:
            for part in coming:
                done[part["row"], part["layer"]] = part
                st.session_state[key] = done  # visitors who come back find what was made
                place.html(_figure(done))
                says.caption(f"{len(done) - 1} of 10 are done. Open another tab to stop.")
    except Refused as refusal:
        complain(refusal)
        return
    says.caption("All ten are done, each in forty steps.")


def _figure(done: dict[tuple[str, int], dict[str, Any]]) -> str:
    rows = []
    for row, title in TITLES.items():
        rows.append(f"<p>{title}</p>")
        for layer in FORMS:
            part = done.get((row, layer))
            name = f"relu{layer}_2" if row == "content" else "relu1_1" if layer == 1 else f"… relu{layer}_1"
            image = _img(part, name) if part else "<div></div>"
            rows.append(f"<figure>{image}<figcaption>{name}</figcaption></figure>")
    return f"{_SHEET}<div class='keeps'>{''.join(rows)}</div>"


def _img(part: dict[str, Any], name: str) -> str:
    code = b64encode(encoded(Image.fromarray(part["picture"]), "webp", quality=85)).decode()
    alt = f"{part['row']}, {name}, after {part['step']} steps"
    return f'<img src="data:image/webp;base64,{code}" alt="{escape(alt)}">'


_SHEET = """<style>
.keeps { display: grid; grid-template-columns: repeat(5, minmax(5.5rem, 11rem)); gap: 0.4rem;
  overflow-x: auto }
.keeps p { grid-column: 1 / -1; position: sticky; left: 0; width: fit-content; margin: 0.3rem 0 0;
  font-weight: 600 }
.keeps figure { margin: 0 }
.keeps img, .keeps div { display: block; width: 100%; border-radius: 4px }
.keeps div { aspect-ratio: 4 / 3; background: rgb(128 128 128 / 12%) }
.keeps figcaption { font-size: 0.8rem; text-align: center }
</style>"""


@st.fragment
def look_inside(room: Room) -> None:
    st.markdown(
        "Each channel of a layer is itself a picture, white where the network has detected what this "
        "channel looks for. Early channels respond to edges and colours, and deep ones, on a coarser grid, "
        "to parts of objects."
    )
    with st.container(horizontal=True):
        of = st.pills("Picture", PICTURES, default="result", required=True, key="inside-of")
        layer = st.selectbox("Layer", LOOKED, LOOKED.index("relu3_1"), key="inside-layer", width=160)
    answer = ask(room, "inside", of=of, layer=layer)
    if not answer:
        return
    shown = [
        Figure(channel, f"{number} · {mean:.1f}", f"channel {number} of {answer['layer']}")
        for channel, number, mean in zip(answer["maps"], answer["channel"], answer["mean"], strict=True)
    ]
    channels = f"{answer['of']} channels of {answer['layer']}"
    heading = f"The {len(shown)} of {channels} that respond most to the {of}"
    strip([(heading, shown)], columns=6, least=88, most=150)
    st.caption(
        "The number of the channel, and its mean as a multiple of the mean of all channels. Each map is "
        "scaled to full brightness."
    )
    ask_again(room, answer, "inside-again")


@st.fragment
def quick(room: Room) -> None:
    st.markdown(
        "There is a faster way, which descends no loss. It gives the features of the content **the "
        "statistics of the style's features** at once. A **decoder**, a network that was trained to turn "
        "features back into pictures, then paints them. It works for any two pictures."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        how = st.selectbox("Which statistics", HOW, key="quick-how", format_func=HOW.__getitem__, width=400)
        strength = st.slider(
            "Strength of the style", 0.0, 1.0, 1.0, 0.05, key="quick-strength", width=280,
            help="The share of style in the features. Details that are missing at 0 are lost by the decoder.",
        )  # fmt: skip
    answer = ask(room, "quick", how=how, strength=strength)
    if not answer:
        return
    labels = {"left": f"round {answer['round']:,}", "right": "one pass"}
    left, right = (
        encoded(Image.fromarray(answer[name]), "webp", quality=90) for name in ("picture", "quick")
    )
    split(key="quick", left=left, right=right, labels=labels)
    with st.container(horizontal=True, vertical_alignment="center"):
        begun = store.read_info(store.folder(room.run)).config["init"] == "one pass"
        if st.button("Let Gatys refine it", key="quick-refine", icon=":material/brush:", disabled=begun,
                     on_click=lambda: st.session_state.update(init="one pass")):  # fmt: skip
            st.rerun()  # the whole page, not this tool alone
        st.caption(
            "This starts a new run, which begins with the result of the one pass at full strength and "
            "descends the loss from there. The slider of rounds under the stage then leads from one to the "
            "other."
        )
    ask_again(room, answer, "quick-again")
