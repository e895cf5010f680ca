"""What one takes home from any room: picture, film, curves, setting, and links that others can open."""

from __future__ import annotations

import re
from collections.abc import Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lab.kit.setting import KEPT
from lab.stage import keep

_PHOTOS = re.compile(r"(photo|painted|mask)-[0-9a-f]{12}")


def share(run_id: str, name: str, data: str, compare: str = "") -> None:
    """A button whose panel has it all, beside the link to the comparison; nothing is made before it is asked
    for. Files are called by `name` and data."""
    row = st.container(horizontal=True, key="aside")
    if compare:
        row.link_button("Compare with another setting", compare, icon=":material/compare:", type="tertiary")
    _panel(row, "Take home, copy link", run_id, name, data)


def share_each(runs: Mapping[str, str], name: str, data: str) -> None:
    """The same for runs side by side, given by what each is called."""
    row = st.container(horizontal=True, key="aside")
    for side, (title, run_id) in enumerate(runs.items()):
        _panel(row, f"Take home: {title}", run_id, f"{name}-{title}", data, side)


def _panel(
    row: DeltaGenerator, label: str, run_id: str, name: str, data: str, side: int | None = None
) -> None:
    own = bool(KEPT.fullmatch(data) or _PHOTOS.search(data))
    which = "" if side is None else f"-{side}"
    called = re.sub("[^a-z0-9-]+", "-", f"{name}-{data}".lower())
    with row.popover(label, icon=":material/ios_share:", type="tertiary", key=f"share{which}"):
        keep(run_id, key=f"keep{which}", name=called, own=own, side=side)
