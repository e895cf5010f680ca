"""Tools that ask a game: what lies between two z, sums of z, copies, who is fooled; and choices of labels."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.space import Picture
from lab.gan.judge_tab import judge
from lab.kit.answers import Figure, ask, ask_again, point, strip
from lab.kit.pickers import number_of_z, one_of
from lab.kit.room import Room
from lab.kit.ways import sums, ways


def explore(room: Room) -> None:
    """The tools, one at a time."""
    tools = {
        "Between two z": between, "Arithmetic with z": arithmetic, "Is it memorizing?": memorizing,
        "Be the discriminator": judge,
    }  # fmt: skip
    if not isinstance(room.space, Picture):
        st.info("These tools are for pictures: choose Digits, or pictures of your own, as the data.")
    else:
        one_of(room, tools, "explore-tool")


# --- between two z -----------------------------------------------------------------------------


def between(room: Room) -> None:
    st.markdown(
        "Two noise vectors z, each drawn with its own seed, and what G draws on the way from one to the "
        "other. If G has learned more than a list of pictures, everything on the way looks like the data too."
        + (" The label stays the same all the way." if room.family.labelled else "")
    )
    label = one_label(room, "explore-between")
    left, right = st.columns(2)
    with left:
        a = number_of_z("Seed of the first z", "explore-a", 1)
    with right:
        b = number_of_z("Seed of the last z", "explore-b", 2)
    if answer := ask(room, "interpolate", a=a, b=b, **label):
        strip(ways(answer, "Straight line from z to z"), columns=11)
        st.markdown(_why_the_arc(answer))
        ask_again(room, answer, "explore-again")


def _why_the_arc(answer: dict[str, Any]) -> str:
    low, high = answer["usual"]
    shortest, arc = min(answer["linear norm"]), min(answer["spherical norm"])
    usual = f"In training, 99 % of the noise has |z| between {low:.1f} and {high:.1f}. "
    if shortest >= low:
        return usual + f"The straight line stays within: its shortest z has |z| = {shortest:.1f}."
    return usual + (
        f"The straight line cuts through z as short as {shortest:.1f}, where practically no noise falls: "
        f"G has never learned what to draw there. The arc keeps |z| at {arc:.1f} or more."
    )


# --- arithmetic --------------------------------------------------------------------------------


def arithmetic(room: Room) -> None:
    at_first = (
        "All samples have one label. At first A has much ink, and B and C have little"
        if room.family.labelled
        else "At first A and B are alike, but A has more ink, and C is another digit"
    )
    st.markdown(
        "Choose three groups from the numbered samples. The z of each group are averaged, which keeps what "
        "the group has in common; then G draws **mean A − mean B + mean C** (Radford et al. 2016). "
        f"{at_first}. Often the result is C with more ink, but not always, because nothing told G to arrange "
        "its z like that."
    )
    heading = "What G draws from each mean z, and from their sum"
    sums(room, "explore", "Seed of the samples", "sample", heading, **one_label(room, "explore-sums"))


# --- is it memorizing? ---------------------------------------------------------------------------


def memorizing(room: Room) -> None:
    st.markdown(
        "The upper row shows samples. Below each is the training picture nearest to it, and their distance: "
        "the root of the sum of the squared differences of all pixels, where black is 0 and white 1."
    )
    seed = number_of_z("Seed of the samples", "explore-nearest", 0)
    if answer := ask(room, "nearest", seed=seed):
        usual, labels = answer["usual"], answer["labels"]
        captions = [f"label {y}" for y in labels] if labels else [""] * len(answer["samples"])
        pairs = zip(answer["samples"], captions, strict=True)
        samples = [Figure(p, caption, f"sample {i}") for i, (p, caption) in enumerate(pairs, 1)]
        far = [Figure(p, f"{d:.1f}") for p, d in zip(answer["nearest"], answer["distance"], strict=True)]
        heading = f"The nearest of {answer['among']:,} training pictures, and its distance"
        strip([("Samples", samples), (heading, far)], columns=len(far))
        st.markdown(
            f"A training picture is typically **{usual['median']:.1f}** away from the nearest other one "
            f"(median of {usual['measured']}; 98 % lie between {usual['near']:.1f} and {usual['far']:.1f})."
        )
        st.markdown(_verdict(answer["copies"], answer["strangers"], len(far)))
        ask_again(room, answer, "explore-again")


def _verdict(copies: int, strangers: int, n: int) -> str:
    nearer = "nearer to a training picture than 99 % of training pictures are to each other"
    if copies > 1:
        return f"**It looks like memorizing.** {copies} of the {n} samples are {nearer}: compare them by eye."
    if copies == 1:
        return (
            f"**One of the {n} samples is suspiciously near** to a training picture. That can be chance: "
            "look at others."
        )
    if strangers > n / 2:
        return (
            f"**No copies, but not like the data yet:** {strangers} of the {n} samples are farther from "
            "every training picture than 99 % of training pictures are from each other."
        )
    return f"**No sign of memorizing:** none of the {n} samples is {nearer}."


# --- labels --------------------------------------------------------------------------------------


def one_label(room: Room, key: str) -> dict[str, int]:
    """What a question says about the label: the visitor's choice, or nothing in a game without labels."""
    if not room.family.labelled:
        return {}
    return {"label": st.selectbox("Label", range(room.space.classes), key=f"{key}-label", width=160)}


def label_shown(room: Room) -> None:
    """A slider that chooses the label whose fakes, real points and belief are on the stage."""
    options = ["all", *map(str, range(room.space.classes))]
    chosen = st.select_slider("Label shown", options, "all", key="label_shown")
    label = -1 if chosen == "all" else int(chosen)
    point(room, "label", float(label))


@st.fragment
def ask_for_labels(room: Room) -> None:
    """Pictures of one label or of a mixture of two: G's one-hot input need not be one-hot."""
    last = max(1, room.space.classes - 1)
    left, middle, right = st.columns(3)
    a = left.slider("Label", 0, last, min(3, last), key="label_a")
    b = middle.slider("Second label", 0, last, min(8, last), key="label_b")
    share = right.slider("Share of the second label", 0.0, 1.0, 0.0, 0.05, key="label_share")
    if answer := ask(room, "mixture", a=a, b=b, share=share):
        strip([("", [Figure(picture) for picture in answer["pictures"]])], columns=8)
        st.caption(
            "Sixteen noise vectors z, the same at every setting. The label decides what is drawn, and z its "
            "style. G was never trained between two labels; see whether the pictures morph or jump."
        )
        ask_again(room, answer, "labels_again")
