"""A lab that listens on every network: whom it answers, what its user's settings change, and whom it asks."""

import urllib.error
import urllib.request

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.serving import Lab, start_lab, stop_lab

SPY = """
import socket

def note(where):
    with open(NOTES, "a") as file:
        print(where, file=file)

def spied(name):
    own = getattr(socket.socket, name)
    def call(self, address):
        if self.family != socket.AF_UNIX and not str(address[0]).startswith(("127.", "::1", "localhost")):
            note(address)
        return own(self, address)
    setattr(socket.socket, name, call)

spied("connect"), spied("connect_ex")
own = socket.getaddrinfo
def resolve(host, *rest, **more):
    if host not in (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::"):
        note(host)
    return own(host, *rest, **more)
socket.getaddrinfo = resolve
"""
SPOILED = """
[server]
baseUrlPath = "spoiled"
enableXsrfProtection = false
[theme]
primaryColor = "#ff0000"
"""


@pytest.fixture(scope="module")
def open_lab(tmp_path_factory):
    """A lab for a class, on whose machine somebody has a Streamlit of their own; "notes" is whom it asked."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "spy").mkdir()
    spy = SPY.replace("NOTES", repr(str(folder / "notes")))
    (folder / "spy/sitecustomize.py").write_text(spy, encoding="utf-8")
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit/config.toml").write_text(SPOILED, encoding="utf-8")
    lab = start_lab(
        folder / "runs",
        options=("--host", "0.0.0.0"),
        HOME=str(folder),
        PYTHONPATH=str(folder / "spy"),
        FORWARDED_ALLOW_IPS="*",
        STREAMLIT_SERVER_COOKIE_SECRET="spoiled",
    )
    yield lab
    stop_lab(lab)


def status(lab: Lab, path: str, host: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(lab.url + path, method=method, headers={"Host": host} | headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


ROUTES = [
    "/",
    "/gan",
    "/_stcore/health",
    "/_stcore/metrics",
    "/_stcore/host-config",
    "/static/x.js",
    "/media/x",
    "/component/x/y",
    "/favicon.png",
    "/_stcore/agent/openapi.json",
    "/stage/x/y.js",
]


@pytest.mark.parametrize("path", ROUTES)
def test_no_route_answers_to_a_strangers_name(open_lab, path):
    code, text = status(open_lab, path, "evil.example")
    assert (code, "genlab --allow-host evil.example" in text) == (403, True)
    assert status(open_lab, path, "192.168.1.5:8501")[0] != 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
@pytest.mark.parametrize("path", ["/_stcore/upload_file/a/b", "/_stcore/agent/interact"])
def test_nothing_is_changed_from_a_strangers_page(open_lab, path, method):
    here = open_lab.url.removeprefix("http://")
    for origin in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        assert status(open_lab, path, here, method, **origin)[0] == 403
    code, text = status(open_lab, path, here, method, Origin=open_lab.url)
    assert (
        "no page of the lab" not in text
    )  # the gate lets it in; what Streamlit makes of it is its own affair
    assert code != 200


@pytest.mark.parametrize("path", ["/_stcore/stream", "/live/gan-ring"])
def test_no_socket_opens_from_a_strangers_page_and_nobody_is_asked(open_lab, path):
    address = open_lab.url.replace("http", "ws") + path
    for origin in ("http://evil.example", "http://203.0.113.9", None):
        with pytest.raises(InvalidStatus, match="403"):
            connect(address, origin=origin)
    with connect(address, origin=open_lab.url):
        pass
    notes = open_lab.home.parent / "notes"
    assert not notes.exists(), notes.read_text(encoding="utf-8")


def test_a_users_own_streamlit_changes_nothing(open_lab):
    here = open_lab.url.removeprefix("http://")
    assert status(open_lab, "/_stcore/health", here)[0] == 200
    assert status(open_lab, "/spoiled/_stcore/health", here)[0] == 404
    with urllib.request.urlopen(f"{open_lab.url}/_stcore/health") as answer:
        assert "_streamlit_xsrf=" in answer.headers["set-cookie"]


def test_what_the_server_prints_is_its_address_and_no_more(open_lab):
    told = (open_lab.home / "server.log").read_text(encoding="utf-8")
    assert "genlab is at http://localhost:" in told
    assert "External URL" not in told
    assert "Streamlit app" not in told
