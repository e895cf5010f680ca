"""The canvas that draws a live run, two of them in step, films, and pads to draw a target or a digit on."""

from lab.stage.coder import coder
from lab.stage.film import film
from lab.stage.pair import pair
from lab.stage.sketch import sketch
from lab.stage.stage import Graph, stage

__all__ = ["Graph", "coder", "film", "pair", "sketch", "stage"]
