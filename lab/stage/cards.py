"""Cards that play recordings: the map of all rooms.

A card's pictures come from `/reel/<run>` when it is in sight, so that a page is there before its pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from lab.stage.files import component

SHEETS = ("core/base.css", "cards/cards.css")
_still = component("genlab_still", "cards/still.js", *SHEETS)
_map = component("genlab_map", "cards/map.js", *SHEETS)


def room_map(
    *, key: str, root: Mapping[str, Any], beside: Sequence[Mapping[str, Any]], seen: Sequence[str],
    on_room: Callable[[str], None],
) -> None:  # fmt: skip
    """The tree of rooms, and what stands beside it; on a phone a list in the order of the path.

    Args:
        key: the component's key, always the same one.
        root: a branch, `{"title", "says"}` with `forks` (branches) or `groups` (`{"title", "rooms"}`). A room
            is `{"address", "title", "short", "idea", "built", "number", "needs", "films"}`: its place on the
            path or 0, the addresses of the rooms to see before, and the runs that its card plays.
        beside: branches that do not hang on the tree.
        seen: addresses that this visit has shown; the browser remembers them.
        on_room: called with an address when its card is pressed.
    """

    def pressed() -> None:
        if address := st.session_state[key].room:
            on_room(address)

    data = {"root": root, "beside": beside, "seen": seen}
    _map(key=key, data=data, on_room_change=pressed)


def still(run: str, *, key: str, says: str) -> None:
    """The last picture that a run has kept, small; `says` names it for those who do not see it."""
    _still(key=key, data={"run": run, "says": says})
