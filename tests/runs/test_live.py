"""The live route from outside: frames, commands, owners, strangers, deaths and restarts."""

import json
import os
import re
import signal
import socket
import time
from contextlib import contextmanager

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from lab.runs import store, wire
from lab.visitor import mark as mark_of
from tests.serving import Lab, stop_lab

SETTING = {"family": "gan", "data": "ring", "seed": 1, "config": {"width_G": 16, "width_D": 16, "batch": 16}}


@contextmanager
def watching(lab: Lab, run_id: str, cookie: str = "", **headers):
    given = {"Origin": lab.url, "Cookie": cookie} | headers
    address = lab.url.replace("http", "ws")
    with connect(f"{address}/live/{run_id}", additional_headers=given) as ws:
        yield ws


def mark(cookie: str) -> str:
    name, key = cookie.split("=", 1)
    return mark_of({name: key})


def new_run(lab: Lab, monkeypatch, owner: str, **more) -> str:
    monkeypatch.setenv("GENLAB_HOME", str(lab.home))
    return store.create(SETTING | {"owner": owner} | more).name


def text(ws, key: str, seconds: float = 120, **wanted) -> dict:
    """The next text message with this key whose fields are as wanted."""
    end = time.monotonic() + seconds
    while True:
        message = ws.recv(timeout=max(0.01, end - time.monotonic()))
        if isinstance(message, str) and key in (parsed := json.loads(message)):
            inner = parsed[key]
            if all(inner[k] == v for k, v in wanted.items()):
                return inner


def frame(ws, seconds: float = 120, after: int = -1) -> dict:
    """What the next live frame of a round after this one says of itself."""
    end = time.monotonic() + seconds
    while True:
        message = ws.recv(timeout=max(0.01, end - time.monotonic()))
        if isinstance(message, bytes):
            about = json.loads(wire.header(message)["frame"])
            if about["key"] is None and about["round"] > after:
                return about


def send(ws, **message) -> None:
    ws.send(json.dumps(message))


@pytest.mark.exhaustive
def test_a_run_is_greeted_trained_paused_stepped_and_reset_over_the_socket(lab, monkeypatch):
    cookie = lab.cookie()
    run_id = new_run(lab, monkeypatch, mark(cookie))
    with watching(lab, run_id, cookie) as ws:
        hello = text(ws, "hello")
        assert (hello["run"], hello["state"], hello["mine"]) == (run_id, "paused", True)
        send(ws, do="play")
        text(ws, "state", state="training")
        first = frame(ws, after=0)
        assert frame(ws, after=first["round"])["speed"] > 0
        send(ws, do="pause")
        text(ws, "state", state="paused")
        send(ws, do="step", player="D")
        while frame(ws)["turn"] != "D":
            pass  # frames of the pause may still be on their way
        send(ws, do="reset")
        assert text(ws, "state", round=0)["state"] == "paused"


def test_the_same_setting_in_the_app_and_on_the_command_line_gives_the_same_numbers(lab, monkeypatch):
    from lab.cli import main

    cookie = lab.cookie()
    run_id = new_run(lab, monkeypatch, mark(cookie), rounds=150)
    with watching(lab, run_id, cookie) as ws:
        send(ws, do="play")
        text(ws, "state", state="ended")
    knobs = ["--width_G", "16", "--width_D", "16", "--batch", "16"]
    main(["train", "gan", "--data", "ring", "--rounds", "150", "--seed", "1", "--json", *knobs])
    (terminal,) = (i for i in store.every() if i.id != run_id and i.rounds == 150)
    rows = [store.rows(store.folder(i) / "metrics.jsonl") for i in (run_id, terminal.id)]
    assert len(rows[0]) == 150
    assert rows[0] == rows[1]


def test_a_foreign_origin_is_turned_away(lab, monkeypatch):
    run_id = new_run(lab, monkeypatch, "x")
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "https://" + lab.url[7:] + ".evil"):
        with pytest.raises(InvalidStatus, match="403"), watching(lab, run_id, Origin=origin):
            pass


