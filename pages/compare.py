"""Compare: two runs from the same seed and the same data, with one knob different."""

import streamlit as st

from lab import kit

st.title("Compare")
st.markdown(
    "Two runs start from the same seed on the same data and train in step. Choose the one knob in which "
    "they differ: whatever then looks different comes of that knob. The address holds it all, to share."
)
kit.compare()
