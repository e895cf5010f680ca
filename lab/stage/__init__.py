"""The canvas that draws a live run, and a pad to draw a target on."""

from lab.stage.sketch import sketch
from lab.stage.stage import Graph, stage

__all__ = ["Graph", "sketch", "stage"]
