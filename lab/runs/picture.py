"""The picture of a model as bytes: what its scene draws, and what the stage must know beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.data import Dataset
from engine.family import Family
from engine.metrics.measure import reason
from lab import scenes
from lab.runs import wire
from lab.scenes.arrays import Arrays, Pointer, drawn_in


def of(
    model: Family,
    data: Dataset,
    history: scenes.Rows,
    about: dict[str, Any],
    full: bool = True,
    rare: bool = True,
    once: bool | None = None,
    pointer: Pointer = None,
    ready: Arrays | None = None,
    detail: float = 1.0,
    number: int = 0,
) -> bytes:
    """The frame of a model now. A part that cannot be drawn is left out, and "trouble" says why: no picture
    ends a training.

    Args:
        about: what the stage writes beside the picture.
        full: with what changes rarely, the data's points and the curves.
        rare: with what takes long to draw.
        once: with what never changes, which the stage has after any whole picture; as `rare` if None.
        pointer: what the page looks at.
        ready: arrays that have been drawn before.
        detail: the part of its points and nodes that it is to have, where a scene can do with fewer.
        number: of this picture, of which coarse ones have their parts in turn.
    """
    arrays: Arrays = {}
    trouble: list[str] = []

    def add(draw: Callable[..., Arrays], *given: Any) -> None:
        try:
            arrays.update(draw(*given))
        except Exception as error:
            trouble.append(reason(error))

    add(scenes.more, model, data, history, full)
    with drawn_in(detail, number):
        add(scenes.draw, model, data, full, pointer)
    arrays |= ready or {}
    if rare:
        add(scenes.rarely, model, data, pointer)
    if rare if once is None else once:
        add(scenes.once, model, data)
    about |= {"trouble": trouble} if trouble else {}
    measured = {"measures": scenes.measures(history)} if full else {}
    return wire.pack_frame(arrays, about | {"box": data.box} | measured)
