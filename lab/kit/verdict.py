"""What a page says under the stage of a run: what the detector sees, and a formula with its numbers."""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import streamlit as st

from engine import data
from engine.families import find
from engine.metrics.detector import WINDOW, Symptom, diagnose
from engine.metrics.measure import LEFT_OUT, looked_at
from engine.metrics.ruler import DataFacts, about
from lab.kit.room import Room
from lab.kit.subject import words_of
from lab.runs import store


def commentary(room: Room) -> None:
    """What goes on, under the stage: the detector's verdict, and a formula with the run's present numbers.
    Written anew every two seconds: the one timed fragment of its page."""
    words = words_of(room.family)

    @st.fragment(run_every=2.0)
    def show() -> None:
        if words.judged:
            st.markdown(verdict(room.run))
        for sentence in left_out(room.run):
            st.caption(sentence)
        # the newest row is at the end of the file
        if words.now and (rows := store.rows(store.folder(room.run) / "metrics.jsonl", tail=4096)):
            st.markdown(words.now(room.run, rows[-1]))

    with room.below:
        show()


def left_out(run_id: str) -> list[str]:
    """What the newest measurement of a run could not measure, and why."""
    at = store.folder(run_id)
    words = [LEFT_OUT, *looked_at()]
    having = tuple(json.dumps(str(word)).encode() for word in words)
    measured = store.rows(at / "metrics.jsonl", tail=65_536, having=having)
    return measured[-1].get(LEFT_OUT, []) if measured else []


def diagnosis(run_id: str) -> list[Symptom] | None:
    """What the detector sees in a run, the gravest first; None while there is too little to tell."""
    at = store.folder(run_id)
    path = at / "metrics.jsonl"
    known = judged_by(store.read_info(at).data)
    return _diagnosis(path, path.stat().st_mtime_ns) if known.done() and path.exists() else None


@lru_cache(maxsize=128)
def _diagnosis(path: Path, _changed: int) -> list[Symptom] | None:
    measured = tuple(json.dumps(str(measure)).encode() for measure in looked_at())
    rows, info = store.rows(path, having=measured), store.read_info(path.parent)
    if len(rows) < WINDOW:
        return None
    return diagnose(find(info.family), rows, judged_by(info.data).result())


@lru_cache(maxsize=32)
def judged_by(name: str) -> Future[DataFacts]:
    """What the detector must know of these data. To measure it takes a second: no page waits for it."""
    return _measuring.submit(lambda: about(data.load(name)))


_measuring = ThreadPoolExecutor(1)


def tell(symptoms: list[Symptom] | None) -> list[dict[str, str]]:
    """The detector's findings in words: tone (good, bad or ""), name, what is seen, cure."""
    if not symptoms:
        says = "After some 400 rounds a verdict stands here." if symptoms is None else "No fault is seen."
        return [{"tone": "", "name": "", "says": says, "cure": ""}]
    return [
        {"tone": s.tone, "name": s.name, "says": s.sentence.removeprefix(f"{s.name}: "), "cure": s.cure}
        for s in symptoms
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
