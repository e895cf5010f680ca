"""A page with a stage alone, for tests: the run of a style that it shows is played by the test.
At ?split two pictures of the page's own with a handle between them."""

import streamlit as st

from lab.stage import split, stage
from tests.browser.photographs import BLUE, RED, packed

st.set_page_config(layout="wide")
if "split" in st.query_params:
    st.button("again")
    split(
        key="split", left=packed(BLUE, "PNG"), right=packed(RED), labels={"left": "before", "right": "after"}
    )
else:
    node = {"id": "x", "title": "picture", "says": "", "at": [0, 0], "role": "model", "array": "photo/result"}
    stage(
        "some-run",
        key="stage",
        legend=["A picture in the style of another."],
        players=["image"],
        graph={"nodes": [node], "edges": []},
    )
