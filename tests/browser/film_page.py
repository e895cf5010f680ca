"""A page with films and nothing else, for tests: the model that makes them is played by the test."""

import streamlit as st

from lab.stage import film

SCREENS = {"x_t": "x_t", "x0": "predicted x_0", "eps": "predicted noise"}
choice = st.query_params.get("film", "points")
steps = st.slider("steps", 5, 100, 20, 5, key="steps", bind="query-params")
rows = {
    "points": [{"title": "Ancestral", "ask": "reverse", "with": {"seed": 0}}],
    "two": [
        {"title": "100 steps", "ask": "reverse", "with": {"steps": 100}},
        {"title": f"{steps} steps", "ask": "reverse", "with": {"steps": steps}},
    ],
    "images": [{"title": "Digits", "ask": "reverse", "with": {"picture": True}}],
    "forward": [{"title": "Forward", "ask": "forward", "with": {}}],
    "refused": [{"title": "", "ask": "nothing", "with": {}}],
    "layers": [{"title": "", "ask": "layers", "with": {"seed": 0}}],
    "redraw": [{"title": "Your drawing", "ask": "reverse", "with": {"picture": True}}],
}[choice]
screens = {
    "forward": {"x_t": "in one jump", "chain": "step by step"},
    "layers": {"h": "h", "density": "density of h", "stretch": "the layer stretches (blue) or squeezes"},
}.get(choice, SCREENS)
made = "points/fake" if choice == "layers" else "points/model"
legend = [
    {"words": "Data", "role": "data", "layer": "points/real"}, " and ",
    {"words": "what the model makes", "role": "model", "layer": made}, ".",
]  # fmt: skip
film(
    "some-run",
    key="film",
    rows=rows,
    screens=screens,
    legend=legend if choice in ("points", "two", "layers") else (),
    labels={"number/SNR": "signal-to-noise ratio"},
    pad={"name": "drawing"} if choice == "redraw" else None,
    tween=choice == "layers",
    large="x_t" if choice in ("images", "redraw") else None,
)