def test_a_missing_origin_and_a_foreign_host_are_turned_away(lab, monkeypatch):
    run_id = new_run(lab, monkeypatch, "x")
    ws = lab.url.replace("http", "ws")
    with pytest.raises(InvalidStatus, match="403"), connect(f"{ws}/live/{run_id}"):
        pass
    address = lab.url.removeprefix("http://").split(":")
    foreign = f"evil.example:{address[1]}"  # DNS rebinding: a name of theirs for our address
    with (
        socket.create_connection((address[0], int(address[1]))) as plain,
        pytest.raises(InvalidStatus, match="403"),
    ):
        connect(f"ws://{foreign}/live/{run_id}", sock=plain, origin=f"http://{foreign}")


@pytest.mark.parametrize("run_id", ["0123456789ab", "..%2f..%2fetc%2fpasswd", "%00", "a" * 500, "<script>"])
def test_a_made_up_or_malicious_run_id_gets_a_sentence_and_is_closed(lab, run_id):
    with watching(lab, run_id) as ws:
        assert "run" in json.loads(ws.recv(timeout=120))["error"]
        with pytest.raises(ConnectionClosed):
            ws.recv(timeout=120)


def test_viewing_is_not_controlling(lab, monkeypatch):
    mine, theirs = lab.cookie(), lab.cookie()
    run_id = new_run(lab, monkeypatch, mark(mine))
    with watching(lab, run_id, theirs) as ws:
        assert text(ws, "hello")["mine"] is False
        for command in ({"do": "play"}, {"do": "reset"}, {"do": "step", "player": None}):
            send(ws, **command)
            assert "not yours" in json.loads(_text(ws))["error"]
        send(ws, do="fork", round=None)
        fork = json.loads(_text(ws))["forked"]
    assert store.read_info(store.folder(fork)).owner == mark(theirs)
    assert store.read_info(store.folder(run_id)).state == "paused"


def _text(ws) -> str:
    while True:
        message = ws.recv(timeout=120)
        if isinstance(message, str) and "state" not in json.loads(message):
            return message


def test_a_run_that_nobody_owns_cannot_be_controlled_without_a_key(lab, monkeypatch):
    run_id = new_run(lab, monkeypatch, "")
    with watching(lab, run_id) as ws:
        text(ws, "hello", mine=False)
        send(ws, do="play")
        assert "not yours" in json.loads(_text(ws))["error"]


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{",
        "[]",
        '"play"',
        "{}",
        '{"do": 1}',
        '{"do": "open"}',
        '{"do": "checkpoint"}',
        '{"do": "set"}',
        '{"do": "rewind"}',
        '{"do": "rewind", "round": "x"}',
        '{"do": "rewind", "round": -1}',
        '{"pointer": {"kind": "hover", "x": "1", "y": 0}}',
        "x" * 100000,
        '{"do": "step", "player": ["D"]}',
        b"",
        b"\x00\xff" * 100,
        b'{"do": "play"}',
        "[" * 4000,
        '{"a":' * 600 + "1" + "}" * 600,
        '{"ask": "look", "id": 1, "with": ' + '{"a":' * 600 + "1" + "}" * 600 + "}",
        "null",
        "NaN",
        "😀\x00",
        '{"do": "rewind", "round": 1e400}',
        '{"do": "rewind", "round": true}',
        '{"do": "rewind", "round": ' + "9" * 4000 + "}",
        '{"do": "fork", "round": ' + "9" * 300 + "}",
        '{"do": "fork", "round": 12345}',
        '{"do": ["play"]}',
        '{"do": "step", "player": "\\ud800"}',
        '{"do": "step", "player": "' + "x" * 3000 + '"}',
        '{"ask": "no such probe", "with": {}, "id": 1}',
        '{"ask": "look", "with": {"\\u0000": [[[]]]}, "id": -1}',
        '{"show": "everything"}',
    ],
)
def test_a_message_out_of_order_gets_a_sentence_and_the_socket_lives_on(lab, monkeypatch, message):
    cookie = lab.cookie()
    run_id = new_run(lab, monkeypatch, mark(cookie))
    with watching(lab, run_id, cookie) as ws:
        text(ws, "hello")
        ws.send(message)
        error = json.loads(_text(ws))["error"]
        assert error.endswith(".")
        assert not re.search(r"Error|Traceback|Errno|/tmp|/home|\.py", error)
        send(ws, do="step", player=None)
        assert frame(ws)


