"""The tabs of the diffusion rooms that show a film: forward, reverse, the score at each level of noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st

from engine import data
from engine.diffusion.base import Denoiser
from engine.space import Line, Picture, Plane
from lab.kit.pickers import HOW, number_of_z
from lab.kit.room import Room
from lab.runs import store
from lab.stage import film
from lab.stage.film import Row

SCREENS = {"x_t": "xₜ", "x0": "what the model takes x₀ to be", "eps": "the noise that it sees"}


class Known(NamedTuple):
    """What a film must know of the run: its knobs, and how many classes the model was told of."""

    config: dict[str, Any]
    classes: int


def known(room: Room) -> Known:
    info = store.read_info(store.folder(room.run))
    space = data.load(info.data).space
    return Known(info.config, space.classes if info.config["conditional"] else 0)


FAKE = {"words": "points", "layer": "points/fake", "role": "model"}
REAL = {"words": "data", "layer": "points/real", "role": "data"}
LEGENDS: dict[str, list[Any]] = {
    "forward": ["What becomes of ", FAKE, "; behind them the ", REAL, ". Bars: how their numbers are spread; "
                "the line over them is N(0, 1)."],
    "reverse": [FAKE | {"words": "Points"}, " on their way to the ", REAL, "; the ",
                {"words": "arrows", "layer": "arrows/noise", "role": "gradient"},
                " are the noise that the model sees in them, and the ",
                {"words": "grid", "layer": "mesh/generator", "role": "model"},
                " is what becomes of the plane of noise where no noise is added."],
    "score": ["Noised ", REAL, ", and arrows that point to where they are denser. Black arrows are exact."],
}  # fmt: skip


NUMBERS = {
    "number/variance of x_t": "variance of xₜ",
    "number/ᾱ": "ᾱₜ",
    "number/β": "βₜ",
    "number/SNR": "signal-to-noise ratio",
    "number/relative error": "relative error of the score",
}


def show(room: Room, name: str, rows: Sequence[Row], screens: Mapping[str, str], **more: Any) -> None:
    """A film of this room's model; of pictures, all are shown small and one large."""
    if isinstance(room.space, Line):
        st.info("Films show points of the plane, or pictures: choose other data than numbers on a line.")
        return
    large = next(iter(screens)) if isinstance(room.space, Picture) else None
    legend = LEGENDS.get(name, ()) if isinstance(room.space, Plane) else ()
    given: dict[str, Any] = {"large": large, "legend": legend, "labels": NUMBERS} | more
    film(room.run, key=f"film-{name}", rows=rows, screens=screens, **given)


# --- forward -----------------------------------------------------------------------------------


@st.fragment
def forward_film(room: Room) -> None:
    """x_0 dissolves in noise: in one jump, and step by step."""
    seed = number_of_z("Seed of the noise", "forward-seed", 0)
    show(
        room,
        "forward",
        [{"title": "", "ask": "forward", "with": {"seed": seed}}],
        {"x_t": "in one jump: q(xₜ | x₀)", "chain": "step by step: q(xₜ | xₜ₋₁)"},
    )
    st.caption(HOW)


# --- reverse -----------------------------------------------------------------------------------


class Pair(NamedTuple):
    """Two walks from the same noise: what differs from the model's own setting, and what to look at."""

    rows: tuple[dict[str, Any], ...]
    look: str


def pairs(family: type[Denoiser], told: bool) -> dict[str, Pair]:
    """The comparisons that this family allows; `told` is whether its model knows labels."""
    found = {
        "One walk": Pair(
            ({},),
            "At first the guess of $x_0$ is a blur, the mean of all data that $x_t$ may have come from; it "
            "becomes definite as the noise goes.",
        )
    }
    if "DDIM" in family.samplers:
        found |= {
            "Stochastic and deterministic": Pair(
                ({"sampler": "DDPM"}, {"sampler": "DDIM", "eta": 0.0}),
                "Same noise at the start. DDPM adds new noise at every step, so where it ends is left to "
                "chance; DDIM with η = 0 adds none, and $x_T$ alone decides.",
            ),
        }
    few = {"sampler": "DDIM" if "DDIM" in family.samplers else "Euler"}
    found["Many steps and few"] = Pair(
        ({"steps": 50} | few, {"steps": 5} | few),
        "Same noise, a tenth of the steps. With few steps each is long and goes straight where the way is "
        "bent.",
    )
    if "DDIM" in family.samplers:
        found["Two solvers"] = Pair(
            ({"sampler": "DDIM", "steps": 8}, {"sampler": "DPM-Solver++", "steps": 8}),
            "Same noise, same number of looks at the net. DPM-Solver++ also uses the guess of the step "
            "before, so that its error falls with the square of the length of a step.",
        )
    else:
        found["Two solvers"] = Pair(
            ({"sampler": "Euler", "steps": 8}, {"sampler": "Heun", "steps": 8}),
            "Same noise. Heun looks twice in a step and goes along the mean of both speeds.",
        )
    if told:
        found["Guided and not"] = Pair(
            ({"guidance": 1.0}, {"guidance": 4.0}),
            "Same noise, same labels. With s = 1 the model draws what it learned of the label; with more it "
            "exaggerates what makes this label different: surer, and less diverse.",
        )
    if "DDPM as on the slide" in family.samplers:
        found["Right and as on the slide"] = Pair(
            ({"sampler": "DDPM"}, {"sampler": "DDPM as on the slide"}),
            "Same noise. The slide's formula takes too much noise away at every step: see *Slips in the "
            "slides*.",
        )
    return found


