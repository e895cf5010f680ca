"""The app's entry: finds the pages, lays out the navigation and runs the chosen page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from engine.families import families
from lab import classroom
from lab.kit.address import arrive
from lab.kit.generic import page_of
from lab.kit.layout import run_page
from lab.kit.path import neighbours
from lab.kit.subject import BRANCHES, places
from lab.runs import store

PAGES = Path(__file__).parents[1] / "pages"
SIDEBAR = 264  # px: as wide as its sliders need, because the picture needs all else

st.set_page_config(
    page_title="genlab",
    page_icon=str(store.ASSETS / "icon.png"),
    layout="wide",
    initial_sidebar_state=SIDEBAR,
)

st.html(Path(__file__).with_name("page.css"))  # how a page uses the window

files = {file.stem.replace("_", "-"): file for file in sorted(PAGES.glob("*.py")) if file.stem != "map"}
known, placed = families(), {place.address: place for place in places()}
rooms: dict[str, st.Page] = {}  # by address
menus: dict[str, list[st.Page]] = {title: [] for title in ("", *(one for one, _ in BRANCHES.values()))}
for name in [*placed, *(name for name in files if name not in placed)]:
    place, family = placed.get(name), known.get(name)
    title = place.title if place else name.replace("-", " ").capitalize()
    if family and len(name) <= 4 < len(title):
        title = name.upper()
    page = files.get(name) or (page_of(family) if family else None)
    if page is None:
        raise TypeError(
            f"{name} has a place on the map, but neither a page in pages/ nor a family of that name"
        )
    hidden = name == "class" and not classroom.teaches(st.context.cookies)
    rooms[name] = st.Page(page, title=title, url_path=name, visibility="hidden" if hidden else "visible")
    menu, _ = BRANCHES[place.branch if place else "tools"]
    menus[menu].append(rooms[name])

st.session_state["_rooms"] = rooms
landing = st.Page(PAGES / "map.py", title="Map", icon=":material/map:", default=True)
menus[""] = [landing]
chosen = st.navigation(menus, position="top")
st.session_state.setdefault("_seen", set()).add(chosen.url_path)
arrive(chosen.url_path)
run_page(chosen)
neighbours(rooms, chosen.url_path)
