"""The tabs beside the stage: formula and code, failures with their cures, experiments, checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import streamlit as st

from engine.family import Family
from lab.kit.answers import laws
from lab.kit.code import source
from lab.kit.formula import formula
from lab.kit.plain import complain, link
from lab.kit.room import Room
from lab.kit.wall import Wall

Part = Callable[[], None]
MOST = 7  # tabs: with more, nobody finds any


def tabs(parts: Mapping[str, Part | Mapping[str, Part]], room: Room | Wall | None = None) -> None:
    """The tabs, beside the stage of a room. Only the open one runs; the address says which: `?tab=Check`.

    A tab may hold several parts, chosen by pills; a link may name a part instead of its tab.
    """
    if len(parts) > MOST:
        raise TypeError(f"A room has at most {MOST} tabs; put some of these into one: {', '.join(parts)}")
    asked, known = st.query_params.get("tab", ""), {*parts}
    for title, part in parts.items():
        known |= {*part} if isinstance(part, Mapping) else set()
        if isinstance(part, Mapping) and asked in part:
            st.session_state["tab"], st.session_state[f"part of {title}"] = title, asked
    with room.tools if room else nullcontext():
        if asked and asked not in known:
            complain(f"There is no tab called {asked[:40]!r} here; choose one of {', '.join(parts)}.")
        places = st.tabs(list(parts), key="tab", on_change="rerun", bind="query-params")
    for (title, part), place in zip(parts.items(), places, strict=True):
        if place.open:
            with place:
                _one_of(title, part)() if isinstance(part, Mapping) else part()


def _one_of(title: str, parts: Mapping[str, Part]) -> Part:
    """The part of a tab that is chosen; with one alone there is no choice."""
    if len(parts) == 1:
        return next(iter(parts.values()))
    key = f"part of {title}"
    st.session_state.setdefault(key, next(iter(parts)))
    chosen = st.pills(title, list(parts), required=True, key=key, label_visibility="collapsed")
    return parts[str(chosen)]


def experiments(items: Sequence[tuple[str, str, str]]) -> None:
    """Links that open a setting in a new tab: (what to try, what will be seen, address)."""
    for title, seen, address in items:
        with st.container(border=True):
            st.markdown(f"**{title}**  \n{seen}")
            st.link_button("Open in a new tab", link(address), icon=":material/open_in_new:")


def knob_table(family: type[Family]) -> None:
    with st.expander("All knobs"):
        rows = family.Config.table()
        lines = [" | ".join(row.values()) for row in rows]
        st.markdown("\n".join([" | ".join(rows[0]), " | ".join("---" for _ in rows[0]), *lines]))


def lecture(family: type[Family], formulas: Sequence[str], code: Sequence[Any]) -> None:
    """The knobs, the lecture's formulas, and the code that runs."""
    knob_table(family)
    for text in formulas:
        formula(family, text)
    source(*code)


def checks(room: Room) -> None:
    """The laws that the tests assert, measured on this very model."""
    st.markdown("The laws that the tests of this lab assert, measured on the very model on the stage.")
    if st.button("Measure now", icon=":material/rule:", key="measure") and (measured := laws(room)):
        st.table([
            {"law": c.law, "discrepancy": f"{c.discrepancy:.1e}", "allowed": f"{c.tolerance:.0e}",
             "": c.why or ("✅ holds" if c.holds else "❌ broken")}
            for c in measured
        ])  # fmt: skip
