"""A browser asks a run's model over the live socket: answers, refusals, and only the newest question."""

import asyncio
import json
from concurrent.futures import Future
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import load as load_arrays
from websockets.sync.client import connect

from engine.config import Refused
from lab import live, probes
from lab.runs import store, wire
from lab.runs.run import Run
from tests.runs.test_live import mark, new_run, send, text, watching

VAE = {"family": "vae", "data": "digits", "config": {"width": 16, "batch": 16}}


def answer(ws, number: int) -> tuple[dict, dict[str, np.ndarray]]:
    """What the next answer says of itself, and its arrays; pictures of the run pass by."""
    while True:
        message = ws.recv(timeout=120)
        if isinstance(message, bytes):
            about = json.loads(wire.header(message)["frame"])
            if about.get("answer") == number:
                return about, load_arrays(message)


def refusal(ws, number: int) -> str:
    while True:
        message = ws.recv(timeout=120)
        if isinstance(message, str) and json.loads(message).get("answer") == number:
            return json.loads(message)["error"]


def ask(ws, number: int, name: str = "look", **given) -> None:
    send(ws, ask=name, id=number, **{"with": given})


@pytest.mark.exhaustive
def test_anybody_may_ask_any_run_and_the_answer_is_the_models(lab, monkeypatch):
    run_id = new_run(lab, monkeypatch, mark(lab.cookie()), **VAE)
    with watching(lab, run_id, lab.cookie()) as ws:
        text(ws, "hello", mine=False)
        ask(ws, 41, test=3, seed=9)
        about, arrays = answer(ws, 41)
    run = Run(store.folder(run_id))
    wanted = probes.ask(run.model, run.data, "look", {"test": 3, "seed": 9})
    assert about["round"] == 0
    assert about["numbers"] == wanted["numbers"]
    assert set(arrays) == set(wanted) - {"numbers"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, wanted[name])


def test_a_quiet_viewer_hears_states_and_answers_and_no_picture(lab, monkeypatch):
    cookie = lab.cookie()
    run_id = new_run(lab, monkeypatch, mark(cookie), **VAE)
    origin = {"Origin": lab.url, "Cookie": cookie}
    with connect(f"{lab.url.replace('http', 'ws')}/live/{run_id}?quiet", additional_headers=origin) as ws:
        text(ws, "hello", mine=True)
        send(ws, do="play")
        text(ws, "state", state="training")
        for number in range(1, 3000):
            ask(ws, number, test=number)
            while isinstance(message := ws.recv(timeout=120), str):
                assert "state" in json.loads(message)
            assert json.loads(wire.header(message)["frame"])["answer"] == number
            if number > 30 and about_round(run_id) > 0:  # others may come before what nobody sees
                break
        send(ws, do="pause")
        text(ws, "state", state="paused")
    assert about_round(run_id) > 0


def about_round(run_id: str) -> int:
    return max(store.keyframes(store.folder(run_id)))


def test_a_refused_question_has_its_number_and_the_next_is_answered(lab, monkeypatch):
    run_id = new_run(lab, monkeypatch, "x", **VAE)
    with watching(lab, run_id) as ws:
        ask(ws, 1, "sing")
        assert "cannot be asked 'sing'" in refusal(ws, 1)
        ask(ws, 2, test=1000)
        assert "whole number from 0 to 999" in refusal(ws, 2)
        send(ws, ask="look", id=3, **{"with": {"run_id": "x", "name": "y", "data": 1, "model": 1}})
        assert "asked wrongly" in refusal(ws, 3)
        ask(ws, 4, test=0)
        assert answer(ws, 4)


def test_a_recording_is_asked_at_the_round_that_is_looked_at(lab):
    first, *_, last = store.keyframes(store.RECORDINGS / "gan-ring")
    with watching(lab, "gan-ring") as ws:
        for number, round in enumerate((None, last, last - 1, first), 1):
            send(ws, ask="present", id=number, **{"with": {}, "round": round})
            then = answer(ws, number)[0]["round"]
            assert then == last if number < 3 else first <= then < last
        send(ws, ask="present", id=9, **{"with": {}, "round": -1})
        assert "A round is a whole number" in text(ws, "error")


def test_an_answer_that_no_browser_could_read_is_a_sentence(lab, monkeypatch):
    """D's singular values are a list of arrays."""
    config = {"width_G": 16, "width_D": 16, "batch": 16}
    run_id = new_run(lab, monkeypatch, "x", family="gan", data="ring", config=config)
    with watching(lab, run_id) as ws:
        ask(ws, 1, "spectrum")
        assert "cannot be sent" in refusal(ws, 1)


