"""The graph of a game and the lines of its algorithm: each box that is computed has its line."""

import pytest

from engine.families import families
from engine.gan.base import Game
from lab.kit.subject import words_of
from lab.runs import slow, store
from lab.runs.listing import listed
from lab.runs.run import Run

GAMES = {name: family for name, family in families().items() if issubclass(family, Game)}
OF_THE_STEP = {"gradient"}  # which no line computes, but the step that follows them


@pytest.mark.parametrize("name", GAMES)
def test_every_mark_is_a_box_and_every_box_that_is_computed_has_a_mark(name):
    graph = words_of(GAMES[name]).graph
    marks = {
        mark
        for function in slow.functions_of(GAMES[name])
        for of_line in listed(function).marks.values()
        for mark in of_line
    }
    assert marks == {node["id"] for node in graph["nodes"]} - OF_THE_STEP
    assert not any("lights" in node for node in graph["nodes"])


@pytest.mark.parametrize("player", ["D", "G"])
@pytest.mark.parametrize("name", GAMES)
def test_a_turn_lights_what_its_lines_compute(name, player):
    run = Run(store.create({"family": name, "data": "ring", "seed": 0, "config": {"batch": 8}}))
    with slow.trace(slow.functions_of(run.family)) as traced:
        run.do({"do": "step", "player": player})
    slow._moved(traced)
    by_name = {name: {*step.marks} for step in traced.steps for name in step.tensors if name != "z"}
    assert by_name["fake"] == {"G", "fake"}
    assert by_name["real_score" if player == "D" else "score"] == {"D"}
    assert all("z" in step.marks for step in traced.steps if "z" in step.tensors)
    boxes = {node["id"] for node in words_of(run.family).graph["nodes"]}
    unmet = {"real"} if (name, player) == ("cgan", "G") else set()  # that turn meets labels only
    assert {mark for step in traced.steps for mark in step.marks} == boxes - unmet
