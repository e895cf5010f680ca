"""One pass instead of many rounds, beside the result now."""

from __future__ import annotations

import io

import numpy as np
import streamlit as st
from PIL import Image

from lab.kit.answers import ask, ask_again
from lab.kit.room import Room
from lab.runs import store
from lab.stage import split

HOW = {
    "whitening": "Whitening and colouring: all of their covariance",
    "AdaIN": "AdaIN: mean and spread of each channel",
}


@st.fragment
def quick(room: Room) -> None:
    st.markdown(
        "Another way to the same end, without any loss to descend: the features of the content are **given "
        "the statistics of the style's** at once, and a **decoder**, a network that was trained once to turn "
        "features back into a picture, paints them. It takes a fraction of a second, for any two pictures."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        how = st.selectbox("Which statistics", HOW, key="quick-how", format_func=HOW.__getitem__, width=400)
        strength = st.slider(
            "Strength of the style", 0.0, 1.0, 1.0, 0.05, key="quick-strength", width=280,
            help="This share of the features is the style's. What is missing at 0, the decoder has lost.",
        )  # fmt: skip
    found = ask(room, "quick", how=how, strength=strength)
    if not found:
        return
    labels = {"left": f"round {found['round']:,}", "right": "one pass"}
    split(key="quick", left=_webp(found["picture"]), right=_webp(found["quick"]), labels=labels)
    with st.container(horizontal=True, vertical_alignment="center"):
        begun = store.read_info(store.folder(room.run)).config["init"] == "one pass"
        if st.button("Let Gatys refine it", key="quick-refine", icon=":material/brush:", disabled=begun,
                     on_click=_refine):  # fmt: skip
            st.rerun()  # the whole page, not this tool alone
        st.caption(
            "A new picture that begins with the one pass at full strength and descends the loss from there. "
            "On the stage the slider of rounds then leads from the one to the other."
        )
    ask_again(found, "quick-again")


def _refine() -> None:
    st.session_state["init"] = "one pass"


def _webp(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "webp", quality=90)
    return file.getvalue()
