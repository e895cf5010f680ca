"""The tabs with films: the forward process, the reverse process, and the score at each noise level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st

from engine.diffusion.base import Denoiser
from engine.diffusion.exact import exact
from engine.space import Line, Picture, Plane
from lab.kit.pickers import HOW, data_of, number_of_z
from lab.kit.room import Room
from lab.runs import store
from lab.stage import film
from lab.stage.asking import Row

SCREENS = {"x_t": "xₜ", "x0": "the predicted x₀", "eps": "the predicted noise"}


def config_of(room: Room) -> dict[str, Any]:
    return store.read_info(store.folder(room.run)).config


def labels_of(room: Room) -> int:
    """How many labels the model of this room's run knows."""
    return room.space.classes if config_of(room)["conditional"] else 0


FAKE = {"words": "points", "layer": "points/fake", "role": "model"}
REAL = {"words": "data", "layer": "points/real", "role": "data"}
LEGENDS: dict[str, list[Any]] = {
    "forward": ["The ", FAKE, " dissolve in noise; behind them are the ", REAL, ". The bars are a histogram "
                "of their coordinates, the line is N(0, 1)."],
    "reverse": [FAKE | {"words": "Points"}, " on their way to the ", REAL, "; the ",
                {"words": "arrows", "layer": "arrows/noise", "role": "gradient"},
                " are the noise that the model predicts in them. Where no noise is added, the ",
                {"words": "grid", "layer": "mesh/generator", "role": "model"},
                " shows where the plane of noise goes."],
    "score": ["Noised ", REAL, ", and arrows that point to where they are denser. Where "
              "black ones stand beside them, those are exact."],
}  # fmt: skip
NUMBERS = {
    "number/variance of x_t": "variance of xₜ",
    "number/ᾱ": "ᾱₜ",
    "number/β": "βₜ",
    "number/SNR": "signal-to-noise ratio",
    "number/relative error": "relative error of the score",
}


def asked(probe: str, title: str = "", **arguments: Any) -> Row:
    """One film: the probe that makes it, and what this probe is asked."""
    return {"title": title, "ask": probe, "with": arguments}


def show(room: Room, name: str, rows: Sequence[Row], screens: Mapping[str, str], **more: Any) -> None:
    """A film of this room's model; pictures are all shown small, and one of them large."""
    if isinstance(room.space, Line):
        st.info("Films show points of the plane, or pictures: choose other data than numbers on a line.")
        return
    large = next(iter(screens)) if isinstance(room.space, Picture) else None
    legend = LEGENDS.get(name, ()) if isinstance(room.space, Plane) else ()
    given: dict[str, Any] = {"large": large, "legend": legend, "labels": NUMBERS} | more
    film(room.run, key=f"film-{name}", round=room.round, rows=rows, screens=screens, **given)


@st.fragment
def forward_film(room: Room) -> None:
    """The forward process: x_0 dissolves in noise, in one jump and, where there are steps, step by step."""
    row = asked("forward", seed=number_of_z("Seed of the noise", "forward-seed", 0))
    screens = {"x_t": "in one jump: q(xₜ | x₀)"}
    if "DDPM" in room.family.samplers:  # type: ignore[attr-defined]  # flow matching has no single steps
        screens["chain"] = "step by step: q(xₜ | xₜ₋₁)"
    show(room, "forward", [row], screens)
    st.caption(HOW)


class Pair(NamedTuple):
    """One walk, or two from the same noise: knobs that differ from the run's, and what to look at."""

    rows: tuple[dict[str, Any], ...]
    look: str


def pairs(family: type[Denoiser], told: bool) -> dict[str, Pair]:
    """The comparisons that this family allows; `told` says whether its model knows labels."""
    offered = {
        "One walk": Pair(
            ({},),
            "At first the predicted $x_0$ is a blur, the mean of all data that $x_t$ may have come from. It "
            "becomes definite as the noise disappears.",
        )
    }
    if "DDIM" in family.samplers:
        offered["Stochastic and deterministic"] = Pair(
            ({"sampler": "DDPM"}, {"sampler": "DDIM", "eta": 0.0}),
            "Both start from the same noise. DDPM adds new noise at every step, so its end is random; DDIM "
            "with η = 0 adds none, so $x_T$ alone determines the end.",
        )
    few = {"sampler": "DDIM" if "DDIM" in family.samplers else "Euler"}
    offered["Many steps and few"] = Pair(
        ({"steps": 50} | few, {"steps": 5} | few),
        "The same noise with a tenth of the steps. Each step is then long, and goes straight where the path "
        "is curved.",
    )
    if "DDIM" in family.samplers:
        offered["Two solvers"] = Pair(
            ({"sampler": "DDIM", "steps": 8}, {"sampler": "DPM-Solver++", "steps": 8}),
            "The same noise, and the same number of evaluations of the net. DPM-Solver++ also uses the "
            "prediction of the previous step, so its error falls with the square of the step length.",
        )
    else:
        offered["Two solvers"] = Pair(
            ({"sampler": "Euler", "steps": 8}, {"sampler": "Heun", "steps": 8}),
            "The same noise. Heun evaluates the net twice in a step and uses the mean of both velocities.",
        )
    if told:
        offered["Guided and not"] = Pair(
            ({"guidance": 1.0}, {"guidance": 4.0}),
            "The same noise and the same labels. With s = 1 the model draws what it learned about the label. "
            "A larger s exaggerates what distinguishes this label: samples become clearer and less diverse.",
        )
    if "DDPM as on the slide" in family.samplers:
        offered["Right and as on the slide"] = Pair(
            ({"sampler": "DDPM"}, {"sampler": "DDPM as on the slide"}),
            "The same noise. The slide's formula removes too much noise at every step: see *Slips in the "
            "slides*.",
        )
    return offered


