"""What takes long to draw: sent when it is needed, seldom while a run trains, and never lost on the way."""

import asyncio
import io
import json
import pickle
from concurrent.futures import Future
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.numpy import load as load_arrays

from lab import live, scenes
from lab.runs import jobs, scheduler, store
from lab.runs.pipe import Channel
from lab.runs.run import Run
from lab.runs.scheduler import Job
from lab.runs.seat import Seat
from lab.runs.supervisor import Supervisor
from lab.runs.worker import Worker

CODER = {"family": "vae", "data": "digits", "seed": 0, "config": {"width": 8, "batch": 16, "z": 3}}
MAF = CODER | {"family": "maf", "config": {"width": 8, "depth": 1, "layers": 1, "batch": 16}}
GAN = {"family": "gan", "data": "ring", "seed": 0, "config": {"width_G": 8, "width_D": 8, "batch": 16}}


class Hosted:
    """A worker without its process, with one run."""

    def __init__(self, setting=CODER):
        self.sink = io.BytesIO()
        self.worker = Worker(Channel(io.BytesIO(), self.sink))
        self.run = Run(store.create(setting))
        self.id = self.run.info.id
        self.seat = self.worker.seats[self.id] = Seat(self.run)

    def slice(self):
        """Train a little, then draw."""
        for kind in ("train", "frame"):
            if self.run.info.state == "training":
                self.worker.work(Job(self.seat, kind, 0.001))

    def draw_on(self):
        self.worker.work(Job(self.seat, "draw"))

    def told(self):
        """Kinds of the pictures sent since the last call, each with its arrays."""
        self.sink.seek(0)
        pictures = []
        while message := self._next():
            if message[0] in ("frame", "rare", "whole"):
                pictures.append((message[0], load_arrays(message[2])))
        self.sink.seek(0)
        self.sink.truncate()
        return pictures

    def _next(self):
        try:
            return pickle.load(self.sink)
        except EOFError:
            return None

    def come(self):
        """Somebody comes, and gets a picture when it is the run's turn."""
        self.worker.on_watch(self.id, 1)
        job = self.worker.scheduler.next(self.worker.survey())
        assert (job.share, job.kind) == (self.worker.seats[self.id], "show")
        self.worker.work(job)

    def point(self, kind, x=0.0, y=0.0):
        self.worker.on_pointer(self.id, {"kind": kind, "x": x, "y": y})

    def rest(self):
        """The pictures with what takes long, which come next."""
        self.told()
        while self.seat.drawing:
            self.worker._draw_on(self.seat)
        return self.told()


def test_who_comes_gets_all_and_who_stays_gets_no_picture_twice():
    at = Hosted()
    at.come()
    ((kind, arrays),) = at.told()
    assert kind == "whole"
    assert {"atlas/decoder", "atlas/tests", "box/plane", "codes/label"} <= set(arrays)
    at.worker.on_do(at.id, {"do": "step", "player": None})
    ((kind, arrays),) = at.rest()
    assert kind == "rare"
    assert "atlas/decoder" in arrays
    assert "atlas/tests" not in arrays


def test_while_it_trains_it_is_drawn_seldom_and_when_it_rests_at_once(monkeypatch):
    monkeypatch.setattr(scheduler, "RARE_EVERY", 1000.0)
    at = Hosted()
    at.come()
    at.worker.on_do(at.id, {"do": "play"})
    at.told()
    for _ in range(20):
        at.slice()
    seen = at.told()
    assert len(seen) == 20
    assert {kind for kind, _ in seen} == {"frame"}
    assert not [name for _, arrays in seen for name in arrays if name.startswith("atlas/")]
    at.seat.rare_due = 0.0
    at.slice()
    assert next(kind for kind, _ in at.told()) == "rare"
    at.run.info = store.change_info(at.run.at, rounds=at.run.round + 1)
    at.slice()
    assert at.run.info.state == "ended"
    assert [kind for kind, _ in at.told()] == ["rare"]


def test_what_takes_long_costs_other_pictures_nothing():
    at = Hosted()
    at.come()
    assert at.seat.cost == 0
    assert at.seat.rare_due > 0


