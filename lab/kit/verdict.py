"""What a page says under the stage of a run: what the detector sees, and a formula with its numbers."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import streamlit as st

from engine import data
from engine.families import find
from engine.family import Family
from engine.metrics.detector import WINDOW, Row, Symptom, diagnose
from engine.metrics.measure import LEFT_OUT, looked_at
from engine.metrics.ruler import DataFacts, about
from lab.kit.exhibit import shipped
from lab.kit.room import Room
from lab.kit.subject import words_of
from lab.runs import store


def commentary(room: Room) -> None:
    """What goes on, under the stage: the detector's verdict, and a formula with the run's present numbers.
    Written anew every two seconds: the one timed fragment of its page."""

    @st.fragment(run_every=2.0)
    def show() -> None:
        comment(room.family, room.run, room.round)

    with room.below, st.container(key="commentary"):
        show()


def comment(family: type[Family], run_id: str, round: int | None = None) -> None:
    """The verdict on a run, what could not be measured, and a formula with numbers: all of one round."""
    words = words_of(family)
    if words.judged:
        st.markdown(verdict(run_id, round))
    for sentence in (*left_out(run_id, round), unlike_its_knobs(run_id)):
        if sentence:
            st.caption(sentence)
    if words.now and (row := newest(run_id, round)):
        st.markdown(words.now(run_id, row))


def newest(
    run_id: str, round: int | None = None, having: tuple[bytes, ...] = (), tail: int = 4096
) -> Row | None:
    """The last row of a run, or the last one up to a round; of those with one of these words, if any are
    given. It is at the end of the file, in its last `tail` bytes, unless an earlier round is asked for."""
    path = store.folder(run_id) / "metrics.jsonl"
    rows = _until(store.rows(path, tail=tail, having=having or (b"",)), round)
    if not rows and round is not None:
        rows = _until(_rows(path, _changed(path), having), round)
    return rows[-1] if rows else None


def unlike_its_knobs(run_id: str) -> str:
    """In what a recording was trained otherwise than its knobs say; of a run nothing."""
    known = dict(shipped())  # read once: the sentences are written anew every two seconds
    return known[run_id].why if run_id in known else ""


def left_out(run_id: str, round: int | None = None) -> list[str]:
    """What the newest measurement of a run up to a round could not measure, and why."""
    measured = newest(run_id, round, _having([LEFT_OUT, *looked_at()]), tail=65_536)
    return measured.get(LEFT_OUT, []) if measured else []


def diagnosis(run_id: str, round: int | None = None) -> list[Symptom] | None:
    """What the detector sees in a run up to a round, the gravest first; None while there is too little to
    tell."""
    at = store.folder(run_id)
    path, known = at / "metrics.jsonl", judged_by(store.read_info(at).data)
    return _diagnosis(path, _changed(path), round) if known.done() else None


@lru_cache(maxsize=128)
def _diagnosis(path: Path, changed: int, round: int | None) -> list[Symptom] | None:
    info = store.read_info(path.parent)
    rows = _until(_rows(path, changed, _having(looked_at())), round)
    if len(rows) < WINDOW:
        return None
    return diagnose(find(info.family), rows, judged_by(info.data).result())


@lru_cache(maxsize=8)
def _rows(path: Path, _changed: int, having: tuple[bytes, ...]) -> list[Row]:
    """The rows with one of these words, or all: read once while the file does not change."""
    return store.rows(path, having=having or (b"",))


def _changed(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _having(words: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(json.dumps(str(word)).encode() for word in words)


def _until(rows: list[Row], round: int | None) -> list[Row]:
    """The rows up to a round."""
    return rows if round is None else rows[: bisect_right(rows, round, key=lambda row: row["round"])]


@lru_cache(maxsize=32)
def judged_by(name: str) -> Future[DataFacts]:
    """What the detector must know of these data. To measure it takes a second: no page waits for it."""
    return _measuring.submit(lambda: about(data.load(name)))


_measuring = ThreadPoolExecutor(1)


def tell(symptoms: list[Symptom] | None) -> list[dict[str, str]]:
    """The detector's findings in words: tone (good, bad or ""), name, what is seen, cure."""
    if not symptoms:
        says = "A verdict stands here after a few measurements." if symptoms is None else "No fault is seen."
        return [{"tone": "", "name": "", "says": says, "cure": ""}]
    return [
        {"tone": s.tone, "name": s.name, "says": s.sentence.removeprefix(f"{s.name}: "), "cure": s.cure}
        for s in symptoms
    ]


def verdict(run_id: str, round: int | None = None) -> str:
    """What the detector sees in a run up to a round, as markdown: green where it works, amber where it does
    not. It names the round if there is a newer one."""
    looks = {
        "good": ":green[:material/check_circle: **{name}.**] ",
        "bad": ":orange[:material/error: **{name}.**] ",
    }
    last = newest(run_id)
    parts = [f"At round {round:,}:"] if round is not None and last and last["round"] > round else []
    for one in tell(diagnosis(run_id, round)):
        name = looks.get(one["tone"], "**{name}.** " if one["name"] else "").format(**one)
        says = one["says"][0].upper() + one["says"][1:]
        parts.append(name + says + (f"  \n**Cure:** {one['cure']}" if one["cure"] else ""))
    return "\n\n".join(parts)
