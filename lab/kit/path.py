"""The path through all rooms: what a room needs first, and which one is next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lab.kit.subject import path, places


def neighbours(rooms: Mapping[str, Any], address: str) -> None:
    """At the end of a room's page: links to the rooms that it builds on, and to the next one."""
    place = next((place for place in places() if place.address == address), None)
    if not place or not place.step:
        return
    steps = path()
    after = steps[steps.index(address) + 1 :][:1]
    with st.container(horizontal=True, key="path"):
        for name in place.needs:
            st.page_link(rooms[name], label=f"Builds on: {rooms[name].title}", icon=":material/arrow_back:")
        for name in after:
            st.page_link(rooms[name], label=f"Next: {rooms[name].title}", icon=":material/arrow_forward:")
