"""Attacks on every route of ours and on every message of a socket: none can be forgotten, because both are
read from the code."""

import ast
import inspect
import itertools
import json
import textwrap
from contextlib import suppress
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse

from engine.config import Refused
from engine.families import families
from lab import live, probes, server
from lab.door import Door
from lab.runs import limits, store
from lab.runs.questions import stored
from lab.runs.worker import Worker
from lab.visitor import COOKIE, mark
from tests.runs.test_sockets import SETTING, boss
from tests.runs.test_supervisor import lab, run_of, threads

__all__ = ["boss", "lab", "threads"]  # fixtures

HERE = "http://localhost:8501"
ASKED = server.app(Door())
ROUTES = [route for route in ASKED._user_routes if isinstance(route, Route | WebSocketRoute)]
GIVEN = {"run": "0123456789ab", "what": "curves", "version": "1", "path": "gan"}


def client(url: str = HERE, **headers: str) -> TestClient:
    app = Starlette(routes=ASKED._user_routes, middleware=ASKED._user_middleware)
    return TestClient(app, base_url=url, headers=headers, follow_redirects=False)


def path_of(route: Route | WebSocketRoute, **given: str) -> str:
    path = route.path
    for name in route.param_convertors:
        start = path.index("{" + name)
        path = path[:start] + (GIVEN | given)[name] + path[path.index("}", start) + 1 :]
    return path


HTTP = [
    (route, method) for route in ROUTES if isinstance(route, Route) for method in sorted(route.methods or ())
]
SOCKETS = [route for route in ROUTES if isinstance(route, WebSocketRoute)]
NAMES = [f"{method} {route.path}" for route, method in HTTP]


def test_every_route_is_seen_here():
    assert len(ROUTES) == len(ASKED._user_routes) >= 6
    assert {route.path for route in ROUTES} >= {"/live/{run:path}", "/take/{run}/{what}", "/reel/{run}", "/"}
    assert all(set(route.param_convertors) <= set(GIVEN) for route in ROUTES), "say in GIVEN what it is given"


@pytest.mark.parametrize(("route", "method"), HTTP, ids=NAMES)
def test_a_foreign_name_gets_nothing_from_any_route(route, method):
    evil = "http://evil.example"
    told = client(evil, Origin=evil, Host="evil.example").request(method, path_of(route))
    assert told.status_code == 403
    assert "set-cookie" not in told.headers


@pytest.mark.parametrize(("route", "method"), HTTP, ids=NAMES)
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:1", "https://localhost:8501.evil"]
)
def test_a_foreign_page_changes_nothing_by_any_route(route, method, origin):
    if method in ("GET", "HEAD"):
        before = sorted(store.home().rglob("*"))
        client(Origin=origin).request(method, path_of(route))
        assert sorted(store.home().rglob("*")) == before  # reading writes nothing
    else:
        assert client(Origin=origin).request(method, path_of(route)).status_code == 403
        assert client(Origin=HERE).request(method, path_of(route)).status_code < 400


@pytest.mark.parametrize("route", SOCKETS, ids=[route.path for route in SOCKETS])
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://localhost:1"])
def test_a_foreign_page_opens_no_socket(route, origin, boss):
    here = client()
    with pytest.raises(WebSocketDenialResponse) as refused:
        here.websocket_connect(f"ws://localhost:8501{path_of(route)}", headers={"Origin": origin}).__enter__()
    assert refused.value.status_code == 403
    with here.websocket_connect(f"ws://localhost:8501{path_of(route)}", headers={"Origin": HERE}) as ws:
        assert "There is no run" in ws.receive_json()["error"]


