"""The room of a game: the tabs that all games share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from engine.space import Picture
from lab.gan.explore_tab import explore
from lab.gan.losses_tab import losses
from lab.kit.gallery import gallery
from lab.kit.room import Room
from lab.kit.subject import words_of
from lab.kit.tabs import checks, experiments, tabs


def game_tabs(
    room: Room,
    *,
    formula: Callable[[], None],
    tries: list[tuple[str, str, str]],
    first: Mapping[str, Callable[[], None]] | None = None,
) -> None:
    """The tabs that all games share, with the family's own formula and what to try; `first` come before."""
    own = dict(first or {}) | {"Formula and code": formula, "Losses": lambda: losses(room)}
    pictures = {"Explore z": lambda: explore(room)} if isinstance(room.space, Picture) else {}
    last = {
        "Failures and cures": lambda: failures(room),
        "Try this": lambda: experiments(tries),
        "Check": lambda: checks(room),
    }
    tabs(own | pictures | last)


def failures(room: Room) -> None:
    """The gallery of this game."""
    st.markdown(
        "Each link shows its failure within a minute, for at least four seeds of five; so do the cures. The "
        "tests of this lab train them all. The sentence under the picture names what is seen."
    )
    gallery(words_of(room.family).failures)
