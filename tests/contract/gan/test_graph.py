"""The graph of a game: what a turn lights."""

import pytest

from engine.families import families
from engine.gan.base import Game
from lab.kit.subject import words_of
from lab.runs import slow, store
from lab.runs.run import Run

GAMES = {name: family for name, family in families().items() if issubclass(family, Game)}


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
    for letter in ("z", "y"):
        assert all(letter in step.marks for step in traced.steps if letter in step.tensors)
    boxes = {node["id"] for node in words_of(run.family).graph["nodes"]}
    unmet = {"real"} if (name, player) == ("cgan", "G") else set()  # that turn meets labels only
    assert {mark for step in traced.steps for mark in step.marks} == boxes - unmet
