"""Slow motion of a recording: a copy of its model makes real turns, and the recording stays as it is."""

from __future__ import annotations

import json

import pytest
import torch

from engine.config import Refused
from engine.fit import fit
from lab.kit.subject import recordings
from lab.runs import questions, store, wire
from lab.runs.questions import COPIES, Questions


@pytest.fixture
def asked() -> Questions:
    return Questions(lambda run_id: pytest.fail("a recording is no run"))


def trace_of(frame: bytes) -> dict:
    return json.loads(wire.header(frame)["frame"])["trace"]


@pytest.mark.parametrize("name", recordings())
@pytest.mark.exhaustive
def test_every_recording_can_be_watched_in_slow_motion_at_once(asked, name):
    at = store.folder(name)
    trace = trace_of(asked.trace(name, None, "me", store.keyframes(at)[-1]))
    assert trace["source"]
    assert any(step["numbers"] for step in trace["steps"])
    assert trace["steps"][-1]["kind"] == "step"
    assert trace["round"] >= questions.stored(at)[0]


def test_a_turn_is_the_step_that_fit_would_make_from_the_stored_weights(asked):
    at = store.folder("real-nvp-moons")
    round, model, dataset = questions.stored(at)
    frame = asked.trace(at.name, None, "me", round)
    batch = dataset.batch(model.config.batch, store.read_info(at).seed, round)
    torch.manual_seed(round)
    turn = next(fit(model, [batch]))
    terms = {name: term.item() for name, term in turn.terms.items()}
    told = {k: v for step in trace_of(frame)["steps"] for k, v in step["numbers"].items()}
    assert {name: told[name] for name in terms} == pytest.approx(terms, rel=1e-6)
    after = asked.copies["me"].model.state_dict()
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(after[name], tensor)


def test_a_copy_goes_on_from_turn_to_turn_and_begins_anew_where_one_looks(asked):
    at = store.folder("gan-ring")
    *_, early, last = store.weighed(at)
    wanted = [(None, last), (None, None), (None, None), ("G", None), (None, early)]
    told = [trace_of(asked.trace(at.name, player, "me", round)) for player, round in wanted]
    assert [one["player"] for one in told[:2]] == ["D", "G"]
    assert [one["round"] for one in told] == [last, last, last + 1, last + 1, early]
    assert told[3]["player"] == "G"
    with pytest.raises(Refused, match="has no player 'H'"):
        asked.trace(at.name, "H", "me")


def test_nobody_else_sees_a_copy_and_few_are_kept(asked):
    before = {file: file.stat().st_mtime_ns for file in store.folder("gan-ring").rglob("*")}
    for asker in range(COPIES + 1):
        asked.trace("gan-ring", None, str(asker))
    assert list(asked.copies) == [str(asker) for asker in range(1, COPIES + 1)]
    asked.enough("gan-ring", "1")
    assert "1" not in asked.copies
    assert {file: file.stat().st_mtime_ns for file in store.folder("gan-ring").rglob("*")} == before
    shown, model, _ = questions.remembered(store.folder("gan-ring"))
    weights = questions.stored(store.folder("gan-ring"))[1].state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in model.state_dict().items())
    assert shown == store.keyframes(store.folder("gan-ring"))[-1]
