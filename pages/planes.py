"""Three planes: PCA, autoencoder and VAE side by side, on the same data and from the same seed."""

import streamlit as st

from engine.codes.ae import AE
from engine.codes.pca import PCA
from engine.codes.vae import VAE
from lab import kit
from lab.codes.plane_tab import planes, ways
from lab.kit.layout import heading

heading(
    "Three planes of codes",
    "Three methods code the same digits with equally few numbers. **PCA** projects onto the best plane. The **autoencoder** bends "
    "the plane, and so restores the digits better. The **VAE** gives each digit a cloud of codes and keeps all clouds "
    "near the origin, so that most codes drawn at random become digits too.",
)
SIDES = {"PCA": PCA, "Autoencoder": AE, "VAE": VAE}
rooms = planes(SIDES)


def look() -> None:
    st.markdown(
        r"""
- **Spread.** Compare the scales of the axes. Nothing limits the size of the autoencoder's codes, so they wander off. The
  VAE's codes fill the circles of $\mathcal N(0, I)$, its prior. PCA's are scaled to standard deviation 1 by construction.
- **Holes.** Point at places between the groups. The autoencoder's plane has regions to which no training digit is mapped, and
  there the decoder draws anything. The VAE's clouds overlap, so such places are rare.
- **Samples.** Below each plane are decoded draws from $\mathcal N(0, I)$. The autoencoder was not trained on this distribution,
  which covers only the middle of its plane.
- **Restoring.** The autoencoder has the lowest test error, because it is trained for nothing else. PCA is the best *linear* plane.
"""
    )


kit.tabs({"What to look for": look, "Between two digits": lambda: ways(rooms, SIDES)})
