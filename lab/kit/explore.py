"""Tools that ask a model of pictures: what lies between two z, sums of z, copies, and who is fooled."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from engine import data
from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.judge import judge
from lab.kit.room import Room
from lab.runs import store
from lab.runs.supervisor import NO_MODEL


def explore(room: Room) -> None:
    """The tools, one at a time; only the tool that is used runs again."""
    if room.kind != "image":
        st.info("These tools are for pictures: choose Digits, or pictures of your own, as the data.")
    elif not room.live:
        st.info(NO_MODEL)
    else:
        one_of(
            room,
            {
                "Between two z": between,
                "Arithmetic with z": arithmetic,
                "Is it memorizing?": memorizing,
                "Be the discriminator": judge,
            },
            "explore-tool",
        )


@st.fragment
def one_of(room: Room, tools: Mapping[str, Callable[[Room], None]], key: str) -> None:
    """One of these tools, chosen by pills; only the tool that is used runs again."""
    name = st.pills(
        "Tool", list(tools), default=next(iter(tools)), required=True, key=key, label_visibility="collapsed"
    )
    tools[str(name)](room)


def number_of_z(label: str, key: str, first: int) -> int:
    """A number that stands for a z, and a button for another one."""
    st.session_state.setdefault(key, first)
    return _number(label, key, 2**32 - 1, 10_000)


def _number(label: str, key: str, last: int, end: int) -> int:
    """A number from 0 to `last`, and a button for another one below `end`."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        value = st.number_input(label, 0, last, key=key, width=160)
        st.button(
            "Another", key=f"{key}-another", on_click=_another, args=(key, end), icon=":material/casino:"
        )
    return int(value)


def _another(key: str, end: int) -> None:
    st.session_state[key] = random.randrange(end)


def test_picture_number(room: Room, label: str, key: str, first: int) -> int:
    """The number of a test picture of this room's data, and a button for another one."""
    end = len(data.load(store.read_info(store.folder(room.run)).data).test_x)
    st.session_state[key] = min(st.session_state.get(key, first), end - 1)
    return _number(label, key, end - 1, end)


def latent_dimensions(room: Room) -> int:
    return int(store.read_info(store.folder(room.run)).config["z"])


# --- between two z -----------------------------------------------------------------------------


def between(room: Room) -> None:
    st.markdown(
        "Two noise vectors z, each drawn with its own seed, and what G draws on the way from one to the "
        "other. If G has learned more than a list of pictures, all on the way look like digits too."
    )
    left, right = st.columns(2)
    with left:
        a = number_of_z("Seed of the first z", "explore-a", 1)
    with right:
        b = number_of_z("Seed of the last z", "explore-b", 2)
    if found := ask(room, "interpolate", a=a, b=b):
        strip(ways(found, "Straight line from z to z"), columns=11)
        st.markdown(_why_the_arc(found))
        ask_again(found, "explore-again")


def ways(found: dict[str, Any], straight: str) -> list[tuple[str, list[Figure]]]:
    """The pictures along the straight line and along the arc, each with its |z|."""
    headings = {
        "linear": f"{straight} (linear); the number is |z|",
        "spherical": "Arc around the origin (spherical); the number is |z|",
    }
    rows = []
    for way, heading in headings.items():
        pairs = zip(found[way], found[f"{way} norm"], strict=True)
        rows.append((heading, [Figure(p, f"{n:.1f}", f"{way}, |z| = {n:.1f}") for p, n in pairs]))
    return rows


def _why_the_arc(found: dict[str, Any]) -> str:
    low, high = found["usual"]
    shortest, arc = min(found["linear norm"]), min(found["spherical norm"])
    usual = f"Of the noise on which G is trained, 99 % has |z| between {low:.1f} and {high:.1f}. "
    if shortest >= low:
        return usual + f"The straight line stays within: its shortest z has |z| = {shortest:.1f}."
    return usual + (
        f"The straight line cuts through z as short as {shortest:.1f}, where practically no noise falls: "
        f"G has never learned what to draw there. The arc keeps |z| at {arc:.1f} or more."
    )


