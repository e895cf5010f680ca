"""One pass instead of many rounds, beside the present result."""

from __future__ import annotations

import streamlit as st
from PIL import Image

from lab.kit.answers import ask, ask_again
from lab.kit.room import Room
from lab.runs import store
from lab.stage import split
from lab.style.pictures_tab import encoded

HOW = {
    "whitening": "Whitening and colouring: means and covariance",
    "AdaIN": "AdaIN: mean and deviation of each channel",
}


@st.fragment
def quick(room: Room) -> None:
    st.markdown(
        "There is a faster way, which descends no loss. It gives the features of the content **the "
        "statistics of the style's features** at once. A **decoder**, a network that was trained to turn "
        "features back into pictures, then paints them. This takes a fraction of a second for any two "
        "pictures."
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
    ask_again(answer, "quick-again")
