"""The latent plane of a room, and those of several families side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from engine import data
from engine.codes.base import Coder
from engine.config import Refused
from engine.family import Family
from engine.space import Picture, Space
from lab.kit.address import write
from lab.kit.answers import Figure, ask, point, strip
from lab.kit.exhibit import Wanted
from lab.kit.pickers import data_of, latent_dimensions
from lab.kit.plain import complain
from lab.kit.room import Room
from lab.kit.setting import Setting, choose
from lab.kit.share import share_each
from lab.kit.subject import words_of
from lab.kit.together import pair_of_runs, runs_together
from lab.kit.verdict import diagnosis, tell
from lab.runs import store

HANDS = (
    "In the latent plane, press to hold a z and drag to walk; with a finger, rest first. Press the marker, "
    "or Escape, to let go. The key z holds the present place. The arrow keys then walk; with Shift, five "
    "steps."
)


def latent_plane(room: Room) -> None:
    """How to walk in the plane and, if z has more than two dimensions, a choice of its axes."""
    with room.below:
        _latent_plane(room)


def _latent_plane(room: Room) -> None:
    st.caption(HANDS)
    dimensions = latent_dimensions(room)
    if dimensions < 3 or not room.live:
        return
    names = [f"z{n + 1}" for n in range(dimensions)] + ["principal direction 1", "principal direction 2"]
    values = [*range(dimensions), -1, -2]
    left, right, _ = st.columns([1, 1, 2])
    across = left.selectbox("Axis across", names, 0, key="axis_across")
    up = right.selectbox("Axis up", names, 1, key="axis_up")
    if across == up:
        complain("Both axes are the same; choose two different ones.")
        return
    point(room, "axes", *(float(values[names.index(name)]) for name in (across, up)))


def label_of_plane(room: Room) -> None:
    """The label with which the plane is decoded, in a room whose decoder is told one."""
    if not isinstance(room.space, Picture) or not room.live:
        return
    with room.below:
        chosen = st.select_slider(
            "Label of the decoded plane", range(room.space.classes), 0, key="label_of_plane"
        )
    point(room, "label", float(chosen))


# --- side by side --------------------------------------------------------------------------------


def planes(sides: Mapping[str, type[Family]]) -> list[Room]:
    """The stages side by side, each with its title, under the sliders of the last family."""
    *_, chief = sides.values()
    words = words_of(Coder)  # what is true of all
    notes = st.container()
    setting = choose(chief, "digits", notes=notes)
    if setting is None:
        write(notes)
        st.stop()
    space = data.load(setting.data).space
    try:
        configs = {family: config(family, setting, space) for family in sides.values()}
        wanted = [Wanted(f, setting.data, setting.seed, c) for f, c in configs.items()]
        runs = runs_together(wanted)
    except Refused as refusal:
        complain(refusal)
        st.stop()
    finally:
        write(notes)

    @st.fragment(run_every=2.0)
    def show() -> None:
        pair_of_runs(
            runs, wanted, key="planes", titles=list(sides),
            verdicts=[tell(diagnosis(run)) for run in runs],
            legend=words.legends.get(space.kind, ()), players=("model",), labels=words.labels, alike=False,
        )  # fmt: skip

    show()
    share_each(dict(zip(sides, runs, strict=True)), "planes", setting.data)
    live = [store.has_model(store.folder(run)) for run in runs]
    return [Room(f, run, space, on) for f, run, on in zip(sides.values(), runs, live, strict=True)]


def config(family: type[Family], setting: Setting, space: Space) -> dict[str, Any]:
    """The knobs of this family, of which it shares some with the sliders."""
    shared = {name: v for name, v in setting.config.items() if name in family.Config.model_fields}
    return family.configure(space, shared).model_dump()


@st.fragment
def ways(rooms: Sequence[Room], titles: Iterable[str]) -> None:
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
        rows.append((title, [Figure(p, "", f"{title}, {i}") for i, p in enumerate(answer["linear"])]))
    strip(rows, columns=11)
    st.button("Ask again", key="ways-again", icon=":material/refresh:")
    st.caption("Each row follows the straight line from the code of the first digit to the code of the last.")
