"""The app's entry: finds the pages, lays out the navigation and runs the chosen page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from engine.families import families
from lab.kit.generic import page_of
from lab.runs import store

PAGES = Path(__file__).parents[1] / "pages"

st.set_page_config(page_title="genlab", page_icon=str(store.ASSETS / "icon.png"), layout="wide")

# room for the picture: Streamlit leaves six rem above and below a page
st.html("<style>.stMainBlockContainer { padding-top: 3.5rem; padding-bottom: 2rem }</style>")

BRANCHES = {"tractable": "Exact p(x)", "approximate": "Approximate p(x)", "implicit": "Samples only"}
rooms: dict[str, st.Page] = {}  # by address
menus: dict[str, list[st.Page]] = {title: [] for title in ("", *BRANCHES.values(), "Beside")}
own = {file.stem.replace("_", "-"): file for file in sorted(PAGES.glob("*.py")) if file.stem != "map"}
for name, family in families().items():
    title = name.upper() if len(name) <= 4 < len(family.title) else family.title
    # a family without a page of its own gets the generic one
    rooms[name] = st.Page(own.pop(name) if name in own else page_of(family), title=title, url_path=name)
    menus[BRANCHES.get(family.branch, "Beside")].append(rooms[name])
for name, file in own.items():
    rooms[name] = st.Page(file, title=name.replace("-", " ").capitalize(), url_path=name)
    menus["Beside"].append(rooms[name])

st.session_state["_rooms"] = rooms
landing = st.Page(PAGES / "map.py", title="Map", icon=":material/map:", default=True)
menus[""] = [landing]
st.navigation(menus, position="top").run()
