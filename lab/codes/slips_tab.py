"""Slips in the lectures' formulas and code on the VAE: the right form, and what each slip does."""

from __future__ import annotations

from functools import cache
from math import exp

import streamlit as st

from engine import data
from engine.lectures import (
    grey_floor,
    kl_of_draws,
    log_of_sigma,
    minimum,
    one_letter,
    sigma_of,
    true_kl,
    value_at,
    without_half,
)
from lab.kit.numbers import signed
from lab.kit.slips import Slip, cards


def slips() -> None:
    """The slips in the VAE's loss."""
    st.markdown(
        "Some formulas in the lectures' slides and code contain slips that cost hours if you copy them. This "
        "lab computes each number below with the same KL that trains the model on the stage."
    )
    cards(slips_of_vae())


@cache
def slips_of_vae() -> list[Slip]:
    """The slips, in the order in which a reader meets them."""
    lowest, half = minimum(log_of_sigma)
    _, full = minimum(without_half)
    charged, cost = value_at(true_kl, 0, -2), kl_of_draws(-2)
    return [
        Slip(
            "A KL without its ½, and with log σ in place of log σ²",
            "slides on generative models for images",
            r"\sum_i \sigma_i^2 + \mu_i^2 - \log \sigma_i - 1",
            r"\tfrac12 \sum_i (\sigma_i^2 + \mu_i^2 - \log \sigma_i^2 - 1)",
            f"With log σ, the minimum is no longer at σ = 1. It moves to log σ² = {signed(lowest)} (σ² = "
            f"½), where this “KL” is {signed(full, 3)} ({signed(half, 3)} with the ½): **below 0, which no "
            "KL can be**. Leaving out the ½ doubles the weight of the whole term, like β = 2.",
        ),
        Slip(
            "One letter for a variance and for its logarithm",
            "slides of Practice 8 and 9",
            r"\tfrac12 \sum_k (\exp \Sigma_k + \mu_k^2 - 1 - \Sigma_k)",
            r"\tfrac12 \sum_k (\exp s_k + \mu_k^2 - 1 - s_k), \quad s = \log \Sigma",
            "The formula is right if its Σ is the *logarithm* of what Σ was one line above. Insert a variance"
            " of 1, where q is the prior and the KL is 0, and the formula gives "
            f"{signed(value_at(one_letter, 0, 0), 3)} nats per dimension.",
        ),
        Slip(
            "z_log_sigma is log σ where z is drawn, and log σ² in the KL",
            "Keras code of Practice 9",
            r"z = \mu + e^{s} \varepsilon, \qquad \mathrm{KL} = -\tfrac12 \sum (1 + s - \mu^2 - e^{s})",
            r"z = \mu + e^{s/2} \varepsilon \quad \text{with that KL, for } s = \log \sigma^2",
            f"At s = −2 and μ = 0 the loss charges {signed(charged, 3)} nats, as for σ = "
            f"{signed(exp(-1), 3)}. But z is drawn with σ = {signed(exp(-2), 3)}, which costs "
            f"{signed(cost, 3)} nats. The loss is then no longer a bound on log p(x).",
        ),
        Slip(
            "stddev=0.1 in the sampling",
            "Keras code of Practice 9",
            r"\varepsilon \sim N(0, 0.1^2)",
            r"\varepsilon \sim N(0, 1)",
            "Codes are drawn with a tenth of the spread that the KL charges for. At μ = 0 and σ = 1 the loss "
            f"says that the KL is {signed(value_at(true_kl, 0, 0))}, but the KL of the draws is "
            f"{signed(kl_of_draws(0, 0.1))} nats **in each dimension**. The decoder never sees codes between "
            "those of the examples. The model is then nearly a plain autoencoder, and its samples from "
            "N(0, 1) suffer.",
        ),
        Slip(
            "Binary cross-entropy of grey pixels",
            "Keras code of Practice 9",
            r"-\sum_j x_j \log \hat x_j + (1 - x_j) \log(1 - \hat x_j), \quad x_j \in [0, 1]",
            r"\text{the same, for } x_j \in \{0, 1\} \text{, drawn with probability } x_j",
            "This is −log p(x|z) only if pixels are black or white. With greys, even a **perfect** "
            f"reconstruction costs {signed(grey_floor(data.load('digits')), 1)} nats per digit (the entropy "
            "of the greys), and the loss is not a likelihood that can be compared with others. This lab "
            "draws black or white pixels afresh in every batch.",
        ),
        Slip(
            "A squared error beside a KL: a choice that is not spelled out",
            "slides on generative models for images",
            r"\lVert x - \hat x \rVert^2 + \mathrm{KL}",
            r"\frac{1}{2 \sigma_x^2} \lVert x - \hat x \rVert^2 + \mathrm{KL} + \text{const}",
            f"Not wrong, but it fixes the decoder's spread at σₓ = {signed(sigma_of(1.0), 3)}, whether "
            "pixels lie in 0…1, −1…1 or 0…255. The scale of the pixels then decides how much the KL "
            "weighs, like a hidden β. Here the spread is a knob, or it is learned.",
        ),
    ]
