"""The gate and the pages behind it: who is let in, keys, paths of a proxy, headers of security."""

import html
import re

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse

from lab import server
from lab.door import Door, Name
from lab.gate import Gate, page
from lab.server import HTML, Anywhere, answer, index, places
from lab.stage.files import ROUTE, address
from lab.visitor import COOKIE

HERE = "http://localhost:8501"
PUBLIC = (Name("lab.example"),)


async def echo(request: Request) -> JSONResponse:
    """What the routes behind the gate are told."""
    scope = request.scope
    return JSONResponse(
        {
            "path": scope["path"],
            "raw": scope["raw_path"].decode(),
            "host": request.headers["host"],
            "scheme": scope["scheme"],
            "client": scope["client"][0],
            "port": scope["client"][1],
        }
    )


async def greet(ws):
    await ws.accept()
    await ws.send_json({"host": ws.headers["host"], "path": ws.scope["path"], "scheme": ws.scope["scheme"]})
    await ws.close()


def behind(door: Door = Door(), url: str = HERE, **headers: str) -> TestClient:  # noqa: B008
    routes = [
        ROUTE,
        WebSocketRoute("/live/{run}", greet),
        Route("/media/{file}", echo, methods=["GET", "PUT", "DELETE", "POST"]),
        Route("/", answer, methods=["POST"]),
        Anywhere("/{path:path}", index),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(Gate, door=door, page=HTML)])
    return TestClient(app, base_url=url, headers=headers, follow_redirects=False)


def dial(lab: TestClient, path: str, origin: str | None):
    """A socket to the address that the client has; by itself it would use another name."""
    given = {"Origin": origin} if origin else {}
    return lab.websocket_connect(str(lab.base_url.join(path)).replace("http", "ws", 1), headers=given)


# --- who is let in ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize("path", ["/", "/gan", "/media/x", address("core/base.css"), "/made-up"])
def test_a_foreign_name_gets_a_sentence_from_every_route(path, method):
    told = behind(url="http://evil.example").request(method, path, headers={"Origin": "http://evil.example"})
    assert told.status_code == 403
    assert "set-cookie" not in told.headers
    if method != "HEAD":
        assert "does not answer to the name “evil.example”" in told.text
        assert "genlab --allow-host evil.example" in told.text


def test_a_refusal_is_a_page_for_a_browser_in_which_nothing_is_markup():
    told = behind(Door(), "http://evil.example", accept="text/html,*/*").get("/")
    assert told.headers["content-type"].startswith("text/html")
    assert told.headers["cache-control"] == "no-store"
    assert "<code>genlab --allow-host evil.example</code>" in told.text
    assert "<script" not in told.text
    for host in ("<b>x</b>", "a b", "x@y", ""):
        strange = behind(Door(), accept="text/html").get("/", headers={"host": host})
        assert (strange.status_code, "does not understand" in strange.text) == (403, True)
        assert "<b>" not in strange.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", None])
def test_what_changes_something_must_come_from_a_page_of_ours(method, origin):
    given = {"Origin": origin} if origin else {}
    told = behind().request(method, "/media/x", headers=given)
    assert told.status_code == 403
    assert "genlab --allow-host" in told.text or "Open the lab in a browser" in told.text
    assert behind().request(method, "/media/x", headers={"Origin": HERE}).status_code == 200
    assert (
        behind().get("/media/x", headers=given).status_code == 200
    )  # reading is free: no page can see the answer


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", None])
def test_a_socket_from_elsewhere_is_refused_with_a_sentence(origin):
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        dial(behind(), "/live/x", origin),
    ):
        pass
    assert refused.value.status_code == 403
    assert ("genlab --allow-host" in refused.value.text) == (origin not in ("null", None))


def test_a_socket_by_a_foreign_name_is_refused_though_its_page_has_that_name_too():
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        dial(behind(url="http://evil.example"), "/live/x", "http://evil.example"),
    ):
        pass
    assert "does not answer to the name “evil.example”" in refused.value.text


def test_the_routes_behind_are_told_the_name_that_the_browser_used():
    door = Door(names=PUBLIC)
    with dial(behind(door), "/live/x", "https://lab.example") as ws:
        assert ws.receive_json()["host"] == "lab.example"
    assert (
        behind(door).put("/media/x", headers={"Origin": "https://lab.example"}).json()["host"]
        == "lab.example"
    )
    assert (
        behind(door).get("/media/x", headers={"Origin": "https://evil.example"}).json()["host"]
        == "localhost:8501"
    )


