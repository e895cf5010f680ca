"""What a page asks the model of its run, and how it shows pictures that come as an answer."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Generator, Iterable
from html import escape
from typing import Any, NamedTuple, TypeVar

import numpy as np
import streamlit as st
from PIL import Image

from engine.checks import Check
from engine.config import Refused
from lab.kit.plain import complain
from lab.kit.room import Room
from lab.runs import store
from lab.runs.supervisor import NO_MODEL, supervisor
from lab.visitor import who

T = TypeVar("T")


def ask(room: Room, probe: str, **arguments: Any) -> dict[str, Any] | None:
    """The answer of this room's model at the round that is looked at, or of the nearest that is stored; None
    when there is none, and the page says why."""
    return _answer(
        room, lambda: supervisor().probe(room.run, probe, round=room.round, who=who(), **arguments)
    )


def parts(room: Room, probe: str, **arguments: Any) -> Generator[dict[str, Any]]:
    """The same part by part, as they come, until the caller closes the generator. Raises `Refused`."""
    return supervisor().parts(room.run, probe, round=room.round, who=who(), **arguments)


def laws(room: Room) -> list[Check] | None:
    """The laws measured on the same model; None when there is none, and the page says why."""
    return _answer(room, lambda: supervisor().measure(room.run, round=room.round, who=who()))


def point(room: Room, kind: str, x: float, y: float = 0.0) -> None:
    """Say what is looked at in the picture on the stage."""
    supervisor().point(room.run, {"kind": kind, "x": x, "y": y}, who(), round=room.round)


def _answer(room: Room, question: Callable[[], T]) -> T | None:
    if not room.live:
        st.info(NO_MODEL)
        return None
    try:
        return question()
    except Refused as refusal:
        complain(refusal)
        return None


def ask_again(room: Room, answer: dict[str, Any], key: str) -> None:
    """Which model answered, and a button that asks a run anew: a fragment's button runs it again."""
    told = f"This is the model of round {answer['round']:,}. "
    if room.round not in (None, answer["round"]):
        told += "It is the nearest to the round on the stage whose weights are stored."
    if room.round is not None or store.is_recording(store.folder(room.run)):
        st.caption(told)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Ask again", key=key, icon=":material/refresh:")
        st.caption(told + "While it trains, it goes on changing.")


class Figure(NamedTuple):
    """A picture (H, W[, 3]) of bytes with a line or two of text under it."""

    picture: np.ndarray
    caption: str = ""
    name: str = ""  # for those who cannot see it


def strip(rows: Iterable[tuple[str, list[Figure]]], columns: int, least: int = 26, most: int = 84) -> None:
    """Rows of pictures under one another, each with a heading; sizes in pixels. On a screen too narrow for
    `columns`, all rows scroll together. Pictures are in the page, so none comes late."""
    size = f"--columns: {columns}; --least: {least}px; --most: {most}px"
    parts = [_STYLE, f'<div class="strip-box"><div class="strip" tabindex="0" style="{size}">']
    for heading, figures in rows:
        parts.append(f"<p>{escape(heading)}</p>" if heading else "")
        parts += [_figure(figure) for figure in figures]
        parts += ["<i></i>"] * (-len(figures) % columns)  # the next row starts at the left
    st.html("".join([*parts, "</div></div>"]))


def _figure(figure: Figure) -> str:
    file = io.BytesIO()
    Image.fromarray(figure.picture).save(file, "png")
    source = base64.b64encode(file.getvalue()).decode()
    alt = escape(figure.name or figure.caption, quote=True)
    caption = escape(figure.caption).replace("\n", "<br>")
    image = f'<img src="data:image/png;base64,{source}" alt="{alt}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


_STYLE = """<style>
.strip-box { container-type: inline-size }
.strip { display: grid; gap: 0.4rem 0.25rem; overflow-x: auto;
  grid-template-columns: repeat(var(--columns), minmax(var(--least), var(--most))) }
.strip p { grid-column: 1 / -1; position: sticky; left: 0; width: fit-content; max-width: 100cqi;
  margin: 0.3rem 0 0 }
.strip figure { margin: 0 }
.strip img { display: block; width: 100%; image-rendering: pixelated; border-radius: 2px }
.strip figcaption { font-size: 0.8rem; line-height: 1.3; text-align: center; padding-top: 0.15rem;
  font-variant-numeric: tabular-nums; overflow-wrap: break-word }
</style>"""
