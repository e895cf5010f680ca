"""A page with a scope and nothing else, for tests: the models behind it are played by the test."""

import base64

import numpy as np
import streamlit as st

from lab.stage import scope

asked = st.query_params
round = st.slider("round", 0, 9, 0, key="round", bind="query-params")
others = [
    {"run": "long", "field": 17, "levels": 16},
    {"run": "short", "field": 5, "levels": 16},
    {"run": "short-fine", "field": 5, "levels": 64},
]
sound = 128 + 90 * np.sin(np.arange(300) / 5) * (np.arange(300) < 200)
scope(
    "some-run",
    key="scope",
    round=round or None,
    others=others if asked.get("others") else [],
    brought={"name": "me.wav", "wave": base64.b64encode(sound.round().astype(np.uint8)).decode()}
    if asked.get("brought")
    else None,
)
