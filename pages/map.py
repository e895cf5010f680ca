"""The landing page: the lecture's taxonomy of generative models, as a map whose rooms are links."""

from pathlib import Path
from typing import NamedTuple

import streamlit as st

from engine.families import families


class Place(NamedTuple):
    name: str  # of the family, and the room's address
    title: str
    idea: str


TAXONOMY = {
    "Explicit density, tractable": (
        "The model gives p(x) exactly.",
        [
            Place("density", "Density estimation", "Gaussians, histograms and kernels"),
            Place(
                "autoregressive",
                "Autoregressive models",
                "NADE, MADE, PixelRNN, PixelCNN: one pixel after another",
            ),
            Place(
                "flow", "Normalizing flows", "Real-NVP, MAF, IAF: bend a simple density, keep count of volume"
            ),
        ],
    ),
    "Explicit density, approximate": (
        "The model gives a bound on p(x), or p(x) up to a constant.",
        [
            Place("vae", "Autoencoders and the VAE", "PCA, autoencoder, VAE: a latent plane to walk on"),
            Place("diffusion", "Diffusion", "DDPM: learn to take noise away, step by step"),
            Place("energy", "Boltzmann machine", "Low energy where the data are"),
        ],
    ),
    "Implicit density": (
        "The model gives samples, and no p(x).",
        [
            Place("gan", "Generative adversarial network", "A forger and a detective train each other"),
            Place("gan-zoo", "The GAN zoo", "DCGAN to StyleGAN, one idea at a time"),
            Place("translation", "Image to image", "pix2pix, CycleGAN, SRGAN"),
            Place(
                "gsn", "Generative stochastic network", "Samples from a Markov chain that learned to denoise"
            ),
        ],
    ),
}
BESIDE = [
    Place("style", "Neural style transfer", "The picture itself is what learns"),
    Place("metrics", "Inception Score and FID", "How good are the samples?"),
]
BUILT = {file.stem.replace("_", "-") for file in Path(__file__).parent.glob("*.py")} | set(families())


def draw(place: Place) -> None:
    with st.container(border=True):
        if place.name in BUILT:
            # a plain address, since this page does not hold the other pages' objects
            st.markdown(f"##### [{place.title}](/{place.name})")
            st.markdown(place.idea)
        else:
            st.markdown(f"##### :gray[{place.title}]")
            st.markdown(f":gray[{place.idea}]")
            st.caption("Not built yet")


st.title("genlab")
st.markdown(
    "A teaching lab for deep generative models. Enter a room, move a slider, and watch a real model "
    "learn on this machine. A generative model learns the distribution of data from samples, so that it "
    "can make new ones. "
    "The map sorts models by what they tell of the density $p(x)$ that they learn."
)
for column, (branch, (meaning, places)) in zip(st.columns(len(TAXONOMY)), TAXONOMY.items(), strict=True):
    with column:
        st.subheader(branch)
        st.caption(meaning)
        for place in places:
            draw(place)
known = {p.name for _, places in TAXONOMY.values() for p in places} | {p.name for p in BESIDE}
more = [Place(name, f.title, f.source) for name, f in families().items() if name not in known]
st.subheader("Beside the map")
for column, place in zip(st.columns(3), [*BESIDE, *more][:3], strict=False):
    with column:
        draw(place)
for place in [*BESIDE, *more][3:]:
    draw(place)