@st.fragment
def reverse_film(room: Room) -> None:
    """From noise to data, by one walk or by two from the same noise."""
    now = known(room)
    family: Any = room.family
    offered = pairs(family, now.classes > 0)
    name = st.pills(
        "Compare", list(offered), default="One walk", required=True, key="walks", bind="query-params"
    )
    pair = offered[str(name)]
    same: dict[str, Any] = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if now.classes:
            label = st.selectbox(
                "Label", ["all in turn", *map(str, range(now.classes))], key="reverse-label", width=160
            )
            if label != "all in turn":
                same["label"] = int(str(label))
        same["seed"] = number_of_z("Seed of the noise", "reverse-seed", 0)
    rows = []
    for i, column in enumerate(st.columns(len(pair.rows))):
        with column:
            knobs = row_of(family, now, pair.rows[i], f"{name}-{i}")
        rows.append({"title": title(knobs), "ask": "reverse", "with": same | knobs})
    show(room, "reverse", rows, SCREENS)
    st.markdown(pair.look)
    st.caption(HOW + " Nothing is asked again for that: the steps are here.")


def row_of(family: type[Denoiser], now: Known, first: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The widgets of one walk, and what they say; `first` are other values than the run's to begin with."""
    c = now.config | dict(first)
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"walk-{key}"):
        sampler = st.selectbox(
            "Sampler", family.samplers, family.samplers.index(c["sampler"]), key=f"sampler-{key}", width=200
        )
        found: dict[str, Any] = {"sampler": str(sampler)}
        found["steps"] = st.number_input(
            "Steps", 1, c["T"], min(c["steps"], c["T"]), key=f"steps-{key}", width=140
        )
        if sampler == "DDIM":
            found["eta"] = st.slider("Noise added, η", 0.0, 1.0, c["eta"], 0.05, key=f"eta-{key}", width=180)
        if str(sampler).startswith("DDPM"):
            kinds = {"beta": "βₜ", "posterior": "posterior's"}
            found["variance"] = st.selectbox(
                "Variance σₜ²", kinds, list(kinds).index(c["variance"]), format_func=kinds.__getitem__,
                key=f"variance-{key}", width=160,
            )  # fmt: skip
        if now.classes:
            found["guidance"] = st.slider(
                "Guidance s", 0.0, 10.0, float(c["guidance"]), 0.5, key=f"guidance-{key}", width=180
            )
    return found


def title(knobs: Mapping[str, Any]) -> str:
    """A walk in a few words."""
    words = [f"{knobs['sampler']}, {knobs['steps']} step{'s' if knobs['steps'] > 1 else ''}"]
    words += [
        f"{sign} = {knobs[name]:g}" for name, sign in (("eta", "η"), ("guidance", "s")) if name in knobs
    ]
    return ", ".join(words)


# --- score -------------------------------------------------------------------------------------


@st.fragment
def score_film(room: Room) -> None:
    """The model's score at each level of noise, beside the exact one where that is known."""
    if not isinstance(room.space, Plane):
        st.info(
            "Arrows can be drawn in the plane only: choose points, such as the ring of Gaussians, as the "
            "data."
        )
        return
    target = data.load(store.read_info(store.folder(room.run)).data).target
    exact = type(target).__name__ == "Mixture"
    screens = {"model": "the model's score"}
    if exact:
        screens |= {
            "exact": "the exact score",
            "error": "how far the model's ε is from the exact one",
            "x0": "where xₜ is taken to come from: E[x₀ | xₜ]",
        }
    show(room, "score", [{"title": "", "ask": "score", "with": {"seed": 0}}], screens)
    if not exact:
        st.info(
            "These data have no exact score: choose a mixture of Gaussians, such as the ring, to see it "
            "beside."
        )