# --- arithmetic --------------------------------------------------------------------------------


def arithmetic(room: Room) -> None:
    st.markdown(
        "Choose three groups from the numbered samples. The z of each group are averaged, which keeps what "
        "the group has in common; then G draws **mean A − mean B + mean C** (Radford et al. 2016). At first "
        "A and B are alike, but A has more ink, and C is another digit. Often the result is C with more ink; "
        "not always, for nothing told G to arrange its z like that."
    )
    sums(room, "explore", "Seed of the samples", "sample", "What G draws of each mean z, and of their sum")


def sums(room: Room, key: str, seed_label: str, one: str, heading: str) -> None:
    """A numbered sheet, three groups chosen from it, and A − B + C; `one` is what lies on the sheet."""
    seed = number_of_z(seed_label, f"{key}-sheet", 0)
    found = ask(room, "sheet", seed=seed)
    if not found:
        return
    shown = found["pictures"]
    strip([("", [Figure(p, str(i)) for i, p in enumerate(shown, 1)])], columns=10, least=26, most=56)
    groups = {}
    for name, column in zip("ABC", st.columns(3), strict=True):
        group_key = f"{key}-{name}-{room.run}-{seed}"  # another sheet, another choice
        st.session_state.setdefault(group_key, [i + 1 for i in found[name]])
        with column:
            picked = st.multiselect(f"Group {name}", range(1, len(shown) + 1), key=group_key)
            strip([("", [Figure(shown[i - 1], str(i)) for i in picked])], max(3, len(picked)), most=56)
        groups[name] = [i - 1 for i in picked]
    if empty := [name for name, group in groups.items() if not group]:
        st.info(f"Choose at least one {one} for group {empty[0]}.")
    elif added := ask(room, "arithmetic", seed=seed, **groups):
        says = {"mean A": "mean A", "mean B": "− mean B", "mean C": "+ mean C", "result": "= the result"}
        drawn = [
            Figure(added[name], f"{words}\n|z| = {added[f'norm {name}']:.1f}") for name, words in says.items()
        ]
        strip([(heading, drawn)], columns=4, least=70, most=112)
        ask_again(added, f"{key}-again")


# --- is it memorizing? ---------------------------------------------------------------------------


def memorizing(room: Room) -> None:
    st.markdown(
        "Above, eight samples; below each, the training picture that is nearest to it, and how far it is: "
        "the root of the summed squares of the differences of all pixels, black being 0 and white 1."
    )
    seed = number_of_z("Seed of the samples", "explore-nearest", 0)
    if found := ask(room, "nearest", seed=seed):
        usual = found["usual"]
        far = [Figure(p, f"{d:.1f}") for p, d in zip(found["nearest"], found["distance"], strict=True)]
        strip([("Samples", [Figure(p, "", f"sample {i}") for i, p in enumerate(found["samples"], 1)]),
               (f"The nearest of {found['among']:,} training pictures, and its distance", far)],
              columns=len(far), least=36)  # fmt: skip
        st.markdown(
            f"A training picture is typically **{usual['median']:.1f}** away from the nearest other one "
            f"(median of {usual['measured']}; 98 % lie between {usual['near']:.1f} and {usual['far']:.1f})."
        )
        st.markdown(_verdict(found["copies"], found["strangers"], len(far)))
        ask_again(found, "explore-again")


def _verdict(copies: int, strangers: int, n: int) -> str:
    if copies > 1:
        return (
            f"**It looks like memorizing.** {copies} of the {n} samples are nearer to a training picture "
            "than 99 % of training pictures are to each other: compare them by eye."
        )
    if copies == 1:
        return (
            f"**One of the {n} samples is suspiciously near** to a training picture; that can be chance. "
            "Look at others."
        )
    if strangers > n / 2:
        return (
            f"**No copies, but not like the data yet:** {strangers} of the {n} samples are farther from "
            "every training picture than 99 % of training pictures are from each other."
        )
    return (
        f"**No sign of memorizing:** none of the {n} samples is nearer to a training picture than 99 % of "
        "training pictures are to each other."
    )
