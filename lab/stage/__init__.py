"""The canvas that draws a live run, two in step, films, a flow's way, pads to draw on, a split picture."""

from lab.stage.coder import coder
from lab.stage.film import film
from lab.stage.pair import pair
from lab.stage.passage import passage
from lab.stage.sketch import sketch
from lab.stage.split import split
from lab.stage.stage import Graph, stage

__all__ = ["Graph", "coder", "film", "pair", "passage", "sketch", "split", "stage"]
