"""Reels: a few small pictures of a run, for its card."""

import json

import numpy as np
import pytest
from safetensors.numpy import load
from starlette.applications import Starlette
from starlette.testclient import TestClient

from engine.config import Refused
from lab.kit.subject import recordings
from lab.reels import ROUTE
from lab.runs import store, wire
from lab.runs.reel import FRAMES, KINDS, PIXELS, WORDS, reel

SMALL = 90_000  # bytes of a reel as it is


def read(film: bytes):
    return load(film), json.loads(wire.header(film)["frame"])


@pytest.mark.parametrize("name", recordings())
def test_every_recording_has_a_small_reel_from_its_first_round_to_its_last(name):
    at = store.RECORDINGS / name
    film = reel(at)
    arrays, about = read(film)
    kept = store.keyframes(at)
    assert (about["rounds"][0], about["rounds"][-1]) == (kept[0], kept[-1])
    assert len(about["rounds"]) == (n := min(FRAMES, len(kept)))
    assert about["rounds"] == sorted(set(about["rounds"]))
    assert about["kind"] in KINDS
    assert all(f"{i}/{about['kind']}" in arrays for i in range(n)) or about["kind"] == "points/fake"
    assert len(film) < SMALL


def test_what_it_shows_is_what_the_run_kept():
    at = store.RECORDINGS / "gan-ring"
    arrays, about = read(reel(at))
    for i, round in enumerate(about["rounds"]):
        fakes = load(store.keyframe(at, round).read_bytes())["points/fake"].astype(np.float32)
        shown = arrays[f"{i}/points/fake"].astype(np.float32)
        assert all(np.abs(fakes - point).sum(1).min() < 0.01 for point in shown)


def test_a_wave_on_a_card_is_its_outline_and_of_names_there_are_a_few():
    at = store.RECORDINGS / "wavenet-voices"
    arrays, about = read(reel(at, 1))
    last = load(store.keyframe(at, about["rounds"][0]).read_bytes())["wave/samples"]
    chosen = last[np.linspace(0, len(last) - 1, 4).round().astype(int)]
    outline = arrays["0/wave/samples"]
    assert outline.shape == (4, 2 * PIXELS)
    parts = np.array_split(chosen, PIXELS, axis=1)
    assert np.array_equal(outline[:, ::2], np.stack([part.min(1) for part in parts], 1))
    assert np.array_equal(outline[:, 1::2], np.stack([part.max(1) for part in parts], 1))
    at = store.RECORDINGS / "letters-villages"
    names = bytes(read(reel(at, 1))[0]["0/words/samples"]).decode().split("\n")
    whole = bytes(load(store.keyframe(at, store.keyframes(at)[-1]).read_bytes())["words/samples"]).decode()
    assert names == whole.split("\n")[:WORDS]


def test_one_picture_is_the_last():
    at = store.RECORDINGS / "gan-ring"
    assert read(reel(at, 1))[1]["rounds"] == store.keyframes(at)[-1:]


def test_a_new_picture_makes_a_new_reel(tmp_path, monkeypatch):
    monkeypatch.setenv("GENLAB_HOME", str(tmp_path))
    at = store.create({"family": "gan", "data": "ring", "seed": 0, "config": {}})
    with pytest.raises(Refused, match="no picture yet"):
        reel(at)
    store.write(store.keyframe(at, 5), store.keyframe(store.RECORDINGS / "gan-ring", 0).read_bytes())
    assert read(reel(at))[1]["rounds"] == [5]
    store.write(store.keyframe(at, 9), store.keyframe(store.RECORDINGS / "gan-ring", 0).read_bytes())
    assert read(reel(at))[1]["rounds"] == [5, 9]


def test_the_route_gives_a_reel_and_nothing_for_what_is_no_run(tmp_path, monkeypatch):
    monkeypatch.setenv("GENLAB_HOME", str(tmp_path))
    browser = TestClient(Starlette(routes=[ROUTE]))
    answer = browser.get("/reel/gan-ring")
    assert answer.content == reel(store.RECORDINGS / "gan-ring")
    assert browser.get("/reel/gan-ring?most=1").content == reel(store.RECORDINGS / "gan-ring", 1)
    for odd in ("nothing-here", "..%2Fgan-ring", "x" * 300):
        assert browser.get(f"/reel/{odd}").status_code in (204, 404)
    at = store.create({"family": "gan", "data": "ring", "seed": 0, "config": {}})
    store.write(store.keyframe(at, 5), b"torn")
    assert browser.get(f"/reel/{at.name}").status_code == 204