def test_nobody_watching_nothing_is_drawn(monkeypatch):
    at = Hosted()
    at.worker.on_do(at.id, {"do": "play"})
    monkeypatch.setattr(Run, "frame", lambda *_, **__: pytest.fail("a picture for nobody"))
    monkeypatch.setattr(at.run, "_keyframe_rounds", set())
    for _ in range(3):
        job = at.worker.scheduler.next(at.worker.survey())
        assert job.kind == "train"
        at.worker.work(job)
    at.point("axes", 1.0, 2.0)
    assert at.told() == []


def test_what_a_page_looks_at_is_known_by_kind_and_drawn_when_it_changes():
    at = Hosted()
    at.come()
    at.told()
    at.point("axes", 1.0, 2.0)
    at.point("label", 3.0)
    at.point("label", 3.0)
    assert at.worker.pointers[at.id] == {"axes": {"x": 1.0, "y": 2.0}, "label": {"x": 3.0, "y": 0.0}}
    seen = at.told()
    assert [kind for kind, _ in seen] == ["rare", "rare"], "the same once more changes nothing"
    ((kind, arrays),) = at.rest()
    assert kind == "rare"
    assert arrays["axes/plane"].tolist() == [1, 2, 3]


def test_the_axes_outlive_the_seat():
    at = Hosted()
    at.point("axes", 1.0, 2.0)
    at.worker._tidy()
    assert at.id not in at.worker.seats
    at.come()
    assert at.told()[0][1]["axes/plane"].tolist() == [1, 2, 3]
    at.worker.on_close(at.id)
    assert at.worker.pointers == {}


def test_a_scene_without_a_costly_part_sends_frames_as_ever():
    at = Hosted(GAN)
    at.come()
    at.worker.on_do(at.id, {"do": "step", "player": None})
    assert [kind for kind, _ in at.told()] == ["frame", "frame"]


