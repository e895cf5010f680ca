"""What a noise schedule does, which noise levels are hard to learn, and the slips of the lectures' slide."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cache

import plotly.graph_objects as go
import streamlit as st

from engine import lectures as slips
from engine.diffusion import schedule
from engine.diffusion.base import BY_LEVEL
from engine.space import Picture
from lab.diffusion.films_tab import SCREENS, asked, config_of, show
from lab.kit.charts import show_chart
from lab.kit.numbers import short
from lab.kit.palette import DARK, LIGHT, ink
from lab.kit.pickers import number_of_z
from lab.kit.room import Room
from lab.kit.slips import Slip, cards
from lab.runs import store

DASHES = {"linear": "longdash", "cosine": "dash", "sigmoid": "dot"}
TOO_MUCH = 0.01  # share of x_0's variance left at T


def schedules(room: Room) -> None:
    """Alpha_bar_t of this run's schedule among the others, and two statements about it in numbers."""
    c = config_of(room)
    T, kept = c["T"], schedule.alpha_bar(c["schedule"], c["T"], c["scaled"])
    figure = go.Figure()
    for name in DASHES:
        values, title = schedule.alpha_bar(name, T), name
        line = {"color": ink("critic"), "width": 1.5, "dash": DASHES[name]}
        if name == c["schedule"]:
            values, title, line = kept, f"{name} (this run)", {"color": ink("data"), "width": 3}
        figure.add_scatter(x=list(range(T + 1)), y=values.tolist(), mode="lines", line=line, name=title)
    figure.update_xaxes(title="t", range=[0, T])
    figure.update_yaxes(title="ᾱₜ, the remaining share of the variance of x₀", range=[0, 1.02])
    alt = f"alpha-bar over t from 0 to {T} for the schedules {', '.join(DASHES)}"
    show_chart(figure, "schedules", alt, height=320, legend={"x": 1, "xanchor": "right", "y": 1})
    st.markdown(left_at_the_end(kept[-1].item(), T) + "\n\n" + agree(kept.tolist(), schedule.by_steps(kept)))


def left_at_the_end(last: float, T: int) -> str:
    """The value of alpha_bar_T, and whether it is small enough."""
    says = (
        rf"At the end $\bar\alpha_{{{T}}} = {short(last)}$, so the signal-to-noise ratio $\bar\alpha / (1 - "
        rf"\bar\alpha)$ is {short(last / (1 - last))}. "
    )
    if last > TOO_MUCH:
        return says + (
            r"**That is too much**: the walk back begins at $\mathcal N(0, \mathbf I)$, but $x_T$ still "
            r"depends on $x_0$. A schedule designed for 1,000 steps must be rescaled for fewer steps."
        )
    return says + r"So $x_T$ is practically $\mathcal N(0, \mathbf I)$, where the walk back begins."


def agree(kept: Sequence[float], way: Sequence[tuple[float, float]]) -> str:
    """Mean and variance of x_t given x_0: by one jump with alpha_bar `kept`, and by single steps, `way`."""
    t = len(kept) // 2
    apart = max(max(abs(f - math.sqrt(a)), abs(v - (1 - a))) for (f, v), a in zip(way, kept, strict=True))
    return (
        rf"**Both ways agree.** At $t = {t}$, single steps give $x_t = {way[t][0]:.4f}\, x_0$ plus noise of "
        rf"variance ${way[t][1]:.4f}$. One jump gives $\sqrt{{\bar\alpha_{{{t}}}}} = "
        rf"{math.sqrt(kept[t]):.4f}$ and $1 - \bar\alpha_{{{t}}} = {1 - kept[t]:.4f}$. Over all $t$ they "
        rf"differ by at most {short(apart)}, which is rounding."
    )


@st.fragment
def hard(room: Room) -> None:
    """Bars of the error of eps in groups of levels t, from the last measurement."""
    st.button("Look again", key="hard-again", icon=":material/refresh:")
    path, measured = store.folder(room.run) / "metrics.jsonl", json.dumps(str(BY_LEVEL)).encode()
    rows = store.rows(path, having=(measured,))
    if not rows:
        st.info("There is no measurement yet: let the model train for some rounds, then look again.")
        return
    values, T = rows[-1][BY_LEVEL], config_of(room)["T"]
    bars = []
    for group, value in zip(schedule.groups(T, len(values)), values, strict=False):
        words = f"t = {group[0]}" + (f" … {group[-1]}" if len(group) > 1 else "")
        share = 100 * min(1.0, value / max(*values, 1.0))
        bars.append(f'<div><span>{words}</span><i style="width: {share:.0f}%"></i><b>{value:.3f}</b></div>')
    st.html(f'{_STYLE}<div class="levels" role="img" aria-label="error by noise level">{"".join(bars)}</div>')
    st.caption(
        f"Mean squared error of each number of ε on test data around round {rows[-1]['round']:,}, averaged "
        "over the levels of each bar. Always predicting ε = 0 gives 1."
    )


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
        there = "./ddpm?data=moons&tab=Slips+in+the+slides"
        st.markdown(f"On digits this is hard to see. [On points]({there}) it is obvious: they shrink.")


@cache
def listed() -> list[Slip]:
    """The slips, in the order of the slide."""
    T = schedule.PAPER_STEPS
    kept, cut = schedule.alpha_bar("linear", T), schedule.alpha_bar("linear", 100)
    right, wrong = (slips.variance_of_samples(kept, under) for under in (1 - kept, schedule.beta(kept)))
    fewer = slips.variance_of_samples(cut, schedule.beta(cut))
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
            "$\\varepsilon$, where the slide also has it. Read as a variance, it makes that of the first "
            f"step's noise **{first:.0f} times** too large. Data of variance 1 should keep that variance at "
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


_STYLE = f"""<style>
.levels {{ display: grid; gap: 0.25rem; max-width: 40rem; font-variant-numeric: tabular-nums }}
.levels div {{ display: grid; grid-template-columns: 7.5rem 1fr 4rem; align-items: center; gap: 0.5rem }}
.levels i {{ height: 0.9rem; border-radius: 2px; background: light-dark({LIGHT["model"]}, {DARK["model"]}) }}
.levels b {{ text-align: right; font-weight: 600 }}
</style>"""
