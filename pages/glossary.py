"""The field's terms, in alphabetical order."""

import streamlit as st

from lab.kit.address import strangers
from lab.kit.glossary import GLOSSARY
from lab.kit.layout import heading

strangers(st.query_params, ())
heading(
    "Glossary",
    "Wherever a page uses one of these terms, it has a dotted line: point at it or press it. The button *Words* "
    "lists all those of a page.",
)
for term in sorted(GLOSSARY, key=lambda term: term.name.lower()):
    st.markdown(f"**{term.name}**  \n{term.says}")
