"""The tabs under the stage: formula and code, experiments, checks."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from engine.config import Refused
from engine.family import Family
from lab.kit.room import Room
from lab.runs import store
from lab.runs.supervisor import supervisor


def source(*things: Any) -> None:
    """Show the very code that runs."""
    text = "\n\n".join(textwrap.dedent(inspect.getsource(thing)).rstrip() for thing in things)
    st.code(text, language="python")


def live_formula(room: Room, write: Callable[[dict[str, float]], str]) -> None:
    """A formula with the run's present numbers in it, written anew each second."""

    @st.fragment(run_every=1.0 if room.live else None)
    def show() -> None:
        row = last_row(room.run)
        if row is None:
            st.caption("The numbers appear here when training has begun.")
        else:
            st.markdown(write(row))

    show()


def last_row(run_id: str) -> dict[str, float] | None:
    """The newest row of a run's metrics; reads only the end of the file."""
    path = store.folder(run_id) / "metrics.jsonl"
    rows = store.rows(path, tail=4096)
    return rows[-1] if rows else None


def experiments(items: Sequence[tuple[str, str, str]]) -> None:
    """Links that open a setting in a new tab: (what to try, what will be seen, address)."""
    for title, seen, address in items:
        with st.container(border=True):
            st.markdown(f"**{title}**  \n{seen}")
            st.link_button("Open in a new tab", address, icon=":material/open_in_new:")


def knob_table(family: type[Family]) -> None:
    with st.expander("All knobs"):
        st.table(family.Config.table())


def checks(room: Room) -> None:
    """The laws that the tests assert, measured on this very model."""
    st.markdown("The laws that the tests of this lab assert, measured on the very model on the stage.")
    if not room.live:
        st.info("This is a recording. Press Train first: then there is a model to measure.")
        return
    if st.button("Measure now", icon=":material/rule:", key="measure"):
        try:
            found = supervisor().measure(room.run)
        except Refused as refusal:
            st.error(str(refusal))
            return
        rows = [
            {
                "law": c.law,
                "discrepancy": f"{c.discrepancy:.1e}",
                "allowed": f"{c.tolerance:.0e}",
                "": "✅ holds" if c.holds else "❌ broken",
            }
            for c in found
        ]
        st.table(rows)
