"""What an autoregressive flow draws rarely: its pictures are made number by number."""

from __future__ import annotations

from collections.abc import Iterator

from engine.data import Dataset
from engine.flow.base import AutoregressiveFlow
from engine.space import Picture
from lab.flow import flow_scene
from lab.scenes.arrays import Arrays, Pointer, pictures


def rarely(model: AutoregressiveFlow, data: Dataset, pointer: Pointer) -> Iterator[Arrays]:
    """What takes long, as for all flows; and samples of pictures, a step for each number of each layer."""
    if not isinstance(data.space, Picture):
        yield flow_scene.rarely(model, data, pointer)
        return
    for step in model.walk(flow_scene.IMAGES):
        yield {} if step.t else {"images/samples": pictures(step.x)}