def test_a_page_may_ask_whether_it_may():
    assert behind().post("/", headers={"Origin": HERE}).status_code == 204
    page = behind(accept="text/html").post("/", headers={"Origin": "http://localhost:9000"})
    assert page.status_code == 403
    assert "You opened “localhost:9000”, and the lab was asked for as “localhost:8501”" in page.text
    assert "<code>proxy_set_header Host $http_host;</code>" in page.text


# --- a path of a proxy -----------------------------------------------------------------------------


@pytest.mark.parametrize("base", ["/genlab", "/user/ann/proxy/8501"])
@pytest.mark.parametrize("kept", [True, False], ids=["kept", "stripped"])
def test_a_proxys_path_may_come_along_or_be_taken_off(base, kept):
    lab, before = behind(Door(base=base)), base if kept else ""
    assert lab.get(f"{before}/media/a%20b").json() | {"host": ""} == {
        "path": "/media/a b",
        "raw": "/media/a%20b",
        "host": "",
        "scheme": "http",
        "client": "testclient",
        "port": 50000,
    }
    assert "<title>" in lab.get(f"{before}/gan").text
    assert lab.get(f"{before}{address('core/base.css')}").status_code == 200
    with dial(lab, f"{before}/live/x", HERE) as ws:
        assert ws.receive_json()["path"] == "/live/x"
    assert lab.get(f"{base}").headers["location"] == f"{base.rpartition('/')[2]}/"
    assert lab.get(f"{base}?a=1").headers["location"] == f"{base.rpartition('/')[2]}/?a=1"
    assert lab.get(f"{base}x/gan").status_code == lab.get(f"/x{base}/gan").status_code == 404


def test_a_path_is_taken_off_only_where_it_ends():
    assert behind(Door(base="/m")).get("/media/x").json()["path"] == "/media/x"
    assert behind(Door(base="/g")).get("/gan").status_code == 200


@pytest.mark.parametrize("prefix", ["/genlab", "/genlab/", "/", ""])
def test_a_forwarded_path_may_end_with_a_slash(prefix):
    lab = behind(Door(proxy=True), **{"x-forwarded-prefix": prefix})
    assert lab.get(f"{prefix.rstrip('/')}/media/x").json()["path"] == "/media/x"
    assert lab.get(f"{prefix.rstrip('/')}/").status_code == 200


def test_all_addresses_in_a_page_are_relative():
    page = behind().get("/gan").text
    head = page.partition("</head>")[0]
    addresses = re.findall(r'(?:href|src)="([^"]+)"', head)
    assert len(addresses) > 50
    assert all(one.startswith("./") for one in addresses)
    assert 'new URL("./", location.href)' in head


# --- forwarded headers -----------------------------------------------------------------------------

SAID = {
    "x-forwarded-host": "lab.example",
    "x-forwarded-proto": "https",
    "x-forwarded-prefix": "/genlab",
    "x-forwarded-for": "198.51.100.9, 192.0.2.1",
}


def test_forwarded_headers_are_believed_only_when_told_to():
    told = behind(Door(names=PUBLIC, proxy=True), **SAID).get("/genlab/media/x").json()
    assert told == {
        "path": "/media/x",
        "raw": "/media/x",
        "host": "lab.example",
        "scheme": "https",
        "client": "192.0.2.1",
        "port": 0,
    }
    plain = behind(Door(names=PUBLIC), **SAID)
    assert plain.get("/media/x").json() == {
        "path": "/media/x",
        "raw": "/media/x",
        "host": "localhost:8501",
        "scheme": "http",
        "client": "testclient",
        "port": 50000,
    }
    assert plain.get("/genlab/media/x").status_code == 404


@pytest.mark.parametrize(
    "said", [{"x-forwarded-host": "lab.example"}, {"forwarded": 'for=_x;host="lab.example";proto=https'}]
)
def test_a_page_is_ours_by_the_name_that_the_proxy_tells(said):
    trusting = behind(Door(names=PUBLIC, proxy=True), "http://127.0.0.1:8501", **said)
    with dial(trusting, "/live/x", "https://lab.example") as ws:
        assert ws.receive_json()["host"] == "lab.example"
    with (
        pytest.raises(WebSocketDenialResponse),
        dial(trusting, "/live/x", HERE),
    ):
        pass
    stranger = behind(Door(proxy=True), "http://127.0.0.1:8501", **said).get("/gan")
    assert (stranger.status_code, "genlab --allow-host lab.example" in stranger.text) == (403, True)
    forged = behind(Door(proxy=True), "http://evil.example", **{"x-forwarded-host": "localhost"})
    assert forged.get("/gan").status_code == 200  # the proxy is believed; so it must be one


