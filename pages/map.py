"""The landing page: the lecture's taxonomy of generative models, as a map whose rooms are links."""

import streamlit as st

from lab import kit
from lab.kit.address import strangers
from lab.kit.subject import BRANCHES, Place

COMING = [
    Place("density", "Gaussians, histograms and kernels", "", "Density estimation", "tractable"),
    Place(
        "autoregressive", "One pixel after another: NADE, MADE, PixelCNN", "", "Autoregressive models",
        "tractable",
    ),
    Place("energy", "Low energy where the data are", "Markov chain", "Boltzmann machine", "approximate"),
    Place("gan-zoo", "From DCGAN to StyleGAN, one idea at a time", "Direct", "The GAN zoo", "implicit", 2),
    Place("translation", "pix2pix, CycleGAN, SRGAN", "Direct", "Image to image", "implicit", 2),
    Place(
        "gsn", "A chain that learned to denoise", "Markov chain", "Generative stochastic network", "implicit", 2
    ),
    Place("metrics", "How good are the samples?", "", "Inception Score and FID", "beside", 2),
]  # fmt: skip


def draw(place: Place) -> None:
    rooms = st.session_state["_rooms"]
    with st.container(border=True):
        if place.address in rooms:
            st.page_link(rooms[place.address], label=f"**{place.title}**", icon=":material/door_open:")
            st.markdown(place.idea)
        else:
            st.markdown(f":gray[**{place.title}**]")
            st.markdown(f":gray[{place.idea}]  \n:gray[:small[Not built yet]]")


st.title("A lab for generative models")
strangers(st.query_params, ())
st.markdown(
    "A generative model learns the distribution of data from samples, so that it can make new ones. "
    "Enter a room, move a slider, and watch a real model learn on this machine. The map sorts the models "
    "by what they tell of the density $p(x)$ that they have learned."
)
built = kit.places()
there = {place.address for place in built}
places = sorted(
    [*built, *(place for place in COMING if place.address not in there)], key=lambda place: place.rank
)
*branches, beside = BRANCHES
columns = st.columns(len(branches))
for column, branch in zip(columns, branches, strict=True):
    title, meaning = BRANCHES[branch]
    with column:
        st.subheader(title)
        st.markdown(meaning)
        here = [place for place in places if place.branch == branch]
        for group in sorted(dict.fromkeys(place.group for place in here), key=bool):
            if group:
                st.caption(group)
            for place in here:
                if place.group == group:
                    draw(place)
st.subheader(BRANCHES[beside][0])
columns = st.columns(len(branches))
for i, place in enumerate(place for place in places if place.branch == beside):
    with columns[i % len(columns)]:
        draw(place)