@pytest.mark.parametrize(
    "message",
    [
        {"ask": "look", "id": 1},
        {"ask": "look", "with": {"test": 1}},
        {"ask": "look", "with": [1], "id": 1},
        {"ask": ["look"], "with": {}, "id": 1},
        {"ask": "look", "with": {}, "id": 1.5},
        {"ask": "look", "with": {}, "id": "1"},
        {"ask": "look", "with": {}, "id": 2**60},
        {"ask": "look", "with": {"picture": "A" * 5000}, "id": 1},
    ],
)
def test_a_question_out_of_form_is_not_understood_and_the_socket_lives_on(lab, monkeypatch, message):
    run_id = new_run(lab, monkeypatch, "x", **VAE)
    with watching(lab, run_id) as ws:
        send(ws, **message)
        while "error" not in (reply := json.loads(next(m for m in ws if isinstance(m, str)))):
            pass
        assert "did not understand" in reply["error"]
        ask(ws, 7, test=0)
        assert answer(ws, 7)


# --- one question at a time ------------------------------------------------------------------


class Slow:
    """A supervisor whose answers come when the test says so."""

    def __init__(self) -> None:
        self.asked: list[int | str] = []
        self.futures: list[Future] = []

    def pause(self, who) -> float:
        return 0.0

    def ask(self, run_id, name, arguments, asker, round, who) -> Future:
        assert round is None
        return self._told(arguments["n"])

    def more(self, run_id, asker) -> Future:
        return self._told("more")

    def _told(self, what) -> Future:
        self.asked.append(what)
        self.futures.append(Future())
        return self.futures[-1]


def viewer_of(monkeypatch) -> tuple[Slow, live.Viewer]:
    slow = Slow()
    monkeypatch.setattr(live, "supervisor", lambda: slow)
    return slow, live.Viewer(SimpleNamespace(cookies={}, query_params={}, client=None), "run")


async def until(true) -> None:
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came")


def question(n: int) -> str:
    return json.dumps({"ask": "look", "with": {"n": n}, "id": n})


def test_of_the_questions_that_come_while_one_is_under_way_only_the_newest_is_asked(monkeypatch):
    async def story() -> None:
        slow, viewer = viewer_of(monkeypatch)
        task = asyncio.create_task(viewer.answer())
        viewer.handle(question(1))
        await until(lambda: slow.asked)
        for n in (2, 3, 4):
            viewer.handle(question(n))
        await asyncio.sleep(0.05)
        assert slow.asked == [1]
        slow.futures[0].set_result({"x": np.zeros(3, np.float32), "word": "yes"})
        await until(lambda: len(slow.asked) == 2)
        assert slow.asked == [1, 4]
        slow.futures[1].set_exception(Refused("No."))
        await until(lambda: len(viewer.texts) == 2)
        first, second = viewer.texts
        assert json.loads(wire.header(first)["frame"]) == {"word": "yes", "answer": 1}
        assert json.loads(second) == {"error": "No.", "answer": 4}
        task.cancel()

    asyncio.run(story())


def test_a_viewer_who_leaves_does_not_take_the_answer_out_of_the_supervisors_hands(monkeypatch):
    async def story() -> None:
        slow, viewer = viewer_of(monkeypatch)
        task = asyncio.create_task(viewer.answer())
        viewer.handle(question(1))
        await until(lambda: slow.asked)
        await until(lambda: slow.futures[0]._done_callbacks)  # it is waited for
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0)
        slow.futures[0].set_result({})  # raises if it had been cancelled with the task

    asyncio.run(story())


def test_a_model_that_does_not_answer_in_time_is_called_busy(monkeypatch):
    async def story() -> None:
        monkeypatch.setattr(live, "ANSWER_SECONDS", 0.02)
        _, viewer = viewer_of(monkeypatch)
        task = asyncio.create_task(viewer.answer())
        viewer.handle(question(1))
        await until(lambda: viewer.texts)
        assert "busy" in json.loads(viewer.texts[0])["error"]
        task.cancel()

    asyncio.run(story())


def test_parts_are_sent_as_they_come_and_the_end_is_said(monkeypatch):
    async def story() -> None:
        slow, viewer = viewer_of(monkeypatch)
        task = asyncio.create_task(viewer.answer())
        viewer.handle(question(1))
        for part in range(3):
            await until(lambda: len(slow.asked) == part + 1)  # noqa: B023 - it is over before the next
            assert len(viewer.texts) == part
            slow.futures[part].set_result({"part": part})
        await until(lambda: len(slow.asked) == 4)
        slow.futures[3].set_result(None)
        await until(lambda: len(viewer.texts) == 4)
        *parts, end = viewer.texts
        headers = [json.loads(wire.header(part)["frame"]) for part in parts]
        assert headers == [{"part": part, "answer": 1} for part in range(3)]
        assert json.loads(end) == {"answer": 1, "end": True}
        assert slow.asked == [1, "more", "more", "more"]
        assert viewer.question is None
        task.cancel()

    asyncio.run(story())


def test_a_newer_question_ends_an_answer_in_parts(monkeypatch):
    async def story() -> None:
        slow, viewer = viewer_of(monkeypatch)
        task = asyncio.create_task(viewer.answer())
        viewer.handle(question(1))
        await until(lambda: slow.asked)
        viewer.handle(question(2))
        slow.futures[0].set_result({"part": 0})
        await until(lambda: len(slow.asked) == 2)
        assert slow.asked == [1, 2]
        task.cancel()

    asyncio.run(story())
