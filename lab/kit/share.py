"""What one takes home from any room: picture, film, curves, setting, and links that others can open."""

from __future__ import annotations

import re

import streamlit as st

from lab.kit.setting import KEPT
from lab.stage import keep

_PHOTOS = re.compile(r"(photo|painted|mask)-[0-9a-f]{12}")


def share(run_id: str, name: str, data: str, compare: str = "") -> None:
    """A button whose panel has it all, beside the link to the comparison; nothing is made before it is asked
    for. Files are called by `name` and data."""
    own = bool(KEPT.fullmatch(data) or _PHOTOS.search(data))
    row = st.container(horizontal=True, key="aside")
    if compare:
        row.link_button("Compare with another setting", compare, icon=":material/compare:", type="tertiary")
    with row.popover("Take home, copy link", icon=":material/ios_share:", type="tertiary", key="share"):
        keep(run_id, key="keep", name=f"{name}-{re.sub('[^a-z0-9-]+', '-', data)}", own=own)
