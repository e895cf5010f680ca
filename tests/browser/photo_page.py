"""A page with a stage alone, for tests: the run of a style that it shows is played by the test."""

import streamlit as st

from lab.stage import stage

st.set_page_config(layout="wide")
stage("some-run", key="stage", legend=["A picture in the style of another."], players=["image"], height=480)
