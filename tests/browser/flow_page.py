"""A page with what only the flows have, for tests: the model behind it is played by the test."""

import streamlit as st

from lab.stage import passage, stage

if st.query_params.get("show", "passage") == "passage":
    passage("some-run", key="passage")
else:
    labels = {"world": "The model", "side/truth": "The data", "side/error": "Data minus model"}
    legend = [{"words": "The error", "layer": "side/error"}, "."]
    stage("some-run", key="stage", legend=legend, labels=labels, train=False)
