"""A socket of the live route, with a supervisor that is slow, broken, or flooded with messages."""

import asyncio
import json
import logging
import shutil
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from engine.config import Refused
from lab import inbox, live
from lab.inbox import FAULT, MOST_WAITING, round_of
from lab.live import LIVE
from lab.runs import store
from lab.runs.placing import BUSY
from lab.visitor import COOKIE, mark

SETTING = {"family": "gan", "data": "ring", "seed": 1, "config": {}}


class Boss:
    """In place of the supervisor: an order `waits` until it is let go, `fails`, or is noted."""

    def __init__(self):
        self.orders, self.left, self.counted = [], [], []
        self.listened, self.begun, self.go, self.gone = (threading.Event() for _ in range(4))
        self.fails: BaseException | None = None
        self.waits = False

    def do(self, run_id, who, command, wait):
        self.begun.set()
        if self.waits:
            assert self.go.wait(60)
        self.orders.append(command["do"])
        if self.fails:
            raise self.fails

    def listen(self, run_id, hear, who="", sees=True):
        fails = self.fails  # read before the test, which waits for `listened`, sets another
        self.listened.set()
        if fails:
            (future := Future()).set_exception(fails)
            return future

    def enter(self, run_id, who):
        self.counted.append(who)

    def depart(self, run_id, who):
        self.counted.remove(who)

    def pause(self, who):
        return 0

    def rest(self):
        return 0

    def draw(self, run_id, who):
        self.orders.append("draw")

    def ask(self, run_id, name, arguments, asker, round, who):
        if self.fails:
            raise self.fails
        (future := Future()).set_result({"round": 1})
        return future

    def leave(self, run_id, hear, key, who=""):
        self.left.append(run_id)
        self.gone.set()


@pytest.fixture
def boss(monkeypatch):
    boss = Boss()
    monkeypatch.setattr(live, "supervisor", lambda: boss)
    yield boss
    boss.go.set()


@pytest.fixture
def socket(boss):
    run_id = store.create(SETTING).name
    with TestClient(Starlette(routes=[LIVE])).websocket_connect(f"/live/{run_id}") as ws:
        assert "hello" in ws.receive_json()
        assert boss.listened.wait(60)
        yield ws
    assert boss.gone.wait(60)  # it leaves in a thread, maybe after the client has gone
    assert boss.left == [run_id]


KEY = "k" * 32
SECRET = "/home/ann/secret.py: KeyError"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (Refused("That is not allowed."), "That is not allowed."),
        (TimeoutError(), BUSY),
        (OSError(28, SECRET), FAULT),
        (KeyError(SECRET), FAULT),
        (RecursionError(SECRET), FAULT),
        (RuntimeError(SECRET), FAULT),
        (MemoryError(), FAULT),
    ],
)
@pytest.mark.parametrize("message", [{"do": "play"}, {"ask": "look", "with": {}, "id": 3}], ids=["do", "ask"])
def test_whatever_an_order_or_a_question_raises_is_a_sentence_and_the_next_is_heard(
    socket, boss, error, says, message, caplog
):
    boss.fails = error
    caplog.set_level(logging.ERROR)
    socket.send_json(message)
    assert socket.receive_json()["error"] == says
    assert (SECRET in caplog.text) == (SECRET in str(error))  # who runs the server reads it there
    boss.fails = None
    socket.send_json({"do": "pause", "id": 5})
    assert socket.receive_json() == {"done": 5}
    socket.send_json({"ask": "look", "with": {}, "id": 4})
    assert b'"answer' in socket.receive_bytes()


def test_a_browser_that_goes_while_all_threads_wait_leaves_its_run_as_soon_as_one_is_free(monkeypatch, boss):
    run_id = store.create(SETTING).name
    with ThreadPoolExecutor(1) as only_one:
        for module in (live, inbox):
            monkeypatch.setattr(module, "THREADS", only_one)
        boss.waits = True
        with TestClient(Starlette(routes=[LIVE])).websocket_connect(f"/live/{run_id}") as ws:
            assert "hello" in ws.receive_json()
            ws.send_json({"do": "play"})
            assert boss.begun.wait(60)
        assert not boss.left
        boss.go.set()
    assert boss.left == [run_id]


def test_an_answer_that_no_browser_can_read_is_a_sentence(socket, boss, monkeypatch):
    monkeypatch.setattr(boss, "ask", lambda *given: done({"round": object()}))
    socket.send_json({"ask": "look", "with": {}, "id": 4})
    assert socket.receive_json() == {"error": "What look answers cannot be sent to a browser.", "answer": 4}


def done(value):
    (future := Future()).set_result(value)
    return future


def test_a_run_that_cannot_be_opened_says_so_without_a_librarys_words(boss):
    boss.fails = ValueError(SECRET)
    run_id = store.create(SETTING).name
    with TestClient(Starlette(routes=[LIVE])).websocket_connect(f"/live/{run_id}") as ws:
        assert "hello" in ws.receive_json()
        assert ws.receive_json() == {"error": FAULT}


