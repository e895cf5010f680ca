"""Several families with codes side by side: the same data, seed and nets, other ideas of a code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st

from engine import data
from engine.config import Refused
from engine.family import Family
from engine.space import Picture
from lab.kit.answers import Figure, ask, strip
from lab.kit.pickers import data_of
from lab.kit.room import Room
from lab.kit.setting import Setting, choose
from lab.kit.subject import words_of
from lab.kit.together import Wanted, runs_together
from lab.kit.verdict import diagnosis, tell
from lab.runs import store
from lab.stage import pair


class Side(NamedTuple):
    """One of the families: its title here, and its own knobs."""

    title: str
    family: type[Family]
    own: Mapping[str, Any] = {}


def planes(sides: Sequence[Side]) -> list[Room]:
    """The stages side by side, under the sliders of the last side, whose knobs the others share."""
    chief = sides[-1].family
    words = words_of(chief)
    setting = choose(chief, "digits", room="planes")
    if setting is None:
        st.stop()
    space = data.load(setting.data).space
    try:
        wanted = [Wanted(s.family, setting.data, setting.seed, config(s, setting)) for s in sides]
        runs = runs_together(wanted)
    except Refused as refusal:
        st.error(str(refusal))
        st.stop()

    @st.fragment(run_every=2.0)
    def show() -> None:
        pair(
            runs, key="planes", titles=[side.title for side in sides],
            verdicts=[tell(diagnosis(run)) for run in runs],
            legend=words.legends.get(space.kind, ()), players=("model",), labels=words.labels, alike=False,
        )  # fmt: skip

    show()
    live = [not store.is_recording(store.folder(run)) for run in runs]
    return [Room(s.family, run, space, on) for s, run, on in zip(sides, runs, live, strict=True)]


def config(side: Side, setting: Setting) -> dict[str, Any]:
    """The knobs that this family shares with the sliders, and its own knobs."""
    shared = {name: v for name, v in setting.config.items() if name in side.family.Config.model_fields}
    space = data.load(setting.data).space
    return side.family.configure(space, shared | dict(side.own)).model_dump()


@st.fragment
def ways(rooms: Sequence[Room], titles: Sequence[str]) -> None:
    """The way between the same two test digits, in the codes of each model."""
    if not isinstance(rooms[0].space, Picture):
        st.info("The way between two pictures needs pictures: choose Digits as the data.")
        return
    last = len(data_of(rooms[0]).test_x) - 1
    left, right = st.columns(2)
    a = int(left.number_input("First test picture", 0, last, min(3, last), key="ways-a"))
    b = int(right.number_input("Last test picture", 0, last, min(500, last), key="ways-b"))
    rows = []
    for room, title in zip(rooms, titles, strict=True):
        answer = ask(room, "interpolate", a=a, b=b)
        if not answer:
            return
        rows.append(
            (title, [Figure(picture, "", f"{title}, {i}") for i, picture in enumerate(answer["linear"])])
        )
    strip(rows, columns=11)
    st.button("Ask again", key="ways-again", icon=":material/refresh:")
    st.caption("Each row follows the straight line from the code of the first digit to the code of the last.")
