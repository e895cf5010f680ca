"""The landing page: the lecture's taxonomy of generative models, as a map whose rooms are links."""

from typing import NamedTuple

import streamlit as st

from engine.families import families


class Place(NamedTuple):
    name: str  # of the family, and the room's address
    title: str
    idea: str


TAXONOMY = {
    "Explicit density, tractable": (
        "The model says how probable any $x$ is, exactly.",
        {
            "": [
                Place("density", "Density estimation", "Gaussians, histograms and kernels"),
                Place("pca", "Principal component analysis", "The best plane, and a Gaussian on it"),
                Place(
                    "autoregressive", "Autoregressive models", "One pixel after another: NADE, MADE, PixelCNN"
                ),
            ],
            "Normalizing flows": [
                Place("change-of-variables", "Change of variables", "Bend a curve, and the density follows"),
                Place("real-nvp", "Real-NVP", "Scale and shift one half as the other says"),
                Place("nice", "NICE", "Shift one half, and keep all volume"),
                Place("planar", "Planar flow", "Push the plane along one direction, again and again"),
                Place("maf", "Masked autoregressive flow", "Each number as those before it say"),
                Place("iaf", "Inverse autoregressive flow", "The same, for quick samples"),
                Place("glow", "Glow", "Learn which half is kept"),
                Place("spline-flow", "Neural spline flow", "Curves instead of scaling and shifting"),
                Place("continuous-flow", "Continuous flow", "Infinitely many layers: a movement"),
            ],
        },
    ),
    "Explicit density, approximate": (
        "The model gives a bound on $p(x)$, or $p(x)$ up to a constant.",
        {
            "Variational": [
                Place("vae", "Variational autoencoder", "Codes in a plane that you can walk on"),
                Place("cvae", "Conditional VAE", "The same handwriting, another digit"),
                Place("ddpm", "Denoising diffusion", "Learn to take noise away, step by step"),
                Place("flow-matching", "Flow matching", "Straight paths from noise to data"),
            ],
            "Markov chain": [Place("energy", "Boltzmann machine", "Low energy where the data are")],
        },
    ),
    "Implicit density": (
        "The model gives samples, and no $p(x)$.",
        {
            "Direct": [
                Place("gan", "Generative adversarial network", "A forger and a detective train each other"),
                Place("cgan", "Conditional GAN", "Ask for a digit and get that digit"),
                Place("vae-gan", "VAE-GAN", "A discriminator looks for blur"),
                Place("gan-zoo", "The GAN zoo", "From DCGAN to StyleGAN, one idea at a time"),
                Place("translation", "Image to image", "pix2pix, CycleGAN, SRGAN"),
            ],
            "Markov chain": [
                Place("gsn", "Generative stochastic network", "A chain that learned to denoise")
            ],
        },
    ),
}
BESIDE = [
    Place("ae", "Autoencoder", "Squeeze and restore; no density, but codes"),
    Place("planes", "Three planes of codes", "PCA, autoencoder and VAE side by side"),
    Place("style", "Neural style transfer", "The picture itself is what learns"),
    Place("wall", "The sweep wall", "Many models at once, each with a setting of its own"),
    Place("metrics", "Inception Score and FID", "How good are the samples?"),
    Place("compare", "Compare", "Two runs side by side, with one knob different"),
]


def draw(place: Place) -> None:
    rooms = st.session_state["_rooms"]
    with st.container(border=True):
        if place.name in rooms:
            st.page_link(rooms[place.name], label=f"**{place.title}**", icon=":material/door_open:")
            st.markdown(place.idea)
        else:
            st.markdown(f":gray[**{place.title}**]")
            st.markdown(f":gray[{place.idea}]  \n:gray[:small[Not built yet]]")


st.title("A lab for generative models")
st.markdown(
    "A generative model learns the distribution of data from samples, so that it can make new ones. "
    "Enter a room, move a slider, and watch a real model learn on this machine. The map sorts the models "
    "by what they tell of the density $p(x)$ that they have learned."
)
columns = st.columns(len(TAXONOMY))
for column, (branch, (meaning, groups)) in zip(columns, TAXONOMY.items(), strict=True):
    with column:
        st.subheader(branch)
        st.markdown(meaning)
        for group, places in groups.items():
            if group:
                st.caption(group)
            for place in places:
                draw(place)

known = {p.name for _, groups in TAXONOMY.values() for places in groups.values() for p in places}
more = [
    Place(n, f.title, f.source) for n, f in families().items() if n not in known | {p.name for p in BESIDE}
]
st.subheader("Beside the map")
columns = st.columns(len(TAXONOMY))
for i, place in enumerate([*BESIDE, *more]):
    with columns[i % len(columns)]:
        draw(place)
