"""A page with a desk and nothing else, for tests: the model behind it is played by the test."""

import streamlit as st

from lab.stage import desk

asked = st.query_params
round = st.slider("round", 0, 9, 0, key="round", bind="query-params")
desk(
    "other-run" if st.toggle("other") else "some-run",
    key="desk",
    round=round or None,
    masks=bool(asked.get("masks")),
    verdict=not asked.get("quiet"),
)
