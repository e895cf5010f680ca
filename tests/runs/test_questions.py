"""Answers in parts: in order, of the model as it was when asked, in a random stream of their own."""

import pytest
import torch

from engine.config import Refused
from lab import probes
from lab.runs import store
from lab.runs.questions import STREAMS, Questions
from lab.runs.run import Run


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    """A run whose model can be asked for its first weight and a random number, n times."""

    def weights(model, data, n=3):
        if n < 0:
            raise Refused("n is negative.")
        for left in reversed(range(n)):
            yield {
                "weight": next(model.parameters()).flatten()[0].item(),
                "chance": torch.rand(()).item(),
                "left": left,
            }

    def now(model, data):
        return {"all": True}

    monkeypatch.setattr(probes, "questions", lambda model: {"weights": weights, "now": now})
    config = {"width_G": 8, "width_D": 8, "batch": 8}
    at = store.create({"family": "gan", "data": "ring", "seed": 0, "config": config}, tmp_path)
    monkeypatch.setenv("GENLAB_HOME", str(tmp_path))
    return Run(at)


def test_parts_come_in_order_and_between_them_the_model_may_train(run):
    questions = Questions(lambda run_id: run)
    parts = [questions.ask(run.info.id, "weights", {}, "me")]
    run.play()
    run.train(rounds=3)  # other weights, and other random numbers drawn
    while part := questions.more(run.info.id, "me"):
        parts.append(part)
        torch.rand(7)
    assert [part["part"] for part in parts] == [0, 1, 2]
    assert [part["left"] for part in parts] == [2, 1, 0]
    assert len({part["weight"] for part in parts}) == 1  # of the model that was asked
    assert len({part["chance"] for part in parts}) == 3
    again = [questions.ask(run.info.id, "weights", {}, "me")]
    while part := questions.more(run.info.id, "me"):
        again.append(part)
    # the same question has the same answer
    assert [p["chance"] for p in again] == [p["chance"] for p in parts]
    assert again[0]["weight"] != parts[0]["weight"]
    assert not questions.streams


def test_a_new_question_ends_the_old_one_of_the_same_asker_only(run):
    questions = Questions(lambda run_id: run)
    questions.ask(run.info.id, "weights", {"n": 5}, "me")
    questions.ask(run.info.id, "weights", {"n": 9}, "you")
    assert questions.ask(run.info.id, "now", {}, "me") == {"round": 0, "all": True}
    with pytest.raises(Refused, match="ask again"):  # nor does it pass for the end of the answer
        questions.more(run.info.id, "me")
    assert questions.more(run.info.id, "you")["left"] == 7
    questions.enough(run.info.id, "you")
    assert not questions.streams


def test_a_refusal_leaves_nothing_behind_and_old_streams_are_let_go(run):
    questions = Questions(lambda run_id: run)
    with pytest.raises(Refused, match="negative"):
        questions.ask(run.info.id, "weights", {"n": -1}, "me")
    assert not questions.streams
    for who in range(STREAMS + 5):
        questions.ask(run.info.id, "weights", {}, str(who))
    assert len(questions.streams) == STREAMS
    assert questions.more(run.info.id, "30")
    with pytest.raises(Refused, match="lost"):
        questions.more(run.info.id, "0")