ODD = [
    "../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", r"..%5c..%5cetc%5cpasswd",
    r"%5c%5cevil.example%5cshare%5cx", "//evil.example/share", "/etc/passwd", "C:%5cWindows%5cwin.ini", "%00",
    "run.json%00.png", "a" * 5000, "<script>alert(1)</script>", "0123456789AB", "%ff%fe", "trash", "data",
    "😀", "__class__", "0123456789ab%0d%0aset-cookie: x=1",
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_an_odd_name_reaches_no_file_by_any_route(odd, monkeypatch):
    (store.home() / "data").mkdir(parents=True)
    reached = []
    monkeypatch.setattr(store.files, "is_file", lambda path: reached.append(path) or False)
    asked = 0
    for route, method in HTTP:
        for name in route.param_convertors:
            told = client(Origin=HERE).request(method, path_of(route, **{name: odd}))
            asked += 1
            assert told.status_code < 500, route.path
            assert "root:" not in told.text
            assert "<script>alert" not in told.text
            assert told.headers.get("set-cookie", "x=1").startswith((f"{COOKIE}=", "x=1"))
            assert "evil.example" not in told.headers.get("location", "").split("?")[0].lstrip("./")[:13]
    assert asked >= 6
    assert {path.parent.name for path in reached} <= {GIVEN["run"]}


# --- messages of a socket ----------------------------------------------------------------------------


def cases(function) -> list[ast.expr | ast.pattern]:
    """The patterns that a function matches, without those of what is left."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    matches = [node for node in ast.walk(tree) if isinstance(node, ast.Match)]
    return [case.pattern for match in matches for case in match.cases if ast.unparse(case.pattern) != "_"]


def words(pattern) -> set[str]:
    return {
        node.value
        for node in ast.walk(pattern)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


MESSAGES = {  # what a socket may be told, and whether only the owner of a run may say it
    "play": True, "pause": True, "reset": True, "rewind": True, "step": True, "fork": False,
    "trace": False, "show": False, "ask": False,
}  # fmt: skip


def message(kind: str) -> dict:
    other = {
        "trace": {"trace": None}, "show": {"show": "keyframes"}, "ask": {"ask": "look", "with": {}, "id": 1},
    }  # fmt: skip
    return other.get(kind, {"do": kind, "round": 0} if kind in ("rewind",) else {"do": kind})


def test_every_message_is_listed_here():
    known = set().union(*map(words, cases(live.Viewer.handle)))
    assert known - {"do", "with", "id", "keyframes", "nothing", "pictures"} == set(MESSAGES)


def viewer_of(run_id: str, key: str) -> live.Viewer:
    viewer = object.__new__(live.Viewer)
    viewer.run_id, viewer.who, viewer.key, viewer.visitor = run_id, mark({COOKIE: key}), "k", "v"
    viewer.quiet, viewer.rounds, viewer.said = True, [], []
    viewer.hear = lambda *told: viewer.said.append(told)
    viewer.loop, viewer.news, viewer.asked = (
        SimpleNamespace(call_soon_threadsafe=lambda call: None),
        None,
        None,
    )
    viewer.news = viewer.asked = SimpleNamespace(set=None)
    return viewer


FORGED = ["", "mine2", "mine ", "MINE", "0" * 16, "../mine", mark({COOKIE: "mine"}), "x" * 4000]


@pytest.mark.parametrize("kind", MESSAGES)
def test_nobody_elses_run_obeys_whatever_key_is_forged(lab, monkeypatch, kind):
    monkeypatch.setattr(live, "supervisor", lambda: lab)
    run_id = run_of(mark({COOKIE: "mine"}))
    before = (store.home() / run_id / "run.json").read_bytes()
    for key in FORGED:
        viewer = viewer_of(run_id, key)
        if MESSAGES[kind]:
            with pytest.raises(Refused, match="not yours"):
                viewer.handle(json.dumps(message(kind)))
        elif kind == "fork" and not key:
            with pytest.raises(Refused, match="Allow cookies"):
                viewer.handle(json.dumps(message(kind)))
        else:
            try:
                viewer.handle(json.dumps(message(kind)))
            except Refused:
                assert kind == "trace"  # there is nothing to trace in a run
    assert not [asked for worker in lab.light for asked in worker.told() if asked[0] == "do"]
    assert (store.home() / run_id / "run.json").read_bytes() == before
    if MESSAGES[kind]:
        viewer_of(run_id, "mine").handle(json.dumps(message(kind)))
        assert [asked for worker in lab.light for asked in worker.told() if asked[0] == "do"]


def test_of_what_a_worker_does_a_socket_reaches_what_is_listed_and_no_more(lab, monkeypatch):
    """Knobs, checkpoints, closing and pointers are for our own pages."""
    monkeypatch.setattr(live, "supervisor", lambda: lab)
    run_id = run_of(mark({COOKIE: "mine"}))
    others = {name.removeprefix("on_") for name in dir(Worker) if name.startswith("on_")}
    others |= {"set", "checkpoint", "delete", "create", "measure", "discard"}
    viewer = viewer_of(run_id, "mine")
    for word, key in itertools.product(sorted(others - set(MESSAGES)), ("do", "ask?", "show", "kind")):
        with pytest.raises(Refused, match="did not understand"):
            viewer.handle(json.dumps({key: word, "values": {"lr_D": 1e9}, "round": 0}))
    assert not [asked for worker in lab.light for asked in worker.told()]


@pytest.mark.parametrize("who", ["you", ""])
def test_every_way_to_change_a_run_asks_whose_it_is(lab, who):
    run_id = run_of("me")
    ways = {
        "do": lambda: lab.do(run_id, who, {"do": "set", "values": {}}),
        "delete": lambda: lab.delete(run_id, who),
    }
    takes = {
        name for name, method in inspect.getmembers(type(lab), inspect.isfunction)
        if not name.startswith("_") and {"run_id", "who"} <= set(inspect.signature(method).parameters)
    }  # fmt: skip
    looks = {
        "ask",
        "parts",
        "probe",
        "measure",
        "trace",
        "draw",
        "point",
        "listen",
        "leave",
        "enter",
        "depart",
    }
    assert takes - looks - {"fork"} == set(ways), "a new way must be listed here, with what it refuses"
    for way in ways.values():
        with pytest.raises(Refused, match="not yours"):
            way()
    assert store.here(run_id)


# --- probes --------------------------------------------------------------------------------------------

DEEP: list = []
for _ in range(50):
    DEEP = [DEEP]
HOSTILE = [DEEP, {"__class__": float("nan")}]


def begun(model, data, name: str, arguments: dict) -> None:
    """Ask, and hear the first part of the answer."""
    answer = probes.ask(model, data, name, arguments)
    assert isinstance(answer, dict) or next(answer)


def test_every_probe_answers_odd_arguments_with_a_sentence():
    """Each probe once, of the first recording whose model it serves."""
    asked = set()
    for at in (file.parent for file in sorted(store.RECORDINGS.glob("*/run.json"))):
        served = probes.questions(families()[store.read_info(at).family])
        new = {name: probe for name, probe in served.items() if probe not in asked and store.has_model(at)}
        asked |= set(new.values())
        _, model, data = stored(at) if new else (0, None, None)
        for name, probe in new.items():
            _, _, *takes = inspect.signature(probe).parameters.values()
            must = [one.name for one in takes if one.default is one.empty]
            for one, odd in itertools.product(takes, HOSTILE):
                with suppress(Refused):  # whatever else it raises is an error of ours
                    begun(model, data, name, dict.fromkeys(must, odd) | {one.name: odd})
            for word in ("__class__", "self", "model", ""):
                with pytest.raises(Refused, match=r"asked wrongly|cannot change"):
                    begun(model, data, name, {word: 1})
        for word in ("__init__", "ask", "questions", "../gan_probe", "<script>", ""):
            if new:
                with pytest.raises(Refused, match="cannot be asked"):
                    probes.ask(model, data, word, {})
    everything = {probe for family in families().values() for probe in probes.questions(family).values()}
    assert asked == everything, "a probe that no recording can be asked needs a case of its own here"


# --- knobs by raw protocol -----------------------------------------------------------------------------

WILD = [float("nan"), float("inf"), -(10**30), 10**400, "x", None, []]


@pytest.mark.parametrize("name", families())
def test_no_knob_of_any_family_takes_what_is_out_of_its_range(name):
    family = families()[name]
    for knob in family.Config.knobs().values():
        for wild in WILD:
            with pytest.raises(Refused):
                family.Config.of({knob.name: wild})
    for odd in ("__class__", "model_config", "lr_D ", "<script>"):
        with pytest.raises(Refused):
            family.Config.of({odd: 1})


@pytest.mark.parametrize("field", ["family", "data", "owner", "why", "pace", "parent"])
def test_a_run_json_with_names_from_elsewhere_reaches_no_file(field):
    at = store.create(SETTING)
    text = json.loads((at / "run.json").read_text())
    for odd in ("../../etc/passwd", "\\\\evil\\share", "x" * 5000, "\0"):
        (at / "run.json").write_text(json.dumps(text | {field: odd}))
        try:
            info = store.read_info(at)
        except Refused:
            continue
        assert field not in ("family", "data")
        assert getattr(info, field) == odd  # words that name no file


def test_a_flood_of_forks_makes_few_runs(lab, monkeypatch):
    monkeypatch.setattr(live, "supervisor", lambda: lab)
    lab.limits = limits.IN_CLASS
    viewer = viewer_of(run_of(), "mine")
    for _ in range(100):
        with suppress(Refused):
            viewer.handle('{"do": "fork"}')
    made = len(list(store.home().glob("*/run.json"))) - 1
    assert lab.limits.new <= made == len(viewer.said) < lab.limits.new + 20


def test_a_message_nested_too_deeply_or_no_text_is_no_message(lab):
    viewer = viewer_of(run_of(), "mine")
    deep = '{"ask":"look","id":1,"with":' + '{"a":' * 690 + "1" + "}" * 690 + "}"
    assert len(deep) > live.LONGEST_MESSAGE
    for text in (deep, "[" * 4000, None, '{"do": NaN}', '{"ask": "look", "with": {}, "id": 1e999}'):
        with pytest.raises(Refused, match="did not understand"):
            viewer.handle(text)