def test_what_takes_very_long_is_drawn_in_slices_between_which_training_goes_on_undisturbed(monkeypatch):
    monkeypatch.setattr(jobs, "SLICE", 0.001)
    at, alone = Hosted(MAF), Hosted(MAF)
    at.come()
    ((kind, arrays),) = at.told()
    assert (kind, "images/samples" in arrays) == ("whole", False)
    now = scenes.rarely(at.run.model, at.run.data)["images/samples"]
    slices = 0
    while at.seat.drawing:
        at.run.train(rounds=1)
        alone.run.train(rounds=1)
        at.draw_on()
        slices += 1
    assert slices > 3
    ((kind, arrays),) = at.told()
    assert kind == "rare"
    assert np.array_equal(arrays["images/samples"], now), "the picture of one model, though it trained on"
    for mine, other in zip(at.run.model.parameters(), alone.run.model.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_what_is_under_way_is_dropped_when_nobody_looks():
    at = Hosted(MAF)
    at.come()
    at.told()
    at.worker.on_watch(at.id, 0)
    at.draw_on()
    assert at.seat.drawing is None
    assert at.told() == []


def viewer():
    bare = object.__new__(live.Viewer)
    bare.quiet = bare.hidden = bare.behind = False
    bare.rounds, bare.over, bare.looks = [], SimpleNamespace(done=lambda: True), []
    bare._look = lambda: bare.looks.append(bare.behind)
    bare.texts, bare.rare, bare.frame, bare.news = [], None, None, asyncio.Event()
    return bare


def sent(viewer):
    """What goes out of a viewer at once, in its order."""
    out = []

    class Socket:
        async def send(self, message):
            out.append(message["bytes"] if "bytes" in message else json.loads(message["text"]))

    async def once():
        viewer.ws = Socket()
        task = asyncio.create_task(viewer.send())
        await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(once())
    return out


def test_a_socket_that_takes_no_picture_is_drawn_none_until_it_has_caught_up():
    one = viewer()
    one._take("frame", b"1")
    assert one.looks == []
    for picture in (b"2", b"3"):
        one._take("frame", picture)
    assert one.looks == [True], "said once"
    assert sent(one) == [b"3"]
    assert one.looks == [True, False]


def test_a_newer_frame_does_not_displace_what_took_long():
    one = viewer()
    for kind, what in [("whole", b"w"), ("frame", b"1"), ("rare", b"r1"), ("frame", b"2"), ("rare", b"r2"),
                       ("frame", b"3"), ("frame", b"4"), ("state", {"round": 1})]:  # fmt: skip
        one._take(kind, what)
    assert sent(one) == [b"w", {"state": {"round": 1}}, b"r2", b"4"]
    one._take("frame", b"5")
    one._take("whole", b"w2")
    assert sent(one) == [b"w2"], "a frame older than a whole picture would undo it"


@pytest.mark.parametrize("newer", ["rare", "whole", "trace"])
def test_a_frame_that_waits_is_not_sent_after_what_is_newer_and_has_all_of_it(newer):
    one = viewer()
    for kind in ("rare", "frame", newer):
        one._take(kind, kind.encode())
    assert sent(one) == [newer.encode()]


def test_a_quiet_viewer_is_sent_all_but_pictures():
    loud, quiet = viewer(), viewer()
    quiet.quiet = True
    for one in (loud, quiet):
        for kind in ("hello", "state", "error", "done", "forked"):
            one._take(kind, kind)
        for kind in ("keyframe", "whole", "trace", "rare", "frame"):
            one._take(kind, kind.encode())
    words = [{kind: kind} for kind in ("hello", "state", "error", "done", "forked")]
    assert sent(quiet) == words
    assert sent(loud) == [*words, b"keyframe", b"whole", b"trace", b"rare", b"frame"]


def test_a_page_may_point_before_anyone_watches(monkeypatch):
    asked = []
    monkeypatch.setattr(Supervisor, "__init__", lambda self: None)
    monkeypatch.setattr(Supervisor, "place", lambda self, run: self)
    monkeypatch.setattr(Supervisor, "ask", lambda self, *what: asked.append(what), raising=False)
    monkeypatch.setattr(Supervisor, "_one_at_a_time", lambda self, key, ask: ask())
    at = store.create(CODER | {"owner": "me"})
    Supervisor().point(at.name, {"kind": "axes", "x": 1.0, "y": 2.0}, "me")
    assert [what[:2] for what in asked] == [("pointer", at.name)]


def test_what_one_visitor_looks_at_in_a_recording_is_drawn_for_them_alone_and_again_for_who_comes_later(
    monkeypatch,
):
    """The picture of a recording is everybody's."""
    lab, drawn = Supervisor(), []

    def ask(run_id, *question):
        drawn.append(question)
        future = Future()
        future.set_result(b"picture %d" % len(drawn))
        return future

    heard = {name: [] for name in ("ann", "bob", "ann later")}
    monkeypatch.setattr(
        lab, "place", lambda run: SimpleNamespace(ask=lambda kind, run, *what: ask(run, *what))
    )
    try:
        for name, who in (("ann", "a"), ("bob", "b")):
            lab.listen("cvae-digits", lambda kind, what, name=name: heard[name].append((kind, what)), who)
        lab.point("cvae-digits", {"kind": "label", "x": 3.0, "y": 0.0}, "a", 100)
        lab.point("cvae-digits", {"kind": "axes", "x": 1.0, "y": 2.0}, "a", 100)
        both = {"label": {"x": 3.0, "y": 0.0}, "axes": {"x": 1.0, "y": 2.0}}
        assert drawn == [("draw", {"label": both["label"]}, 100), ("draw", both, 100)]
        assert heard == {
            "ann": [("keyframe", b"picture 1"), ("keyframe", b"picture 2")],
            "bob": [],
            "ann later": [],
        }
        lab.draw("cvae-digits", "b")
        assert len(drawn) == 2, "Bob sees what all see"
        lab.listen("cvae-digits", lambda kind, what: heard["ann later"].append((kind, what)), "a")
        lab.draw("cvae-digits", "a")
        assert heard["ann later"] == [("keyframe", b"picture 3")]
    finally:
        lab.close()
