"""The picture of a model as bytes: what its scene draws, and what the stage must know beside it."""

from __future__ import annotations

from typing import Any

from engine.data import Dataset
from engine.family import Family
from lab import scenes
from lab.runs import wire
from lab.scenes.arrays import Arrays, Pointer


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
) -> bytes:
    """The frame of a model now.

    Args:
        about: what the stage writes beside the picture.
        full: with what changes rarely, the data's points and the curves.
        rare: with what takes long to draw.
        once: with what never changes, which the stage has after any whole picture; as `rare` if None.
        pointer: what the page looks at.
        ready: arrays that have been drawn before.
    """
    arrays = scenes.draw(model, data, full, pointer) | (ready or {})
    arrays |= scenes.rarely(model, data, pointer) if rare else {}
    arrays |= scenes.once(model, data) if (rare if once is None else once) else {}
    arrays = scenes.more(model, data, history, full) | arrays
    measured = {"measures": scenes.measures(history)} if full else {}
    return wire.pack_frame(arrays, about | {"box": data.box} | measured)
