"""The room of a game: the tabs that all games share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from engine.space import Picture
from lab.gan.explore_tab import explore
from lab.gan.losses_tab import losses
from lab.kit.gallery import gallery
from lab.kit.room import Room
from lab.kit.subject import words_of
from lab.kit.tabs import checks, experiments, tabs


def game_tabs(
    room: Room, *, formula: Callable[[], None], tries: list[tuple[str, str, str]],
    first: Mapping[str, Callable[[], None]] | None = None,
) -> None:  # fmt: skip
    """The tabs that all games share, with the family's own formula and what to try; `first` come before."""
    parts = dict(first or {}) | {"Formula and code": formula, "Losses": partial(losses, room)}
    if isinstance(room.space, Picture):
        parts["Explore z"] = partial(explore, room)
    parts |= {"Failures and cures": partial(failures, room), "Try this": partial(experiments, tries)}
    tabs(parts | {"Check": partial(checks, room)}, room)


def failures(room: Room) -> None:
    """The gallery of this game."""
    st.markdown(
        "**See it fail** trains a setting on the stage. It fails within a minute, for at least four seeds of "
        "five, and the sentence under the picture names what is seen. Then apply a cure to the run that has "
        "failed. The tests of this lab train them all."
    )
    gallery(room, words_of(room.family).failures)
