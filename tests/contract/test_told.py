"""What a stage tells its page, perhaps more than once, is done once."""

import sys
from types import SimpleNamespace

import pytest

import lab.stage  # noqa: F401

module = sys.modules["lab.stage.stage"]  # the name means a function, too


class State(dict):
    """What a component's session state is: names as attributes, too."""

    __getattr__ = dict.get


@pytest.fixture
def state(monkeypatch):
    state = {"stage": State()}
    monkeypatch.setattr(module, "st", SimpleNamespace(session_state=state))
    return state


def test_what_is_told_again_is_done_once_and_the_stage_hears_of_it(state):
    done = []
    told = module._told("stage", {"run": "a"}, {"train": lambda: done.append("train")})
    assert told["data"] == {"run": "a", "heard": {}}
    for value in (5, 5, None, 6, 6):
        state["stage"]["train"] = value
        told["on_train_change"]()
    assert done == ["train", "train"]
    assert module._told("stage", {}, {"train": print})["data"]["heard"] == {"train": 6}
    assert module._told("other", {}, {"train": print})["data"]["heard"] == {}


def test_train_knows_the_press(state, monkeypatch):
    shown, presses = {}, []
    for name in ("_stage", "_pair"):
        monkeypatch.setattr(module, name, lambda key, **told: shown.update(told))
    for show in (module.stage, lambda run, **how: module.pair([run], titles=[""], verdicts=[[]], **how)):
        show("a", key="stage", on_train=presses.append)
        state["stage"]["train"] = len(presses) + 5
        shown["on_train_change"]()
    assert presses == [5, 6]


def test_what_was_cut_short_is_done_again(state):
    done = []

    def train():
        done.append("train")
        if len(done) == 1:
            raise InterruptedError

    told = module._told("stage", {}, {"train": train})
    state["stage"]["train"] = 5
    with pytest.raises(InterruptedError):
        told["on_train_change"]()
    told["on_train_change"]()
    told["on_train_change"]()
    assert done == ["train", "train"]
