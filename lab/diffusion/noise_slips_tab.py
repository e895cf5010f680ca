"""The slips in the lectures' slide on diffusion, and a film of what one of them does to this model."""

from __future__ import annotations

from functools import cache

import streamlit as st

from engine import lectures as slips
from engine.diffusion import schedule
from engine.space import Picture
from lab.diffusion.films_tab import SCREENS, asked, config_of, show
from lab.kit.pickers import number_of_z
from lab.kit.room import Room
from lab.kit.slips import Slip, cards

T = 1000  # of the paper


@st.fragment
def noise_slips(room: Room) -> None:
    """The slips in words and numbers; then Algorithm 2 as it should be and as written, from one noise."""
    st.markdown("The lectures' slide on diffusion has two slips. This lab computes each number below.")
    cards(listed())
    st.markdown("**Both formulas with this model and the same noise:**")
    same = {"seed": number_of_z("Seed of the noise", "slips-seed", 0), "steps": config_of(room)["steps"]}
    titles = {"DDPM": "Algorithm 2 as in the paper", "DDPM as on the slide": "Algorithm 2 as on the slide"}
    rows = [asked("reverse", title, **same, sampler=sampler) for sampler, title in titles.items()]
    show(room, "slips", rows, SCREENS)
    if isinstance(room.space, Picture):
        there = "/ddpm?data=moons&tab=Slips+in+the+slides"
        st.markdown(f"On digits this is hard to see. [On points]({there}) it is obvious: they shrink.")


@cache
def listed() -> list[Slip]:
    """The slips, in the order of the slide."""
    kept, short = schedule.alpha_bar("linear", T), schedule.alpha_bar("linear", 100)
    right, wrong = (slips.variance_of_samples(kept, under) for under in (1 - kept, schedule.beta(kept)))
    fewer = slips.variance_of_samples(short, schedule.beta(short))
    noised = slips.variance_of_noised(kept, (1 - kept).sqrt())
    first = ((1 - kept[1]).sqrt() / (1 - kept[1])).item()
    return [
        Slip(
            "A root too many in the jump to x_t",
            "slide “Denoising Diffusion Probabilistic Models”, Practice 8",
            r"q(x_t \mid x_0) = \mathcal N(\sqrt{\bar\alpha_t}\, x_0, \sqrt{1 - \bar\alpha_t}\, \mathbf I)",
            r"q(x_t \mid x_0) = \mathcal N(\sqrt{\bar\alpha_t}\, x_0, (1 - \bar\alpha_t)\, \mathbf I)",
            "The second argument of $\\mathcal N$ is a variance, as in the line above it on the slide. "
            "$\\sqrt{1 - \\bar\\alpha_t}$ is the standard deviation, which is right as the factor of "
            "$\\varepsilon$, where the slide also has it. Read as a variance, it makes the noise of the "
            f"first step **{first:.0f} times** too strong. Data of variance 1 should keep that variance at "
            f"every $t$; they would swell to **{noised.max().item():.2f}**. Single steps and one jump would "
            "then disagree.",
        ),
        Slip(
            "α where ᾱ belongs, in Algorithm 2",
            "the same slide, line 4 of Algorithm 2",
            r"x_{t-1} = \frac{1}{\sqrt{\alpha_t}} \left( x_t - \frac{1 - \alpha_t}{\sqrt{1 - \alpha_t}}\, "
            r"\varepsilon_\theta(x_t, t) \right) + \sigma_t z",
            r"x_{t-1} = \frac{1}{\sqrt{\alpha_t}} \left( x_t - \frac{1 - \alpha_t}{\sqrt{1 - "
            r"\bar\alpha_t}}\, \varepsilon_\theta(x_t, t) \right) + \sigma_t z",
            "A bar is missing. $\\sqrt{1 - \\alpha_t}$ is far smaller than $\\sqrt{1 - \\bar\\alpha_t}$, so "
            "every step removes too much noise, and samples shrink towards the centre. For data $\\mathcal "
            f"N(0, 1)$ and a perfect net, T = {T:,} steps return the variance **{wrong:.2f}** instead of "
            f"**{right:.2f}**; with T = 100 it is {fewer:.2f}. **A test caught it**: with the exact denoiser "
            "of a Gaussian, every sampler of this lab must return the mean and the variance of that "
            "Gaussian.",
        ),
    ]