@st.fragment
def reverse_film(room: Room) -> None:
    """The reverse process: from noise to data, by one walk or by two from the same noise."""
    family: Any = room.family
    config, classes = config_of(room), labels_of(room)
    offered = pairs(family, classes > 0)
    name = st.pills(
        "Compare", list(offered), default="One walk", required=True, key="walks", bind="query-params"
    )
    pair = offered[str(name)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        same = label_of(classes, "reverse-label", "all in turn")
        same["seed"] = number_of_z("Seed of the noise", "reverse-seed", 0)
    rows = []
    for i, column in enumerate(st.columns(len(pair.rows))):
        with column:
            knobs = row_of(family, config | pair.rows[i], classes > 0, f"{name}-{i}")
        rows.append(asked("reverse", title(knobs), **same, **knobs))
    show(room, "reverse", rows, SCREENS)
    st.markdown(pair.look)
    st.caption(HOW + " All steps are already here, so the model is not asked again.")


def label_of(classes: int, key: str, otherwise: str) -> dict[str, Any]:
    """The label to ask for, if the model knows labels; `otherwise` is the choice of no label."""
    if not classes:
        return {}
    chosen = st.selectbox("Label", [otherwise, *map(str, range(classes))], key=key, width=160)
    return {} if chosen == otherwise else {"label": int(str(chosen))}


def row_of(family: type[Denoiser], c: Mapping[str, Any], told: bool, key: str) -> dict[str, Any]:
    """The widgets of one walk, which begin with the knobs c, and their values."""
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"walk-{key}"):
        sampler = st.selectbox(
            "Sampler", family.samplers, family.samplers.index(c["sampler"]), key=f"sampler-{key}", width=200
        )
        values: dict[str, Any] = {"sampler": str(sampler)}
        values["steps"] = st.number_input(
            "Steps", 1, c["T"], min(c["steps"], c["T"]), key=f"steps-{key}", width=140
        )
        if sampler == "DDIM":
            values["eta"] = st.slider("Noise added, η", 0.0, 1.0, c["eta"], 0.05, key=f"eta-{key}", width=180)
        if str(sampler).startswith("DDPM"):
            kinds = {"beta": "βₜ", "posterior": "posterior's"}
            values["variance"] = st.selectbox(
                "Variance σₜ²", kinds, list(kinds).index(c["variance"]), format_func=kinds.__getitem__,
                key=f"variance-{key}", width=160,
            )  # fmt: skip
        if told:
            values["guidance"] = st.slider(
                "Guidance s", 0.0, 10.0, float(c["guidance"]), 0.5, key=f"guidance-{key}", width=180
            )
    return values


def title(knobs: Mapping[str, Any]) -> str:
    words = [f"{knobs['sampler']}, {knobs['steps']} step{'s' if knobs['steps'] > 1 else ''}"]
    words += [
        f"{sign} = {knobs[name]:g}" for name, sign in (("eta", "η"), ("guidance", "s")) if name in knobs
    ]
    return ", ".join(words)


@st.fragment
def score_film(room: Room) -> None:
    """The model's score at each noise level, beside the exact one if it is known."""
    if not isinstance(room.space, Plane):
        st.info(
            "Arrows can only be drawn in the plane: choose points as the data, such as the ring of Gaussians."
        )
        return
    known = exact(data_of(room)) is not None
    screens = {"model": "the model's score"}
    if known:
        screens |= {
            "exact": "the exact score",
            "error": "how far the model's ε is from the exact one",
            "x0": "where xₜ comes from on average: E[x₀ | xₜ]",
        }
    show(room, "score", [asked("score", seed=0)], screens)
    if not known:
        st.info(
            "The exact score of these data is not known here: choose a mixture of Gaussians, such as the "
            "ring, or a curve, such as the moons, to see it beside the model's."
        )