def test_a_state_that_cannot_be_read_says_so_without_a_librarys_words(boss, monkeypatch):
    monkeypatch.setattr(store, "look", lambda at: 1 / 0)
    run_id = store.create(SETTING).name
    with TestClient(Starlette(routes=[LIVE])).websocket_connect(f"/live/{run_id}") as ws:
        assert ws.receive_json() == {"error": FAULT}
        assert ws.receive()["code"] == 4404


def test_while_an_order_takes_long_others_are_taken_and_a_flood_is_told_so(socket, boss):
    """Messages that nobody takes keep the server from hearing that the browser is still there."""
    boss.waits = True
    for _ in range(MOST_WAITING + 20):
        socket.send_json({"do": "play"})
    assert (
        "too much at once" in socket.receive_json()["error"]
    )  # said while the first order is still being done
    socket.send_json({"ask": "look", "with": {}, "id": 1})
    boss.go.set()
    socket.send_json({"do": "pause", "id": 9})
    while socket.receive().get("text") != json.dumps({"done": 9}):
        pass
    assert boss.orders[-1] == "pause"
    assert MOST_WAITING <= len(boss.orders) <= MOST_WAITING + 2


def test_a_browser_that_reads_nothing_fills_no_memory(boss):
    run_id = store.create(SETTING).name
    ws = type("Socket", (), {"cookies": {}, "query_params": {}, "client": None})()

    async def crowd():
        viewer = live.Viewer(ws, run_id)
        for _ in range(10 * MOST_WAITING):
            viewer._take("error", "x")
        assert len(viewer.texts) == MOST_WAITING
        viewer.rounds = [1]
        with pytest.raises(Refused, match="on their way"):
            viewer.handle('{"show": "keyframes"}')

    asyncio.run(crowd())


@pytest.mark.parametrize(
    "text", [None, "", "[]", "5", "[" * 3000, '{"do": "play"}' + " " * 5000, '{"do": "Play"}']
)
def test_what_is_no_order_is_refused(boss, text, monkeypatch):
    viewer = object.__new__(live.Viewer)
    with pytest.raises(Refused, match="did not understand"):
        viewer.handle(text)


@pytest.mark.parametrize(
    ("message", "order"),
    [
        *(({"do": kind}, {"do": kind}) for kind in ("play", "pause", "reset")),
        ({"do": "rewind", "round": 0}, {"do": "rewind", "round": 0}),
        ({"do": "rewind", "round": 32}, {"do": "rewind", "round": 32}),
        ({"do": "rewind"}, {"do": "rewind", "round": None}),
        ({"do": "step"}, {"do": "step", "player": None}),
        ({"do": "step", "player": "D", "slow": True}, {"do": "step", "player": "D", "slow": True}),
        ({"do": "step", "player": "D", "slow": 1}, {"do": "step", "player": "D"}),
        ({"do": "step", "player": 7, "slow": False}, {"do": "step", "player": "7"}),
        ({"do": "step", "player": "x" * 99}, {"do": "step", "player": "x" * 40}),
        ({"do": "play", "who": "you", "owner": "you", "wall": {}}, {"do": "play"}),
    ],
)
def test_an_order_is_passed_on_as_it_was_meant_and_waited_for(boss, monkeypatch, message, order):
    asked, (one,) = [], viewers("run", {COOKIE: KEY})
    monkeypatch.setattr(boss, "do", lambda *given, wait: asked.append((*given, wait)))
    one.hear = lambda *told: asked.append(told)
    one.handle(json.dumps(message | {"id": 3}))
    assert asked == [("run", mark({COOKIE: KEY}), order, True), ("done", 3)]


@pytest.mark.parametrize(("player", "passed"), [(None, None), ("D", "D"), ("x" * 99, "x" * 40)])
@pytest.mark.parametrize("round", [None, 32])
def test_a_copy_of_a_recording_makes_its_turn_for_one_browser_alone(boss, player, passed, round):
    asked, (one,) = [], viewers("run", {})
    boss.trace = lambda *given: asked.append(given) or b"a turn"
    one.hear = lambda *told: asked.append(told)
    one.handle(json.dumps({"trace": player, "round": round}))
    assert asked == [("run", passed, one.key, round, one.visitor), ("trace", b"a turn")]


@pytest.mark.parametrize("round", [None, 0, 32])
def test_a_fork_is_of_the_round_that_was_named_and_its_id_is_told(boss, round):
    asked, (one,) = [], viewers("run", {COOKIE: KEY})
    boss.fork = lambda *given: asked.append(given) or "copy"
    one.hear = lambda *told: asked.append(told)
    one.handle(json.dumps({"do": "fork", "round": round, "id": 4}))
    assert asked == [("run", mark({COOKIE: KEY}), round), ("forked", "copy"), ("done", 4)]


