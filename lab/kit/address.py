"""The address of a page is its setting: it is read when somebody comes, and written in one piece.

Somebody comes by a link, from another page, or by the browser's Back and Forward. What the address then says
is the `link`: each widget takes its own word of it, and what is left over means nothing here. From then on
the widgets count, and every change of theirs is one step of the browser's history.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any
from urllib.parse import parse_qsl

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.session_state_proxy import get_session_state

from lab.kit.plain import complain

ELSEWHERE = frozenset({"tab", "walks", "present"})
"""Words that are no part of the setting: their own pages keep them in the address."""


def arrive(page: str) -> None:
    """Begin a page: if somebody has just come, what the address says counts, and not what widgets showed."""
    state, context = st.session_state, get_script_run_ctx()
    back = context is not None and context.is_history_navigation
    state["_words"] = {}
    if back or state.get("_page") != page:
        start_over()
        state["_back"] = back
        state["_page"] = page
        state["_link"] = {name: st.query_params[name] for name in st.query_params}


def start_over(*stays: str) -> None:
    """Forget what the widgets showed, except some; pages share the names of knobs, not their values."""
    state = st.session_state
    if run := state.pop("_run", None):
        state["_last"] = run
    bringing = [str(key) for key in state if str(key).startswith("bring-")]
    for key in {*state.pop("_names", ()), "_recipe", *bringing} - {*stays}:
        state.pop(key, None)
    state["_link"] = {}


def link() -> dict[str, str]:
    """What the link says that nobody has taken yet."""
    words: dict[str, str] = st.session_state.setdefault("_link", {})
    return words


def show(name: str, value: Any) -> None:
    """Let the widget of this name show a value."""
    _names().add(name)
    st.session_state[name] = value


def asked(name: str, default: str) -> str:
    """The text that a widget of this name shows: what the link says, or its own, or the default."""
    if name in link() or name not in st.session_state:
        show(name, link().pop(name, default))
    text: str = st.session_state[name]
    return text


def keep(name: str, value: Any, default: Any = None) -> None:
    """Keep a value in the address, unless it is the one that is there without."""
    _names().add(name)
    st.session_state.setdefault("_words", {})[name] = None if value == default else str(value)


def _names() -> set[str]:
    """Of all words that were kept since somebody came."""
    names: set[str] = st.session_state.setdefault("_names", set())
    return names


def write(place: Any = st, here: str = "This page") -> None:
    """Write all that is kept into the address, as one step of the history, and say what nobody knows."""
    words = st.session_state.get("_words", {})
    strangers(link(), words, place, here)
    link().clear()
    new = {name: text for name, text in words.items() if text is not None}
    context = get_script_run_ctx()
    with get_session_state().query_params() as params:
        for name in [name for name in params if name not in new and name not in ELSEWHERE]:
            params.discard_param_no_forward_msg(name)
        shown = parse_qsl(context.query_string if context else "", keep_blank_values=True)
        # what the browser shows: Streamlit may have dropped what an earlier rerun wrote
        if new != {name: text for name, text in shown if name not in ELSEWHERE}:
            params.update(new)


def strangers(names: Iterable[str], known: Iterable[str], place: Any = st, here: str = "This page") -> None:
    """Say which words of a link mean nothing here, and what was probably meant."""
    for name in names:
        if name in ELSEWHERE:
            continue
        near = get_close_matches(name, [*known, *ELSEWHERE], 1)
        meant = f" Perhaps {near[0]} was meant." if near else ""
        complain(f"{here} has no knob called {name[:40]!r}.{meant}", place)
