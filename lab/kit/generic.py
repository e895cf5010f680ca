"""The room of a family that has no page of its own: adding a family is adding one file."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial

import streamlit as st

from engine.family import Family
from lab import kit


def page_of(family: type[Family]) -> Callable[[], None]:
    """A page with the words of the family's subject, its tabs, its code and its laws."""

    def page() -> None:
        words = kit.words_of(family)
        room = kit.room(family, sentence=words.sentence or f"Source: {family.source}.")
        kit.commentary(room)

        def formula() -> None:
            module = inspect.getmodule(family)
            st.text(inspect.cleandoc(module.__doc__ or "") if module else "")
            kit.source(family)
            kit.knob_table(family)

        parts: dict[str, Callable[[], None]] = {name: partial(tab, room) for name, tab in words.tabs.items()}
        parts["Formula and code"] = formula
        if words.failures:
            parts["Failures and cures"] = partial(kit.gallery, room, words.failures)
        if words.experiments:
            parts["Try this"] = partial(kit.experiments, words.experiments)
        kit.tabs(parts | {"Check": partial(kit.checks, room)}, room)

    page.__name__ = f"page_{family.name}".replace("-", "_")
    return page
