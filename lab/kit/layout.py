"""How a page is laid out: the stage at the left, the open tab at the right, both within one window."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.exceptions import StopException

from engine.config import Knob


def bench() -> tuple[DeltaGenerator, DeltaGenerator]:
    """The places of the stage and of the tools beside it; on a phone the tools stand below. `page.css` has
    their sizes."""
    with st.container(key="bench"):
        return st.container(key="picture"), st.container(key="tools")


def run_page(page: StreamlitPage) -> None:
    """Run a page. One that stops early leaves none of the fragments of the page before: Streamlit forgets
    them only where a script comes to its end. One that the clock calls would write to a place that is gone.
    """
    try:
        page.run()
    except StopException:
        if now := get_script_run_ctx():
            now.fragment_storage.clear(now.shared.new_fragment_ids.snapshot())
        raise


def heading(title: str, sentence: str) -> None:
    """The title and one sentence, which a phone shows below the picture."""
    st.title(title, anchor=False)
    with st.container(key="sentence"):
        st.markdown(sentence)


def presented() -> bool:
    """Whether the address asks for the page as on a projector: `?present=1`."""
    return st.query_params.get("present") == "1"


def lay_out(presented: bool) -> None:
    """In a callback: lay the page out for a projector, or for a desk again."""
    if presented:
        st.query_params["present"] = "1"
    else:
        st.query_params.pop("present", None)


def present(knobs: Iterable[Knob]) -> None:
    """Lay the page out for a projector; of the sidebar only the live sliders are left, over the picture."""
    live = [f".st-key-{knob.name}" for knob in knobs if knob.live and not knob.advanced]
    others = "".join(f":not({name})" for name in live)
    hidden = f'[data-testid="stSidebarUserContent"] .stElementContainer{others} {{ display: none }}'
    hidden = hidden if live else '[data-testid="stSidebar"] { display: none }'
    beside = ".stMainBlockContainer { padding-right: 12.4rem }" if live else ""
    sheet = (Path(__file__).parents[1] / "present.css").read_text()
    st.html(f"<style>{sheet}{hidden}{beside}</style>")
