"""Compare: two runs from the same seed and the same data, with one knob different."""

import streamlit as st

from engine.families import families
from engine.flow import Flow
from lab import kit
from lab.kit import diffusion, flows, style
from lab.kit.latent import LABELS, LEGENDS

GAMES = ("gan", "cgan")  # families of D against G
CODERS = ("pca", "ae", "vae", "cvae", "vae-gan")
DENOISERS = ("ddpm", "flow-matching")
FLOWS = [name for name, family in families().items() if issubclass(family, Flow)]
GAN_LEGENDS = {
    "points": [
        "On both sides: the generator's ",
        {"words": "fakes", "layer": "points/fake", "role": "model"},
        ", the ",
        {"words": "real points", "layer": "points/real", "role": "data"},
        ", in the ",
        {"words": "background", "layer": "field/discriminator", "role": "field"},
        " what D believes, the ",
        {"words": "arrows", "layer": "arrows/gradient", "role": "gradient", "off": True},
        " along which G moves its fakes, and the ",
        {"words": "grid", "layer": "mesh/generator", "role": "model", "off": True},
        " into which it bends the plane of z.",
    ],
    "line": [
        "On both sides: the ",
        {"words": "density of the fakes", "layer": "line/model density", "role": "model"},
        ", the ",
        {"words": "data's exact density", "layer": "line/truth density", "role": "truth"},
        ", the ",
        {"words": "discriminator", "layer": "line/discriminator", "role": "critic"},
        " and the ",
        {"words": "best possible one", "layer": "line/best discriminator", "role": "truth"},
        ", and the ",
        {"words": "lines", "layer": "links/generator", "role": "latent"},
        " from each z to its x.",
    ],
    "image": [
        "On both sides each square is made of the same noise vector z. Below it is the ",
        {"words": "discriminator's belief", "layer": "score/samples"},
        " that it is real.",
    ],
}
GAN_LABELS = {
    "field": "D(x)",
    "chart/loss": "What each player descends",
    "role/D(x)": "data",
    "role/D(G(z))": "model",
    "role/-E[log D(x)]": "critic",
    "role/-E[log(1 - D(G(z)))]": "critic",
    "role/-E[log D(G(z))]": "model",
    "role/E[log(1 - D(G(z)))]": "model",
}

st.title("Compare")
st.markdown(
    "Two runs start from the same seed on the same data and train in step. Choose the one knob in which "
    "they differ: whatever then looks different comes of that knob. The address holds it all, to share."
)
kit.compare(
    dict.fromkeys(GAMES, GAN_LEGENDS)
    | dict.fromkeys(CODERS, LEGENDS)
    | dict.fromkeys(DENOISERS, diffusion.LEGENDS)
    | dict.fromkeys(FLOWS, flows.LEGENDS)
    | {"style": style.LEGENDS},
    dict.fromkeys(GAMES, GAN_LABELS)
    | dict.fromkeys(CODERS, LABELS)
    | dict.fromkeys(DENOISERS, diffusion.LABELS)
    | dict.fromkeys(FLOWS, flows.LABELS)
    | {"style": style.LABELS},
)
