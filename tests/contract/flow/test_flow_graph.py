"""The graph of flows, and the lines of the algorithm that compute its boxes."""

import pytest

from engine.families import families
from engine.flow.base import Flow
from lab.kit.subject import words_of
from lab.runs.listing import listed
from lab.runs.slow import functions_of

FLOWS = [family for family in families().values() if issubclass(family, Flow)]


@pytest.mark.parametrize("family", FLOWS, ids=lambda f: f.name)
def test_every_mark_is_a_box_and_every_box_has_a_mark(family):
    boxes = {node["id"] for node in words_of(family).graph["nodes"]}
    marks = {
        mark for function in functions_of(family) for each in listed(function).marks.values() for mark in each
    }
    assert marks == boxes - {"gradient"}  # which `fit` computes, and slow motion marks
