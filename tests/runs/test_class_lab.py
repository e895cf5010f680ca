"""A class in a server of its own: each real route is shut, a student comes in and trains, the log is JSON."""

import json
import urllib.parse
from contextlib import closing
from http.client import HTTPConnection

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from lab.classroom import FILE
from lab.server import STATIC, Anywhere
from lab.stage.files import address
from tests.runs.test_health import numbers
from tests.runs.test_live import frame, mark, new_run, send, text
from tests.serving import start_lab, stop_lab

pytestmark = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    options = ("class", "--name", "Models", "--host", "127.0.0.1", "--log", "json")
    lab = start_lab(tmp_path_factory.mktemp("class") / "runs", options=options)
    yield lab
    stop_lab(lab)


def ask(lab, method, path, body=None, **headers):
    """Status, cookies and text of an answer."""
    with closing(HTTPConnection(lab.url.removeprefix("http://"), timeout=300)) as connection:
        connection.request(method, path, body, {"Origin": lab.url, "Accept": "text/html"} | headers)
        answer = connection.getresponse()
        cookies = [value.split(";")[0] for name, value in answer.getheaders() if name == "set-cookie"]
        return answer.status, "; ".join(cookies), answer.read().decode(errors="replace")


def sockets(lab, path, cookie=""):
    return connect(
        lab.url.replace("http", "ws") + path, additional_headers={"Origin": lab.url, "Cookie": cookie}
    )


def test_a_class_from_outside(lab, monkeypatch):
    routes = {f"/{name}" for name in Anywhere.others} - {"/health", "/metrics"}
    routes |= {f"/{name}/x" for name in Anywhere.others if not (STATIC / name).is_file()}
    routes |= {
        "/",
        "/gan",
        "/class",
        "/no-page",
        "/_stcore/health",
        "/_stcore/host-config",
        address("core/base.css"),
    }
    for route in sorted(routes):
        assert ask(lab, "GET", route)[:2] == (403, ""), route
    for route in ("/_stcore/stream", "/live/x", "/_stcore/bidi"):
        with pytest.raises(InvalidStatus, match="403"), sockets(lab, route):
            pass
    kept = json.loads((lab.home / FILE).read_text())
    form = urllib.parse.urlencode({"class": kept["word"], "name": "Ann Smith", "next": "gan"})
    status, cookie, _ = ask(lab, "POST", "/enter", form)
    assert (status, cookie.count("=")) == (303, 2)
    ann = mark(cookie.split("; ")[0])
    for route in ("/gan", "/_stcore/host-config", address("core/base.css")):
        assert ask(lab, "GET", route, Cookie=cookie)[0] == 200, route
    with sockets(lab, "/_stcore/stream", cookie):
        pass
    run_id = new_run(lab, monkeypatch, ann)
    with sockets(lab, f"/live/{run_id}", cookie) as ws:
        send(ws, do="play")
        frame(ws, after=0)
        values = numbers(ask(lab, "GET", "/metrics")[2])
        assert values["genlab_sockets"] == values["genlab_watched_runs"] == 1
        assert min(values["genlab_frames_total"], values["genlab_bytes_total"] / 1000) >= 1
        send(ws, do="pause")
        text(ws, "state", state="paused")
        refusals = numbers(ask(lab, "GET", "/metrics")[2])["genlab_refusals_total"]
        send(ws, do="nonsense")
        while "did not understand" not in str(ws.recv(timeout=120)):
            pass
        assert numbers(ask(lab, "GET", "/metrics")[2])["genlab_refusals_total"] == refusals + 1
    assert ask(lab, "GET", "/health") == (200, "", "ok\n")
    run = (lab.home / run_id / "run.json").read_text()
    assert "Ann" not in run

    told = (lab.home / "server.log").read_text()
    greeting, _, log = told.partition(kept["teacher"])
    assert f"/?class={kept['word']}" in greeting
    lines = [json.loads(line) for line in log.splitlines() if line]
    assert [line["what"] for line in lines if line.get("run") == run_id][:2] == ["play", "pause"]
    assert {line["visitor"] for line in lines if line.get("run") == run_id and "visitor" in line} == {ann[:8]}
    assert "student came in." in log
    for private in ("Ann", "Smith", kept["word"], kept["secret"], "127.0.0.1", ann, *cookie.split("; ")):
        assert private not in log
