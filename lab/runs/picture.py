"""A run's picture as bytes: what its scene draws, and what the stage must know beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import scenes
from lab.runs import wire

if TYPE_CHECKING:
    from lab.runs.run import Run


def of(
    run: Run,
    key: int | None = None,
    full: bool = True,
    rare: bool = True,
    once: bool = True,
    pointer: scenes.Pointer = None,
) -> bytes:
    """The frame of a run now; of a keyframe, `key` is its round. `full` adds what changes rarely, the data's
    points and the curves; `rare` what takes long to draw; and `once` what the stage has already if it has
    seen any other whole picture of this run."""
    arrays = scenes.draw(run.model, run.data, full, pointer)
    arrays |= scenes.rarely(run.model, run.data, once, pointer) if rare else {}
    arrays = scenes.more(run.model, run.data, run.history, full) | arrays
    about = {
        "round": run.round,
        "turn": run.last,
        "speed": round(run.speed, 1),
        "key": key,
        "box": run.data.box,
        "measures": scenes.measures(run.history) if full else {},
    }
    if run.info.wall:
        about["wall"] = scenes.wall.about(run.family, run.data, run.info.wall, run.history)
    return wire.pack_frame(arrays, about)
