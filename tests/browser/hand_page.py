"""A page with a hand and nothing else, for tests: the model behind it is played by the test."""

import streamlit as st

from lab.stage import hand

st.set_page_config(layout="wide")
round = st.slider("round", 0, 9, 0, key="round", bind="query-params")
hand("other-run" if st.toggle("other") else "some-run", key="hand", round=round or None)