def test_an_order_that_is_done_is_told_so_after_what_came_of_it(lab, monkeypatch):
    cookie = lab.cookie()
    run_id = new_run(lab, monkeypatch, mark(cookie))
    with watching(lab, run_id, cookie) as ws:
        text(ws, "hello")
        for number, (order, state) in enumerate([("play", "training"), ("pause", "paused")]):
            send(ws, do=order, id=number)
            told = []
            while not told or "done" not in told[-1]:
                message = ws.recv(timeout=120)
                told += [json.loads(message)] if isinstance(message, str) else []
            assert told[-1] == {"done": number}
            assert told[-2]["state"]["state"] == state
        send(ws, do="rewind", round="x", id=7)
        assert "whole number" in json.loads(_text(ws))["error"]


def test_a_run_is_rewound_to_a_kept_round_and_its_rows_go_on_from_there(lab, monkeypatch):
    cookie = lab.cookie()
    run_id = new_run(lab, monkeypatch, mark(cookie))
    with watching(lab, run_id, cookie) as ws:
        send(ws, do="play")
        kept = 0
        while not kept:
            kept = max(text(ws, "state")["keyframes"], default=0)
        frame(ws, after=kept + 20)
        send(ws, do="pause")
        text(ws, "state", state="paused")
        send(ws, do="rewind", round=kept)
        text(ws, "state", round=kept)
        send(ws, do="play")
        frame(ws, after=kept + 20)
        send(ws, do="pause")
        text(ws, "state", state="paused")
    rounds = [row["round"] for row in store.rows(store.folder(run_id) / "metrics.jsonl")]
    assert rounds == sorted(set(rounds))
    assert set(range(1, kept + 20)) <= set(rounds)


def test_a_knob_changed_by_the_page_is_the_run_s_own(supervised):
    """What the page sends reaches a run that trains, and it trains on."""
    run_id = supervised.create("me", **SETTING)
    supervised.do(run_id, "me", {"do": "set", "values": {"lr_D": 0.005}}, wait=True)
    info = store.read_info(store.folder(run_id))
    assert (info.config["lr_D"], info.state) == (0.005, "training")
    laws = supervised.measure(run_id)
    assert len(laws) >= 5
    assert all(check.holds for check in laws)


def trainer(run_id: str) -> int:
    """The process that trains this run."""
    return json.loads((store.folder(run_id) / "lock").read_text())["pid"]


def test_a_killed_worker_is_started_again_and_its_runs_go_on(lab, monkeypatch):
    cookie = lab.cookie()
    run_id = new_run(lab, monkeypatch, mark(cookie))
    with watching(lab, run_id, cookie) as ws:
        send(ws, do="play")
        before = frame(ws, after=50)["round"]
        os.kill(trainer(run_id), signal.SIGKILL)
        # it goes on from its checkpoint and passes the round where it was killed
        assert frame(ws, after=before + 50)["round"] > before
        send(ws, do="pause")
        text(ws, "state", state="paused")
    rounds = [row["round"] for row in store.rows(store.folder(run_id) / "metrics.jsonl")]
    assert rounds == sorted(set(rounds))
    assert rounds[: before // 2] == list(range(1, before // 2 + 1))


@pytest.mark.exhaustive
def test_a_run_survives_kill_9_of_the_whole_server(start, tmp_path, monkeypatch):
    lab = start(tmp_path / "runs")
    try:
        cookie = lab.cookie()
        run_id = new_run(lab, monkeypatch, mark(cookie))
        with watching(lab, run_id, cookie) as ws:
            send(ws, do="play")
            before = frame(ws, after=100)["round"]
        lab.process.kill()
        lab.process.wait()
        lab = start(lab.home)
        with watching(lab, run_id, cookie) as ws:
            assert text(ws, "hello")["mine"] is True  # the same browser is still the owner
            assert frame(ws, after=before)
    finally:
        stop_lab(lab)
