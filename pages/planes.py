"""Three planes: PCA, autoencoder and VAE side by side on the same data, from the same seed."""

import streamlit as st

from engine.codes.ae import AE
from engine.codes.pca import PCA
from engine.codes.vae import VAE
from lab import kit
from lab.codes.planes_tab import Side, planes, ways

st.title("Three planes of codes")
st.markdown(
    "The same digits, coded with as few numbers by three methods: **PCA** projects on the best plane; the **autoencoder** bends "
    "the plane, so that it restores the digits better; the **VAE** gives each digit a cloud of codes and keeps all "
    "clouds near the origin, so that a code drawn at random is a digit too."
)
SIDES = [Side("PCA", PCA), Side("Autoencoder", AE), Side("VAE", VAE)]
rooms = planes(SIDES)


def look() -> None:
    st.markdown(
        r"""
- **Spread.** Compare the scales of the axes: nothing tells the autoencoder how large its codes may be, so they wander off;
  the VAE's codes fill the circles of the prior; PCA's are scaled to spread 1 by construction.
- **Holes.** Point at places between the groups. In the autoencoder's plane there are regions that no training digit was ever
  mapped to, where the decoder draws what it likes. The VAE's clouds overlap, so that such places are rare.
- **Samples.** Below each plane are decoded draws of $\mathcal N(0, I)$. The autoencoder was never told of it, and uses only the
  middle of its plane.
- **Restoring.** The test error is lowest for the autoencoder: it is asked for nothing else. PCA is the best *linear* plane.
"""
    )


def between() -> None:
    ways(rooms, [side.title for side in SIDES])


kit.tabs({"What to look for": look, "Between two digits": between})
