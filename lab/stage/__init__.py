"""The canvas that draws a live run, two in step, films, a flow's way, desk, hand, scope, pads, split."""

from lab.stage.alone import sketch, split
from lab.stage.asking import coder, desk, film, hand, passage, scope
from lab.stage.cards import room_map, still
from lab.stage.keep import keep
from lab.stage.stage import Graph, looked_at, pair, stage

__all__ = [
    "Graph", "coder", "desk", "film", "hand", "keep", "looked_at", "pair", "passage", "room_map", "scope",
    "sketch", "split", "stage", "still",
]  # fmt: skip
