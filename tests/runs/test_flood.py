"""A socket of the live route that sends without end, or reads nothing: it is let go, others never notice."""

import asyncio
import json
import socket as sockets
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from engine.config import Refused
from lab import live, server
from lab.inbox import MOST_WAITING, TOO_MUCH, Inbox
from lab.live import LIVE
from lab.runs import limits, store
from lab.visitor import COOKIE, mark
from tests.runs.test_sockets import SETTING, boss

__all__ = ["boss"]  # a fixture


class Browser:
    """A socket from which these texts come, and which takes what is sent until it is `full`."""

    def __init__(self, *texts, full: bool = False, cookies: dict | None = None):
        self.texts, self.sent, self.full = list(texts), [], full
        self.cookies, self.query_params, self.client = cookies or {}, {}, SimpleNamespace(host="here")
        self.reads = asyncio.Event()

    async def receive(self):
        if not self.texts:
            return {"type": "websocket.disconnect"}
        text = self.texts.pop(0)
        return {"type": "websocket.receive", "bytes" if isinstance(text, bytes) else "text": text}

    async def send(self, message):
        if self.full:
            await self.reads.wait()
        self.sent.append(message.get("bytes") or message.get("text"))


@pytest.fixture
def still(monkeypatch):
    """Time stands still: nothing that is used up comes back."""
    monkeypatch.setattr(limits.time, "monotonic", lambda: 0.0)


def filled(*texts) -> tuple[bool, list[str], Inbox]:
    said: list[str] = []

    async def story():
        inbox = Inbox("me", said.append)
        return await inbox.fill(Browser(*texts)), inbox

    flooded, inbox = asyncio.run(story())
    return flooded, said, inbox


def test_what_a_hand_sends_is_taken_and_what_is_too_much_is_told(still):
    flooded, said, inbox = filled(*["x"] * (MOST_WAITING + 3))
    assert (flooded, said, inbox.orders.qsize()) == (False, [TOO_MUCH] * 3, MOST_WAITING)


@pytest.mark.parametrize("what", ["x", b"x"])
def test_a_flood_is_told_first_and_then_let_go_before_it_is_read_to_its_end(still, what):
    total = int(limits.MESSAGES_AT_ONCE + limits.MISSED)
    assert filled(*[what] * total)[0] is False
    flooded, said, _ = filled(*[what] * 10_000)
    assert flooded
    assert len(said) == total - MOST_WAITING


def test_letters_count_as_well_as_messages(still):
    long = "x" * 100_000
    flooded, said, inbox = filled(*[long] * 20)
    assert (flooded, inbox.orders.qsize()) == (False, 12)
    assert said == [TOO_MUCH] * 8


def test_orders_of_one_visitor_wait_for_one_another_and_hold_up_nobody_else(monkeypatch):
    monkeypatch.setattr(limits, "ORDERS_AT_ONCE", 2)

    async def story():
        go, begun = asyncio.Event(), []

        async def do(text):
            begun.append(text)
            await go.wait()

        inboxes = [Inbox(who, print) for who in ("me", "me", "me", "you")]
        for n, inbox in enumerate(inboxes):
            inbox.orders.put_nowait(str(n))
        tasks = [asyncio.create_task(inbox.empty(do)) for inbox in inboxes]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert begun == ["0", "1", "3"]
        go.set()
        while len(begun) < 4:
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()

    asyncio.run(story())


def viewer_of(browser: Browser, run_id: str = "run") -> live.Viewer:
    return live.Viewer(browser, run_id)


def test_who_reads_nothing_for_long_is_let_go(boss, monkeypatch):
    monkeypatch.setattr(limits, "SLOWEST", 0.01)

    async def story():
        viewer = viewer_of(Browser(full=True))
        viewer._take("frame", b"x")
        await viewer.send()  # which ends
        assert viewer.over.result() == live.SLOW
        assert 1000 <= live.SLOW[0] < 4000  # the page comes back

    asyncio.run(story())


@pytest.mark.parametrize(("size", "count"), [(1, limits.WAITING_TEXTS), (1_000_000, 8)])
def test_what_waits_for_one_who_reads_slowly_is_bounded_in_number_and_in_bytes(boss, size, count):
    async def story():
        viewer = viewer_of(Browser(full=True))
        for _ in range(count):
            viewer._take("keyframe", bytes(size))
        assert not viewer.over.done()
        viewer._take("keyframe", bytes(size))
        assert viewer.over.result() == live.SLOW
        assert viewer.texts == []
        viewer.let_go(live.FLOOD)  # once is enough
        assert viewer.over.result() == live.SLOW

    asyncio.run(story())


def test_keyframes_are_read_one_at_a_time_as_they_are_taken_and_its_own_is_drawn_after_them(boss):
    at = store.create(SETTING)
    for round in (0, 1, 10, 32):
        store.keyframe(at, round).write_bytes(b"%d" % round)

    async def story():
        browser = Browser(full=True)
        viewer = viewer_of(browser, at.name)
        read = []
        kept = viewer._kept
        viewer._kept = lambda: read.append(list(viewer.rounds)) or kept()
        viewer.handle('{"show": "keyframes"}')
        task = asyncio.create_task(viewer.send())
        while not read:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert read == [[0, 1, 10, 32]]
        assert (viewer.texts, boss.orders) == ([], [])
        with pytest.raises(Refused, match="on their way"):
            viewer.handle('{"show": "keyframes"}')
        store.keyframe(at, 1).unlink()  # thinned out meanwhile
        browser.full = False
        browser.reads.set()
        while len(browser.sent) < 3:
            await asyncio.sleep(0.01)
        task.cancel()
        assert browser.sent == [b"0", b"10", b"32"]
        assert boss.orders == ["draw"]

    asyncio.run(story())


