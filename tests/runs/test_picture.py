"""The picture of a model: its parts, and what becomes of one that cannot be drawn; and the formats."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.numpy import load as load_arrays
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from engine.config import Refused
from lab.runs import picture, wire
from lab.runs.board import Board

DATA = SimpleNamespace(box=[0, 1])
PARTS = ["more", "draw", "rarely", "once"]


@pytest.fixture
def scenes(monkeypatch):
    """Scenes that note what they are given, and fail where the test says so."""
    told = SimpleNamespace(given={}, failing=())

    def part(name):
        def draw(*given):
            told.given[name] = given
            if name in told.failing:
                raise Refused(f"{name} cannot be drawn.")
            return {name: np.ones(1), "last": np.asarray([PARTS.index(name)])}

        return draw

    parts = {name: part(name) for name in PARTS}
    monkeypatch.setattr(picture, "scenes", SimpleNamespace(**parts, measures=lambda history: {"of": history}))
    return told


def drawn(**how):
    frame = picture.of("model", DATA, [{"round": 1}], {"round": 1}, **how)
    return load_arrays(frame), json.loads(wire.header(frame)["frame"])


@pytest.mark.parametrize(
    ("how", "parts"),
    [
        ({}, PARTS),
        ({"rare": False}, ["more", "draw"]),
        ({"rare": False, "once": True}, ["more", "draw", "once"]),
        ({"once": False}, ["more", "draw", "rarely"]),
        ({"rare": False, "once": False, "full": False}, ["more", "draw"]),
        ({"full": False}, PARTS),
    ],
)
def test_a_picture_has_the_parts_that_are_asked_for_and_measures_where_it_is_full(scenes, how, parts):
    arrays, about = drawn(pointer={"axes": {}}, **how)
    assert list(scenes.given) == parts
    assert set(arrays) == {*parts, "last"}
    full = how.get("full", True)
    wanted = {"round": 1, "box": [0, 1]} | ({"measures": {"of": [{"round": 1}]}} if full else {})
    assert about == wanted
    given = {
        "more": ([{"round": 1}], full),
        "draw": (full, {"axes": {}}),
        "rarely": ({"axes": {}},),
        "once": (),
    }
    assert scenes.given == {name: ("model", DATA, *given[name]) for name in parts}


def test_what_was_drawn_before_is_added(scenes):
    arrays, _ = drawn(rare=False, ready={"images": np.zeros(2), "last": np.asarray([7])})
    assert arrays["images"].tolist() == [0, 0]
    assert arrays["last"].tolist() == [7]


@pytest.mark.parametrize("failing", [("more",), ("draw",), ("rarely",), ("once",), ("more", "once")])
def test_a_part_that_cannot_be_drawn_is_left_out_and_said(scenes, failing):
    scenes.failing = failing
    arrays, about = drawn()
    assert set(arrays) == {"last", *PARTS} - set(failing)
    assert about["trouble"] == [f"{name} cannot be drawn." for name in failing]


# --- formats -------------------------------------------------------------------------------------


def test_an_answer_has_its_number_its_arrays_and_beside_them_all_else():
    answer = {"x": np.arange(3.0).astype(np.float32)[::-1], "y": np.zeros((2, 0)), "text": "yes", "n": [1, 2]}
    packed = wire.pack_answer(answer, 7)
    assert json.loads(wire.header(packed)["frame"]) == {"text": "yes", "n": [1, 2], "answer": 7}
    arrays = load_arrays(packed)
    assert arrays.keys() == {"x", "y"}
    assert arrays["x"].tolist() == [2, 1, 0]


def test_a_state_comes_back_and_says_what_it_is_without_being_read(tmp_path):
    tensors = {"a": torch.randn(3, 4).T, "b": torch.tensor(5), "c": nn_weight()}
    packed = wire.pack_state(tensors, {"round": 3, "text": "é" * 300})
    back, about = wire.unpack_state(packed)
    assert all(back[name].equal(tensor) for name, tensor in tensors.items())
    (tmp_path / "x").write_bytes(packed[:-1])  # only its head counts
    assert wire.read_about(tmp_path / "x") == about == {"round": 3, "text": "é" * 300}


def nn_weight():
    return torch.nn.Linear(2, 2).weight  # of a model that trains


# --- TensorBoard ---------------------------------------------------------------------------------


def test_tensorboard_hears_each_number_of_each_round_and_what_comes_again_replaces_what_was(tmp_path):
    first = Board(tmp_path, 1)
    for round in range(1, 8):
        first.row({"round": round, "loss": float(round), "shares": [0.5, 0.5]})
    again = Board(tmp_path, 5)
    again.row({"round": 5, "loss": 50.0, "JS": 0.25})
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert sorted(events.Tags()["scalars"]) == ["JS", "loss"]
    told = {e.step: e.value for e in events.Scalars("loss")}
    assert told == {1: 1, 2: 2, 3: 3, 4: 4, 5: 50}
    assert [(e.step, e.value) for e in events.Scalars("JS")] == [(5, 0.25)]
    assert all(e.wall_time > 1.7e9 for e in events.Scalars("loss"))
    (beginning, *_) = EventFileLoader(str(first.path)).Load()
    assert beginning.file_version == "brain.Event:2"
