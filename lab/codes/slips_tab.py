"""A panel that names slips in the lectures' formulas and code: the right form, and what the slip does."""

from __future__ import annotations

from functools import cache
from math import exp

import streamlit as st

from engine import data
from engine.lectures import (
    at,
    drawn,
    grey_floor,
    log_of_sigma,
    lowest,
    one_letter,
    right,
    sigma_of,
    without_half,
)
from lab.kit.slips import Slip, cards


def slips() -> None:
    """The slips in the VAE's loss."""
    st.markdown(
        "Some formulas of the lectures' slides and code have slips that cost hours if they are copied. Each "
        "number below is computed by this lab, with the same KL that trains the model on the stage."
    )
    cards(slips_of_vae())


@cache
def slips_of_vae() -> list[Slip]:
    """The slips, in the order in which a reader meets them."""
    where, half = lowest(log_of_sigma)
    _, full = lowest(without_half)
    charged, cost = at(right, 0, -2), drawn(-2)
    return [
        Slip(
            "A KL without its ½, and with log σ for log σ²",
            "slides on generative models for images",
            r"\sum_i \sigma_i^2 + \mu_i^2 - \log \sigma_i - 1",
            r"\tfrac12 \sum_i (\sigma_i^2 + \mu_i^2 - \log \sigma_i^2 - 1)",
            f"With log σ the lowest point is no longer σ = 1: it moves to log σ² = {_number(where)} (σ² = "
            f"½), and there this “KL” is {_number(full, 3)} ({_number(half, 3)} with the ½): **below 0, "
            "which no KL can be**. Leaving out the ½ weighs the whole term twice, like β = 2.",
        ),
        Slip(
            "One letter for a variance and for its logarithm",
            "slides of Practice 8 and 9",
            r"\tfrac12 \sum_k (\exp \Sigma_k + \mu_k^2 - 1 - \Sigma_k)",
            r"\tfrac12 \sum_k (\exp s_k + \mu_k^2 - 1 - s_k), \quad s = \log \Sigma",
            "The formula is right if its Σ is the *logarithm* of what Σ was one line above. Put in a "
            "variance of 1, where q is the prior and the KL is 0, and it says "
            f"{_number(at(one_letter, 0, 0), 3)} nats a dimension.",
        ),
        Slip(
            "z_log_sigma is log σ where z is drawn, and log σ² in the KL",
            "Keras code of Practice 9",
            r"z = \mu + e^{s} \varepsilon, \qquad \mathrm{KL} = -\tfrac12 \sum (1 + s - \mu^2 - e^{s})",
            r"z = \mu + e^{s/2} \varepsilon \quad \text{with that KL, for } s = \log \sigma^2",
            f"At s = −2 and μ = 0 the loss charges {_number(charged, 3)} nats, as for σ = "
            f"{_number(exp(-1), 3)}; but z is drawn with σ = {_number(exp(-2), 3)}, which costs "
            f"{_number(cost, 3)} nats. The loss is then no bound on log p(x) any more.",
        ),
        Slip(
            "stddev=0.1 in the sampling",
            "Keras code of Practice 9",
            r"\varepsilon \sim N(0, 0.1^2)",
            r"\varepsilon \sim N(0, 1)",
            "Codes are drawn with a tenth of the spread that the KL charges. At μ = 0 and σ = 1 the loss "
            f"says the KL is {_number(at(right, 0, 0), 2)}, but what is drawn has "
            f"{_number(drawn(0, 0.1), 2)} nats **in each dimension**. The decoder never sees codes between "
            "those of the examples: it is nearly a plain autoencoder, and its samples from N(0, 1) suffer.",
        ),
        Slip(
            "Binary cross-entropy of grey pixels",
            "Keras code of Practice 9",
            r"-\sum_j x_j \log \hat x_j + (1 - x_j) \log(1 - \hat x_j), \quad x_j \in [0, 1]",
            r"\text{the same, for } x_j \in \{0, 1\} \text{, drawn with probability } x_j",
            "This is −log p(x|z) only where pixels are black or white. With greys a **perfect** "
            f"reconstruction still costs {_number(grey_floor(data.load('digits')), 1)} nats a digit (the "
            "entropy of the greys), and the loss is no likelihood to be compared with others. This lab "
            "draws black or white pixels anew in every batch.",
        ),
        Slip(
            "A squared error beside a KL: a choice that is not spelled out",
            "slides on generative models for images",
            r"\lVert x - \hat x \rVert^2 + \mathrm{KL}",
            r"\frac{1}{2 \sigma_x^2} \lVert x - \hat x \rVert^2 + \mathrm{KL} + \text{const}",
            f"Not wrong, but it fixes the decoder's spread at σₓ = {_number(sigma_of(1.0), 3)}, be pixels "
            "in 0…1, −1…1 or 0…255: the scale of the pixels then decides how much the KL weighs, like a "
            "hidden β. Here the spread is a knob, or is learned.",
        ),
    ]


def _number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}".replace("-", "−")
