"""The lab behind a real nginx, seen from a real browser: with a path, with other names, and refused."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.conftest import launch
from tests.browser.proxying import SOCKETS, examples, free_port, nginx
from tests.browser.visiting import Visitor
from tests.serving import Lab, start_lab, stop_lab

pytestmark = pytest.mark.browser
HOST = "proxy_set_header Host $http_host;"
WAYS = {  # of setting up nginx, and the path under which it shows the lab
    "as the page says": (examples("nginx")[1], "/genlab"),
    "path left on": (
        f"location /genlab/ {{ proxy_pass http://127.0.0.1:8501; {HOST} {SOCKETS} }}",
        "/genlab",
    ),
    "as JupyterHub": (
        f"location /user/ann/proxy/8501/ {{ proxy_pass http://127.0.0.1:8501/; {HOST} {SOCKETS} }}",
        "/user/ann/proxy/8501",
    ),
    "its own Host": (f"location / {{ proxy_pass http://127.0.0.1:8501; {SOCKETS} }}", ""),
    "Host without port": (
        f"location / {{ proxy_pass http://127.0.0.1:8501; proxy_set_header Host $host; {SOCKETS} }}",
        "",
    ),
    "forwarded": (
        f"location /genlab/ {{ proxy_pass http://genlab; proxy_set_header X-Forwarded-Host $http_host; "
        f"proxy_set_header X-Forwarded-Prefix /genlab; {SOCKETS} }}",
        "/genlab",
    ),
}
UNDECLARED = {  # ways in which a lab without options is not found under a name, and what its page says
    "a public name": (
        f"location / {{ proxy_pass http://127.0.0.1:8501; {HOST} {SOCKETS} }}",
        "lab.test",
        "genlab --allow-host lab.test",
    ),
    "the name of an upstream": (
        f"location / {{ proxy_pass http://genlab; {SOCKETS} }}",
        "localhost",
        "proxy_set_header Host $http_host;",
    ),
    "its own Host": (
        f"location / {{ proxy_pass http://127.0.0.1:8501; {SOCKETS} }}",
        "localhost",
        "genlab --allow-host localhost:",
    ),
    "an evil name": (
        f"location / {{ proxy_pass http://127.0.0.1:8501; {HOST} {SOCKETS} }}",
        "evil.test",
        "does not answer to the name “evil.test”",
    ),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = "--host-resolver-rules=MAP *.test 127.0.0.1"
    with sync_playwright() as playwright:
        browser = launch(playwright, names)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Lab]]:
    """The address of one lab behind each way."""
    folder = tmp_path_factory.mktemp("proxy")
    ports = {way: free_port() for way in WAYS}
    with_options = ("--allow-host", "lab.test", "--base-path", "/genlab", "--behind-proxy")
    lab = start_lab(folder / "runs", options=with_options)
    with nginx(
        folder / "nginx",
        {ports[way]: text for way, (text, _) in WAYS.items()},
        int(lab.url.rpartition(":")[2]),
    ):
        yield lambda way: Lab(f"http://lab.test:{ports[way]}{WAYS[way][1]}", lab.home, lab.process)
    stop_lab(lab)


@pytest.mark.parametrize("way", WAYS)
def test_a_room_behind_nginx_moves_trains_and_is_mine(way: str, shown, browser: Browser, tmp_path) -> None:
    lab = shown(way)
    me = Visitor(browser, lab)
    me.open("/gan")
    me.until(lambda: me.number("frames") > 2, "a film, which may have ended by now")
    run = me.train()
    me.moves()
    assert me.pause() > 0  # it obeys: it is this browser's own
    assert me.info(run)["owner"]
    if way in ("as the page says", "path left on"):
        with me.browser.expect_page() as opened:
            me.page.get_by_role("link", name="Compare with another setting").click()
        assert opened.value.url.startswith(f"{lab.url}/compare?family=gan")
        opened.value.close()
        me.page.get_by_role("link", name="Map").first.click()
        me.page.wait_for_url(f"{lab.url}/")
        me.written()
        me.open("/real-nvp?data=upload-csv")
        table = tmp_path / "points.csv"
        table.write_text("".join(f"{i % 7},{i % 11}\n" for i in range(400)))
        me.page.locator("input[type=file]").set_input_files(table)
        me.until(lambda: "data=csv-" in me.page.url, "the uploaded data in the address")
        me.stage.first.wait_for()
        assert not me.page.get_by_test_id("stAlertContentError").count()
    me.leave()
    assert me.troubles == []


def test_a_page_without_the_slash_of_its_path_finds_it(shown, browser: Browser) -> None:
    lab = shown("path left on")
    me = Visitor(browser, lab)
    me.open("/gan/?data=moons")
    assert me.page.url == f"{lab.url}/gan?data=moons"
    me.stage.first.wait_for()
    me.open(lab.url)
    assert me.page.url == f"{lab.url}/"
    me.page.get_by_role("heading", name="A lab for generative models").wait_for()
    assert me.troubles == [f"from outside: {lab.url}"]  # its address has no slash at the end
    me.leave()


@pytest.mark.parametrize("way", UNDECLARED)
def test_what_nobody_declared_is_refused_with_what_to_do(
    way: str, lab: Lab, browser: Browser, tmp_path
) -> None:
    text, name, says = UNDECLARED[way]
    port = free_port()
    with nginx(tmp_path / "nginx", {port: text}, int(lab.url.rpartition(":")[2])):
        page = browser.new_page()
        page.goto(f"http://{name}:{port}/gan", wait_until="commit")
        expect(page.locator("h1")).to_contain_text("lab")
        expect(page.locator("main")).to_contain_text(says)
        assert page.locator("canvas").count() == 0
        page.close()


def test_the_examples_say_what_the_command_knows(shown) -> None:
    from lab.cli import parser

    for line in re.findall(r"^genlab (.*)$", "".join(examples("sh")), re.MULTILINE):
        assert parser().parse_args(line.replace('"', "").split()).allow_host
    with urllib.request.urlopen(
        shown("as the page says").url.replace("lab.test", "127.0.0.1") + "/_stcore/health"
    ) as told:
        assert told.status == 200
