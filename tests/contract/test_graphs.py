"""The graph of a family, and the lines of its algorithm: each box that is computed has its line."""

import pytest

from engine.autoregressive.base import Ordered
from engine.diffusion.base import Denoiser
from engine.families import families
from engine.flow.base import Flow
from engine.gan.base import Game
from lab.kit.subject import words_of
from lab.runs.listing import listed
from lab.runs.slow import functions_of

# models with codes have further boxes: tests/contract/codes/test_annotated.py
FAMILIES = [family for family in families().values() if issubclass(family, Denoiser | Flow | Game | Ordered)]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_every_mark_is_a_box_and_every_box_that_is_computed_has_a_mark(family):
    nodes = words_of(family).graph["nodes"]
    marks = {
        mark for function in functions_of(family) for each in listed(function).marks.values() for mark in each
    }
    assert marks == {node["id"] for node in nodes} - {"gradient"}  # `fit` computes it; slow motion marks it
    assert not any("lights" in node for node in nodes)
