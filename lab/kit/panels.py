"""The tabs under the stage: formula and code, experiments, checks."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from engine import data
from engine.config import Refused
from engine.families import find
from engine.family import Family, beside
from engine.metrics import About, about
from engine.metrics import symptoms as symptoms_of_games
from engine.metrics.symptoms import WINDOW, Symptom
from lab.kit.room import Room
from lab.runs import store
from lab.runs.supervisor import supervisor


def tabs(parts: Mapping[str, Callable[[], None]]) -> None:
    """The tabs under the stage. Only the open one runs, and the address says which: `?tab=Check`."""
    names = list(parts)
    for name, place in zip(
        names, st.tabs(names, key="tab", on_change="rerun", bind="query-params"), strict=True
    ):
        if place.open:
            with place:
                parts[name]()


def source(*things: Any) -> None:
    """Show the very code that runs. Coloured here, since Streamlit's own way loads 1.5 MB of script."""
    text = "\n\n".join(_text(thing) for thing in things)
    st.html(_CODE_STYLE + highlight(text, PythonLexer(), HtmlFormatter(cssclass="source")))


def _text(thing: Any) -> str:
    """The source of a function or class, or of a module's variable, given as (module, name)."""
    if not isinstance(thing, tuple):
        return textwrap.dedent(inspect.getsource(thing)).rstrip()
    module, name = thing
    whole = inspect.getsource(module)
    for node in ast.parse(whole).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            return "\n".join(whole.splitlines()[node.lineno - 1 : node.end_lineno])
    raise LookupError(f"{module.__name__} has no {name}")


_CODE_STYLE = """<style>
.source pre { font-family: "Source Code Pro", monospace; font-size: 0.875rem; line-height: 1.5; margin: 0;
  padding: 1rem; border-radius: 0.5rem; background: rgb(128 128 128 / 10%); overflow-x: auto }
.source .k, .source .kn, .source .ow { color: #2a7fb8 }
.source .nf, .source .nc { font-weight: 600 }
.source .s2, .source .sd, .source .s1 { color: #1d8a5f }
.source .c1 { opacity: 0.7; font-style: italic }
</style>"""


def commentary(room: Room, write: Callable[[dict[str, float]], str], judged: bool = True) -> None:
    """What goes on, under the stage: the detector's verdict, if this family has a detector, and a formula
    with the run's present numbers in it. Written anew every two seconds: the one timed fragment of its
    page."""

    @st.fragment(run_every=2.0)
    def show() -> None:
        if judged:
            st.markdown(verdict(room.run))
        if row := last_row(room.run):
            st.markdown(write(row))

    show()


def diagnosis(run_id: str) -> list[Symptom] | None:
    """What the detector sees in a run, the gravest first; None while there is too little to tell."""
    at = store.folder(run_id)
    path = at / "metrics.jsonl"
    known = judged_by(store.read_info(at).data)
    return _diagnosis(path, path.stat().st_mtime_ns) if known.done() and path.exists() else None


MEASURED = (
    b'"JS"',
    b'"D(x)"',
    b'"ELBO"',
    b'"test error"',
    b'"test loss"',
    b'"test bits per dimension"',
)  # what is in a row of measurements


@lru_cache(maxsize=128)
def _diagnosis(path: Path, _changed: int) -> list[Symptom] | None:
    rows, info = store.rows(path, having=MEASURED), store.read_info(path.parent)
    if len(rows) < WINDOW:
        return None
    detector = next(iter(beside("engine.metrics", find(info.family))), symptoms_of_games)
    return detector.symptoms(rows, judged_by(info.data).result())


@lru_cache(maxsize=32)
def judged_by(name: str) -> Future[About]:
    """What the detector must know of these data. To measure it takes a second: no page waits for it."""
    return _measuring.submit(lambda: about(data.load(name)))


_measuring = ThreadPoolExecutor(1)


def tell(found: list[Symptom] | None) -> list[dict[str, str]]:
    """The detector's findings in words: tone (good, bad or ""), name, what is seen, cure."""
    if found is None:
        return [{"tone": "", "name": "", "says": "After some 400 rounds a verdict stands here.", "cure": ""}]
    if not found:
        return [{"tone": "", "name": "", "says": "No fault is seen.", "cure": ""}]
    tones = {"Working": "good"} | dict.fromkeys(("Learning", "Sleeping dimensions", "Blur"), "")
    return [
        {
            "tone": tones.get(one.name, "bad"),
            "name": one.name,
            "says": one.sentence.removeprefix(f"{one.name}: "),
            "cure": one.cure,
        }
        for one in found
    ]


def verdict(run_id: str) -> str:
    """What the detector sees in a run, as markdown: green where it works, amber where it does not."""
    looks = {
        "good": ":green[:material/check_circle: **{name}.**] ",
        "bad": ":orange[:material/error: **{name}.**] ",
    }
    parts = []
    for one in tell(diagnosis(run_id)):
        name = looks.get(one["tone"], "**{name}.** " if one["name"] else "").format(**one)
        says = one["says"][0].upper() + one["says"][1:]
        parts.append(name + says + (f"  \n**Cure:** {one['cure']}" if one["cure"] else ""))
    return "\n\n".join(parts)


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
        rows = family.Config.table()
        lines = [" | ".join(row.values()) for row in rows]
        st.markdown("\n".join([" | ".join(rows[0]), " | ".join("---" for _ in rows[0]), *lines]))


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