@pytest.mark.parametrize(
    "said",
    [
        {"x-forwarded-proto": "ftp"},
        {"x-forwarded-for": "<x>"},
        {"x-forwarded-prefix": "/"},
        {"forwarded": ","},
    ],
)
def test_what_a_proxy_says_in_no_form_is_passed_over(said):
    told = behind(Door(proxy=True), **said).get("/media/x").json()
    assert (told["scheme"], told["client"], told["path"]) == ("http", "testclient", "/media/x")


def test_where_a_browser_is_may_have_a_port_and_what_it_speaks_may_be_in_capitals():
    said = {"forwarded": 'for="[2001:db8::1]:4711";proto=HTTPS'}
    told = behind(Door(proxy=True), **said).get("/media/x").json()
    assert (told["client"], told["port"], told["scheme"]) == ("2001:db8::1", 4711, "https")


def test_in_a_page_of_words_nothing_is_markup_but_what_is_to_be_typed():
    odd = """<i>&"'>"""
    told = page(odd, f"{odd} `a` `{odd}`", 418, (odd, odd))
    shown = told.body.decode().partition("<main>")[2].partition("</main>")[0]
    tags = re.findall(r"<(/?\w+)", shown)
    assert tags == ["h1", "/h1", "p", "code", "/code", "code", "/code", "a", "/a", "/p"]
    assert html.unescape(re.sub("<[^>]*>", "", shown)) == f"{odd}{odd} a {odd} {odd}"
    assert html.unescape(re.search(' href="([^"]*)"', shown)[1]) == odd
    assert told.status_code == 418


def test_under_https_sockets_and_the_key_are_safe_too():
    lab = behind(Door(proxy=True), **{"x-forwarded-proto": "https"})
    assert "; Secure" in lab.get("/gan").headers["set-cookie"]
    with dial(lab, "/live/x", HERE) as ws:
        assert ws.receive_json()["scheme"] == "wss"
    assert "Secure" not in behind(**{"x-forwarded-proto": "https"}).get("/gan").headers["set-cookie"]


# --- keys ------------------------------------------------------------------------------------------


def keyed(answer) -> str:
    (cookie,) = [value for name, value in answer.headers.multi_items() if name == "set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert (
        "Path" not in cookie
    )  # the browser takes the page's: those behind one proxy hear nothing of each other
    assert len(cookie.partition("=")[2].partition(";")[0]) >= 32
    return cookie


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/gan",
        "/gan?data=ring",
        "/?x",
        "/made-up",
        "/GAN",
        "/gan.html",
        "/a/b/c",
        "/favicon.ico",
        "/gan;x",
        "/g%C3%A4n",
        "/_stcorex",
        "/livelier",
        "/app/static/x",
    ],
)
def test_the_first_visit_by_any_address_gives_a_key(path):
    lab = behind()
    first = lab.get(path)
    assert keyed(first) != keyed(behind().get(path))
    assert first.status_code == (200 if path.strip("/").partition("?")[0] in places() else 404)
    lab.cookies.set(COOKIE, "mine")
    assert "set-cookie" not in lab.get(path).headers


@pytest.mark.parametrize("cookie", ["genlab=", "genlab", "other=1", "genlabx=1; xgenlab=2"])
def test_a_cookie_that_is_no_key_is_replaced(cookie):
    keyed(behind().get("/gan", headers={"cookie": cookie}))


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/gan/", "../gan"),
        ("/gan//?a=1&b", "../../gan?a=1&b"),
        ("/made-up/x/", "../x"),
        ("/index.html", "./"),
        ("/map?x=1", "./?x=1"),
        ("/index.html?run=2", "./?run=2"),
    ],
)
def test_an_address_with_something_too_much_leads_to_the_right_one(path, to):
    told = behind().get(path)
    assert (told.status_code, told.headers["location"]) == (307, to)


def test_a_page_that_is_not_there_leads_to_the_map_from_any_depth():
    for path, home in [("/made-up", "./"), ("/a/b", "../"), ("/a/b/c", "../../")]:
        told = behind().get(path)
        assert f'<a href="{home}">' in told.text
    assert "“&lt;b&gt;x”" in behind().get("/<b>x").text


def test_every_page_has_an_address():
    assert {"", "gan", "vae-gan", "runs", "wall", "compare", "planes"} <= places()