def test_a_quiet_one_is_sent_no_keyframes_though_it_asks(boss):
    async def story():
        viewer = viewer_of(Browser(), store.create(SETTING).name)
        store.keyframe(store.folder(viewer.run_id), 0).write_bytes(b"0")
        viewer.quiet = True
        viewer.handle('{"show": "keyframes"}')
        assert viewer.rounds == []

    asyncio.run(story())


def test_after_a_picture_a_socket_rests_as_long_as_the_crowd_asks_for(boss, monkeypatch):
    rests = []
    monkeypatch.setattr(boss, "rest", lambda: rests.append(1) or 0)

    async def story():
        viewer = viewer_of(Browser())
        task = asyncio.create_task(viewer.send())
        for what in ("error", "frame"):
            viewer._take(what, "x" if what == "error" else b"x")
            await asyncio.sleep(0.01)
            assert len(rests) == (what == "frame")
        task.cancel()

    asyncio.run(story())


def test_a_question_waits_until_its_visitor_may_ask_and_only_the_newest_is_asked(boss, monkeypatch):
    asked, waits = [], [0.05]
    monkeypatch.setattr(boss, "pause", lambda who: waits.pop() if waits else 0)
    ask = boss.ask
    monkeypatch.setattr(boss, "ask", lambda *given: asked.append(given) or ask(*given))

    async def story():
        viewer = viewer_of(Browser(cookies={COOKIE: "k"}))
        task = asyncio.create_task(viewer.answer())
        for n in (1, 2, 3):
            viewer.handle(json.dumps({"ask": "look", "with": {"n": n}, "id": n}))
            await asyncio.sleep(0)
        while not asked:
            await asyncio.sleep(0.01)
        task.cancel()
        assert asked == [("run", "look", {"n": 3}, viewer.key, None, mark({COOKIE: "k"}))]

    asyncio.run(story())


def test_who_has_no_key_has_limits_by_where_they_are(boss):
    async def story():
        keyless, keyed = Browser(), Browser(cookies={COOKIE: "k"})
        assert viewer_of(keyless).visitor == "at here"
        assert viewer_of(keyless).who == ""  # and owns nothing
        assert viewer_of(keyed).visitor == viewer_of(keyed).who
        keyless.client = None
        assert viewer_of(keyless).visitor == "at nowhere"

    asyncio.run(story())


def test_a_socket_too_many_is_told_why_and_one_that_was_let_in_is_counted_out_again(boss, monkeypatch):
    at = store.create(SETTING)
    client = TestClient(Starlette(routes=[LIVE]), cookies={COOKIE: "k"})
    with client.websocket_connect(f"/live/{at.name}") as ws:
        assert "hello" in ws.receive_json()
        assert boss.counted == [mark({COOKIE: "k"})]
    assert boss.gone.wait(60)
    with client.websocket_connect("/live/made-up-0000") as ws:  # nor does one stay that sees nothing
        assert "error" in ws.receive_json()
    assert boss.counted == []
    monkeypatch.setattr(boss, "enter", lambda run_id, who: 1 / 0 if run_id == "x" else refuse())
    with client.websocket_connect(f"/live/{at.name}") as ws:
        assert ws.receive_json() == {"error": "Close some."}
        told = ws.receive()
        assert (told["code"], told["reason"]) == (4429, "Close some.")


def refuse():
    raise Refused("Close some.")


def test_a_socket_that_floods_is_closed_with_a_reason_and_its_run_is_left(boss):
    at = store.create(SETTING)
    with TestClient(Starlette(routes=[LIVE])).websocket_connect(f"/live/{at.name}") as ws:
        assert "hello" in ws.receive_json()
        for _ in range(10_000):
            ws.send_text("{}")
        while (told := ws.receive())["type"] != "websocket.close":
            assert json.loads(told["text"])["error"].endswith((".", "page."))
        assert (told["code"], told["reason"]) == live.FLOOD
    assert boss.gone.wait(60)
    assert boss.counted == []


def test_the_listening_socket_lets_go_who_reads_nothing_and_messages_have_a_largest_size():
    with server._bind_quick("127.0.0.1", 0, 5) as bound:
        if hasattr(sockets, "TCP_USER_TIMEOUT"):
            assert bound.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_USER_TIMEOUT) == 30_000
    assert server._plain_kwargs()["ws_max_size"] == limits.LARGEST_MESSAGE


@pytest.mark.parametrize(
    ("door", "limit"),
    [
        (server.Door(), limits.AT_HOME),
        (server.Door(proxy=True), limits.IN_CLASS),
        (server.Door("0.0.0.0"), limits.IN_CLASS),
    ],
)
def test_at_home_limits_are_wide(door, limit, monkeypatch):
    boss = SimpleNamespace()
    monkeypatch.setattr(server, "supervisor", lambda: boss)
    monkeypatch.setattr(server, "alone", lambda: None)
    monkeypatch.setattr(server, "app", lambda door, room: SimpleNamespace(run=lambda config: None))
    monkeypatch.setattr(server, "starlette_server", SimpleNamespace())
    monkeypatch.setattr(server, "MemoryUploadedFileManager", SimpleNamespace())
    server.serve(door)
    assert boss.limits == limit