def test_the_newest_picture_greets_and_all_of_them_are_sent_in_order_to_who_asks(boss):
    at = store.create(SETTING)
    rounds = (0, 1, 10, 32)
    for round in rounds:
        store.keyframe(at, round).write_bytes(b"%d" % round)
    with TestClient(Starlette(routes=[LIVE])).websocket_connect(f"/live/{at.name}") as ws:
        assert ws.receive_json()["hello"]["keyframes"] == [0, 1, 10, 32]
        assert ws.receive_bytes() == b"32"
        ws.send_json({"show": "keyframes"})
        assert [ws.receive_bytes() for _ in rounds] == [b"%d" % round for round in rounds]


def test_the_browser_goes_away_and_its_key_and_its_ear_are_given_back(boss, monkeypatch):
    heard, left = [], []
    monkeypatch.setattr(boss, "listen", lambda *given, **how: heard.append(given))
    monkeypatch.setattr(boss, "leave", lambda *given: left.append(given) or boss.gone.set())
    run_id = store.create(SETTING).name
    with TestClient(Starlette(routes=[LIVE])).websocket_connect(f"/live/{run_id}") as ws:
        assert "hello" in ws.receive_json()
    assert boss.gone.wait(60)
    assert [(run_id, hear, who) for run_id, hear, _, who in left] == heard
    assert heard[0][0] == run_id
    assert left[0][2] == left[0][1].__self__.key


def viewers(run_id, *cookies):
    """The viewers that these browsers open."""

    async def opened():
        return [
            live.Viewer(SimpleNamespace(cookies=one, query_params={}, client=None), run_id) for one in cookies
        ]

    return asyncio.run(opened())


def test_what_is_heard_in_another_thread_is_taken_in_the_sockets_own():
    async def story():
        one = live.Viewer(SimpleNamespace(cookies={}, query_params={}, client=None), "run")
        taken = []
        one._take = lambda *what: taken.append((*what, threading.current_thread()))
        ear = threading.Thread(target=one.hear, args=("frame", b"x"))
        ear.start(), ear.join()
        assert taken == []
        await asyncio.sleep(0)
        assert taken == [("frame", b"x", threading.current_thread())]

    asyncio.run(story())


def test_each_page_of_a_visitor_has_questions_of_its_own():
    one, other = viewers("run", {COOKIE: KEY}, {COOKIE: KEY})
    assert one.who == other.who
    assert len({one.key, other.key, one.who}) == 3


def test_a_state_is_what_is_told_now_and_else_what_the_directory_says():
    at = store.create(SETTING | {"owner": mark({COOKIE: KEY}), "state": "paused", "why": "It rests."})
    (one,) = viewers(at.name, {COOKIE: KEY})
    for round in (0, 10):
        store.keyframe(at, round).write_bytes(b"x")
    same = {"run": at.name, "mine": True, "recording": False, "again": False}
    rests = {"state": "paused", "why": "It rests.", "keyframes": [0, 10], "round": 10}
    assert one.state() == rests | same
    now = {"state": "training", "why": "", "keyframes": [0], "round": 7}
    assert one.state(**now) == now | same
    assert one.changed(now) == now | same
    assert one.state(mine=False, again=True, run="x", recording=True) == rests | same
    shutil.rmtree(at)
    assert one.changed(now) == now | same  # the directory is read once for a message
    lost = one.changed({"round": 3})
    assert lost == {"state": "failed", "why": lost["why"], "keyframes": [], "round": 3} | same
    assert f"There is no run {at.name}" in lost["why"]


@pytest.mark.parametrize(
    ("owner", "cookie", "mine"), [(KEY, KEY, True), (KEY, "x" * 32, False), (KEY, "", False), ("", "", False)]
)
def test_a_run_is_its_owners_and_nobodys_where_there_is_none(owner, cookie, mine):
    at = store.create(SETTING | {"owner": owner and mark({COOKIE: owner})})
    (one,) = viewers(at.name, {COOKIE: cookie} if cookie else {})
    assert one.state()["mine"] is mine


@pytest.mark.parametrize(
    ("state", "diverged", "again"),
    [("failed", False, True), ("failed", True, False), ("paused", False, False), ("training", False, False)],
)
def test_a_run_may_go_on_after_trouble_but_not_after_it_has_diverged(state, diverged, again):
    at = store.create(SETTING | {"state": state, "diverged": diverged})
    (one,) = viewers(at.name, {})
    assert one.state()["again"] is again


@pytest.mark.parametrize("round", [-1, 1.5, True, "1", [], 2**53, 10**300])
def test_a_round_is_a_whole_number_that_a_browser_can_write(round):
    with pytest.raises(Refused, match="whole number"):
        round_of({"round": round})
    assert round_of({"round": 2**53 - 1}) == 2**53 - 1
    assert round_of({}) is round_of({"round": None}) is None