# --- headers of security ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/gan", "/gan/", "/made-up", "/media/x", address("core/base.css"), "/stage/x/y"]
)
@pytest.mark.parametrize("url", [HERE, "http://evil.example"])
def test_every_answer_says_what_it_may_load_and_who_may_frame_it(path, url):
    headers = behind(url=url).get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["object-src"] == policy["base-uri"] == "'none'"
    assert policy["frame-ancestors"] == policy["form-action"] == "'self'"
    assert policy["img-src"] == "'self' data: blob:"
    scripts = policy["script-src"].split()
    assert scripts[:2] == ["'self'", "blob:"]
    assert all(one.startswith("'sha256-") for one in scripts[2:])
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "data:", "https:"} & set(scripts)
    for name in policy.keys() - {"script-src", "connect-src"}:
        allowed = {"'self'", "'none'", "data:", "blob:", "'unsafe-inline'" if name == "style-src" else ""}
        assert set(policy[name].split()) <= allowed, "nothing from anywhere else"
    assert {"style-src", "font-src", "media-src", "worker-src"} < policy.keys()
    closed = dict(one.split("=") for one in headers["permissions-policy"].split(", "))
    assert closed == dict.fromkeys(["camera", "geolocation", "microphone"], "()")
    own = "" if "evil" in url else " ws://localhost:8501 wss://localhost:8501"
    assert policy["connect-src"] == f"'self'{own}"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "SAMEORIGIN"


def test_no_other_page_shows_what_is_ours_or_keeps_a_hand_on_its_window():
    plain = behind().get("/").headers
    safe = behind(Door(names=PUBLIC), "https://lab.example").get("/").headers
    assert plain["cross-origin-resource-policy"] == safe["cross-origin-resource-policy"] == "same-origin"
    assert "cross-origin-opener-policy" not in plain
    assert safe["cross-origin-opener-policy"] == "same-origin"


def test_inline_scripts_of_the_page_are_known_by_their_hash():
    scripts = behind().get("/gan").headers["content-security-policy"].count("sha256-")
    assert scripts == behind().get("/gan").text.count("<script>") == 2


def test_others_may_frame_the_lab_when_it_is_told_so():
    headers = behind(Door(frames=("https://moodle.example",))).get("/gan").headers
    assert headers["content-security-policy"].endswith("frame-ancestors 'self' https://moodle.example")
    assert "x-frame-options" not in headers


# --- the settings of Streamlit ---------------------------------------------------------------------


def test_a_users_own_settings_of_streamlit_are_not_read(tmp_path, monkeypatch):
    from streamlit import config
    from streamlit.web.server.starlette import starlette_server

    spoiled = """
[server]
baseUrlPath = "spoiled"
enableCORS = false
enableXsrfProtection = false
allowedHosts = ["*"]
maxUploadSize = 999
trustedUserHeaders = {x = "y"}
[theme]
primaryColor = "#ff0000"
base = "dark"
[client]
showErrorDetails = "full"
[browser]
serverAddress = "evil.example"
[logger]
level = "debug"
"""
    for place in (tmp_path / "home", tmp_path / "here"):
        (place / ".streamlit").mkdir(parents=True)
        (place / ".streamlit/config.toml").write_text(spoiled, encoding="utf-8")
        (place / ".streamlit/secrets.toml").write_text('[auth]\ncookie_secret = "x"\n', encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("STREAMLIT_SERVER_COOKIE_SECRET", "spoiled")
    monkeypatch.setenv("STREAMLIT_THEME_BASE", "dark")
    monkeypatch.setattr(config, "get_config_files", config.get_config_files)
    for name in ("_bind_socket", "_get_uvicorn_config_kwargs"):
        monkeypatch.setattr(starlette_server, name, getattr(starlette_server, name))
    seen = {}

    def run(self):
        now = {name: config.get_option(name) for name in config.get_config_options()}
        seen.update(now, kwargs=starlette_server._get_uvicorn_config_kwargs())

    monkeypatch.setattr(starlette_server.UvicornRunner, "run", run)
    monkeypatch.setattr("sys.argv", ["genlab"])
    before = config.get_config_options()
    try:
        server.serve(Door())
        usual = {name: option.value for name, option in config._config_options_template.items()}
        own = server.settings(Door())
        differ = {name for name in usual if name in seen and seen[name] != usual[name]} - set(own)
        assert differ <= {"browser.serverPort", "global.cookieSecret", "server.cookieSecret"}
        assert all(seen[name] == value for name, value in own.items())
        assert "spoiled" not in str(seen)
        assert seen["secrets.files"] == []
        assert seen["kwargs"]["proxy_headers"] is False
    finally:
        config._config_options = before
