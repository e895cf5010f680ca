"""Strips of pictures: what lies between two vectors, and sums of vectors."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.pickers import number_of_z
from lab.kit.room import Room


def ways(answer: dict[str, Any], straight: str) -> list[tuple[str, list[Figure]]]:
    """The pictures along the straight line and along the arc, each with its |z|."""
    headings = {
        "linear": f"{straight} (linear); the number is |z|",
        "spherical": "Arc around the origin (spherical); the number is |z|",
    }
    rows = []
    for way, heading in headings.items():
        pairs = zip(answer[way], answer[f"{way} norm"], strict=True)
        rows.append((heading, [Figure(p, f"{n:.1f}", f"{way}, |z| = {n:.1f}") for p, n in pairs]))
    return rows


def sums(room: Room, key: str, seed_label: str, one: str, heading: str, **asked: Any) -> None:
    """A numbered sheet, three groups chosen from it, and A − B + C; `one` is what lies on the sheet, and
    `asked` is what else both questions say."""
    seed = number_of_z(seed_label, f"{key}-sheet", 0)
    answer = ask(room, "sheet", seed=seed, **asked)
    if not answer:
        return
    shown = answer["pictures"]
    strip([("", [Figure(p, str(i)) for i, p in enumerate(shown, 1)])], columns=10, least=26, most=56)
    groups = {}
    for name, column in zip("ABC", st.columns(3), strict=True):
        # a choice for each sheet
        group_key = "-".join(map(str, (key, name, room.run, seed, *asked.values())))
        st.session_state.setdefault(group_key, [i + 1 for i in answer[name]])
        with column:
            picked = st.multiselect(f"Group {name}", range(1, len(shown) + 1), key=group_key)
            strip([("", [Figure(shown[i - 1], str(i)) for i in picked])], max(3, len(picked)), most=56)
        groups[name] = [i - 1 for i in picked]
    if empty := [name for name, group in groups.items() if not group]:
        st.info(f"Choose at least one {one} for group {empty[0]}.")
    elif added := ask(room, "arithmetic", seed=seed, **groups, **asked):
        says = {"mean A": "mean A", "mean B": "− mean B", "mean C": "+ mean C", "result": "= the result"}
        drawn = [
            Figure(added[name], f"{words}\n|z| = {added[f'norm {name}']:.1f}") for name, words in says.items()
        ]
        strip([(heading, drawn)], columns=4, least=70, most=112)
        ask_again(room, added, f"{key}-again")
