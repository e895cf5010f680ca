"""The canvas that draws a live run, two of them in step, and a pad to draw a target on."""

from lab.stage.pair import pair
from lab.stage.sketch import sketch
from lab.stage.stage import Graph, stage

__all__ = ["Graph", "pair", "sketch", "stage"]
