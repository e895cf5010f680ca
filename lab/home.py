"""The app's entry: finds the pages, lays out the navigation and runs the chosen page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from engine.families import families
from lab.kit.generic import page_of
from lab.runs import store

PAGES = Path(__file__).parents[1] / "pages"

st.set_page_config(page_title="genlab", page_icon=str(store.ASSETS / "icon.png"), layout="wide")

found = families()
pages = [st.Page(PAGES / "map.py", title="Map", icon=":material/map:", default=True)]
own = {file.stem: file for file in sorted(PAGES.glob("*.py")) if file.stem != "map"}
for name, family in found.items():
    title = family.name.upper() if len(name) <= 4 else family.title
    if name in own:
        pages.append(st.Page(own.pop(name), title=title, url_path=name))
    else:  # a family without a page of its own
        pages.append(st.Page(page_of(family), title=title, url_path=name))
pages += [
    st.Page(file, title=stem.replace("_", " ").capitalize(), url_path=stem) for stem, file in own.items()
]

st.navigation(pages, position="top").run()
