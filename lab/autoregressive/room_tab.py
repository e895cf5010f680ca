"""The rooms of models that write one number after another: stage, tools, and what the lecture says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from engine.autoregressive.base import Ordered
from engine.autoregressive.pixels import Pixels
from engine.family import Family
from lab import kit
from lab.kit.subject import Failure
from lab.runs.supervisor import NO_MODEL
from lab.stage import desk

LECTURE = r"""
**The chain rule.** Put the numbers of an example, such as the pixels of a picture, in some order. Without any
approximation,

$$
p(x) = \prod_{i=1}^{D} p(x_i \mid x_{<i}), \qquad \log p(x) = \sum_{i=1}^{D} \log p(x_i \mid x_{<i})
$$

where $x_{<i}$ are the numbers before $x_i$. A net that sees only these gives each factor. Training maximizes
$\log p(x)$ of the data, one pass for all numbers. A new example takes $D$ steps: draw $x_1$, then
$x_2$ given $x_1$, and so on. So the density is exact, and samples are slow.
"""

Tools = dict[str, Callable[[kit.Room], None]]


def writing_room(
    family: type[Family],
    *,
    sentence: str,
    formula: str,
    code: Sequence[Any],
    tries: Sequence[tuple[str, str, str]],
    tools: Tools,
    leaks: bool = True,
) -> None:
    """The page of a model that writes one number after another. `code` is what its net is made of. If its
    failures are `leaks`, the last of the tools shows them."""
    room = kit.room(family, sentence=sentence)
    kit.commentary(room)

    tabs: dict[str, Any] = {name: partial(tool, room) for name, tool in tools.items()}
    tabs["Formula and code"] = partial(kit.lecture, family, [LECTURE, formula], code)
    if failures := kit.words_of(family).failures:
        tabs["Failures and cures"] = partial(gallery, room, failures, [*tools][-1] if leaks else "")
    tabs |= {"Try this": partial(kit.experiments, tries), "Check": partial(kit.checks, room)}
    kit.tabs(tabs, room)


def pixels_room(family: type[Pixels], *, code: Sequence[Any], masks: bool = False, **words: Any) -> None:
    """The page of a model of pixels; with `masks` the desk shows them."""
    code = [*code, Ordered.log_probs, Ordered.turns, Ordered.written]
    writing_room(family, code=code, tools={"Write and look": lambda room: at_the_desk(room, masks)}, **words)


def at_the_desk(room: kit.Room, masks: bool) -> None:
    """The model writes; the student asks what a pixel depends on, and overrides it."""
    if not room.live:
        st.info(NO_MODEL)
        return
    desk(room.run, key="desk", round=room.round, masks=masks)


def gallery(room: kit.Room, failures: Sequence[Failure], lens: str) -> None:
    """The failures of this model; a tool called `lens` shows on what an output depends."""
    look = f" Its loss looks better than it can be. Open **{lens}** and see on what an output depends."
    st.markdown(f"**See it fail** trains a setting on the stage.{look if lens else ''} Then apply the cure.")
    kit.gallery(room, failures)
