"""The page of a family that has none of its own: adding a family is adding one file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from engine.family import Family
from lab import kit
from lab.kit.setting import usual_data

LEGENDS: dict[str, Sequence[Any]] = {
    "points": [
        "The model's ",
        {"words": "samples", "layer": "points/fake", "role": "model"},
        " should come to lie like the ",
        {"words": "data", "layer": "points/real", "role": "data"},
        ".",
    ],
    "image": ["Pictures that the model makes of the same noise in each frame."],
    "line": [
        "The ",
        {"words": "density of the model's samples", "layer": "line/model density", "role": "model"},
        " should come to match the ",
        {"words": "data's exact density", "layer": "line/truth density", "role": "truth"},
        ".",
    ],
}


def page_of(family: type[Family]) -> Callable[[], None]:
    def page() -> None:
        room = kit.room(
            family, data_name=usual_data(family), sentence=f"Source: {family.source}.", legends=LEGENDS
        )

        def formula() -> None:
            module = inspect.getmodule(family)
            st.text(inspect.cleandoc(module.__doc__ or "") if module else "")
            kit.source(family)
            kit.knob_table(family)

        kit.tabs({"Formula and code": formula, "Check": lambda: kit.checks(room)})

    page.__name__ = f"page_{family.name}".replace("-", "_")
    return page
