"""The canvas that draws a live run, two in step, films, a place's way through a flow, pads to draw on, two pictures."""

from lab.stage.coder import coder
from lab.stage.film import film
from lab.stage.pair import pair
from lab.stage.passage import passage
from lab.stage.sketch import sketch
from lab.stage.split import split
from lab.stage.stage import Graph, stage

__all__ = ["Graph", "coder", "film", "pair", "passage", "sketch", "split", "stage"]
