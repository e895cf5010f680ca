"""The server: Streamlit for pages, our own routes for pictures that move and for the stage's scripts."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope
from streamlit import config, logger
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.web.server.starlette import starlette_server

from engine.device import prepare
from engine.families import families
from lab import classroom
from lab.classroom import Classroom
from lab.door import Door
from lab.entry import Entry
from lab.gate import Gate, page
from lab.health import HEALTH, METRICS
from lab.kit.glossary import for_browsers
from lab.live import LIVE
from lab.reels import ROUTE as REEL
from lab.runs import limits, log
from lab.runs.supervisor import supervisor
from lab.stage.files import ROUTE
from lab.stage.stage import HEAD
from lab.take import ROUTE as TAKE
from lab.visitor import COOKIE, keep, mark

_bind_socket = starlette_server._bind_socket
_add_file = MemoryUploadedFileManager.add_file
_uvicorn_kwargs = starlette_server._get_uvicorn_config_kwargs
PAGES = Path(__file__).parents[1] / "pages"
STATIC = Path(st.__file__).parent / "static"

# The lab's own address, as the browser sees it, is where this page lies: a proxy may have put a path before
# it. If the browser knows the lab by another name than we were asked for, the gate says whether it may.
START = """<script>
{
  const lab = new URL("./", location.href).href;
  const { content, dataset } = document.querySelector("meta[name=genlab]");
  const ask = async () => {
    const answer = await fetch(lab, { method: "POST", headers: { accept: "text/html" } });
    const text = await answer.text();
    if (answer.status !== 403) return;
    window.stop();
    document.documentElement.innerHTML = text;
  };
  window.__streamlit = { BACKEND_BASE_URL: lab };
  if (dataset.page === "" && !location.pathname.endsWith("/")) {
    location.replace(`${location.pathname}/${location.search}`);
  } else if (location.host !== content) ask();
}
</script>"""
HTML = (STATIC / "index.html").read_text(encoding="utf-8")
TERMS = json.dumps(for_browsers()).replace("<", "\\u003c")
TERMS = f'<script type="application/json" id="genlab-glossary">{TERMS}</script>'
HTML = HTML.replace(
    "</head>", f'<meta name="genlab" content="HOST" data-page="PAGE">{START}{TERMS}{HEAD}</head>', 1
)


def index(request: Request) -> Response:
    """Streamlit's page, with a key for a browser on its first visit, which says whose runs are whose; with
    the server's address, which Streamlit otherwise finds by trial and 404s; and with the stage's scripts.

    All addresses in it are relative: a page lies one step below the lab's own address, whatever that is."""
    path = request.scope["path"].removeprefix("/")
    query = f"?{request.url.query}" if request.url.query else ""
    if path in ("index.html", "map"):
        return RedirectResponse(f"./{query}")
    if path.endswith("/") and path.strip("/"):
        name = path.rstrip("/")
        up = "../" * (len(path) - len(name))
        return RedirectResponse(up + name.rpartition("/")[2] + query)
    if path in places():
        html = HTML.replace("HOST", escape(request.headers.get("host", "")), 1).replace("PAGE", path, 1)
        response: Response = HTMLResponse(html)
        response.headers["cache-control"] = "no-cache"
    else:
        home = "../" * path.count("/") or "./"
        response = page(f"This lab has no page “{path[:80]}”.", "All pages are on", 404, (home, "the map."))
    if not mark(request.cookies):
        keep(request, response, COOKIE, secrets.token_urlsafe(24))
    return response


def answer(request: Request) -> Response:
    """To a page that asks whether it may: it may, because the gate has let it in."""
    return Response(status_code=204)


@cache
def places() -> set[str]:
    """The addresses of all pages, below the lab's own."""
    return {"", *families(), *(file.stem.replace("_", "-") for file in PAGES.glob("*.py"))}


class Anywhere(Route):
    """Every address that is neither Streamlit's nor the stage's: pages, and what somebody mistyped."""

    others = {"_stcore", "component", "health", "live", "media", "metrics", "reel", "stage", "take"}
    others |= {file.name for file in STATIC.iterdir()} - {"index.html"}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        first = scope["path"].removeprefix("/").partition("/")[0]
        return (Match.NONE, {}) if first in self.others else super().matches(scope)


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Start the workers with the server, and take what is loaded out of the garbage collector's way."""
    prepare()  # what the server itself measures is small: with more threads it takes ten times as long
    supervisor()
    gc.collect()
    gc.freeze()
    yield {}
    await asyncio.to_thread(supervisor().close)


def app(door: Door, room: Classroom | None = None) -> st.App:
    admit = Entry(room).admit if room else None
    return st.App(
        Path(__file__).with_name("home.py"),
        routes=[
            LIVE,
            ROUTE,
            REEL,
            TAKE,
            HEALTH,
            METRICS,
            Route("/", answer, methods=["POST"]),
            Anywhere("/{path:path}", index),
        ],
        middleware=[Middleware(Gate, door=door, page=HTML, admit=admit)],
        lifespan=lifespan,
    )


def _bind_quick(*given: Any) -> socket.socket:
    """Streamlit's listening socket, without Nagle's delay: small answers took 40 ms with it. Who reads
    nothing for long is let go, and what waits for them with it."""
    bound = _bind_socket(*given)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * limits.SLOWEST))
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


def _plain_kwargs() -> dict[str, Any]:
    """Streamlit's options of uvicorn, which else believes any proxy on this machine: that is for the gate.
    And it would log the address of everybody who opens a socket."""
    own = {"proxy_headers": False, "server_header": False, "ws_max_size": limits.LARGEST_MESSAGE}
    plain = _uvicorn_kwargs() | own | {"log_level": "warning"}
    return plain | {"log_config": None} if log.told() else plain  # else it brings handlers of its own


def _add_few(self: MemoryUploadedFileManager, session_id: str, file: UploadedFileRec) -> None:
    """Streamlit keeps what is uploaded as long as its page is open: of one page, and of all, the newest."""
    _add_file(self, session_id, file)
    for old in list(self.file_storage[session_id])[: -limits.FILES_OF_A_PAGE]:
        self.remove_file(session_id, old)
    while self._total_bytes > limits.FILES_OF_ALL:
        self.remove_session_files(next(iter(self.file_storage)))


def settings(door: Door) -> dict[str, Any]:
    """What differs from Streamlit's defaults."""
    return {
        "server.address": door.host,
        "server.port": door.port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.maxUploadSize": 10,
        "logger.hideWelcomeMessage": True,  # it would ask the network for the address of this machine
        "runner.postScriptGC": False,  # a full collection after every rerun costs 50 to 260 ms
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
        "client.toolbarMode": "minimal",
        "global.disableWidgetStateDuplicationWarning": True,  # a link's values replace defaults
        "theme.light.primaryColor": "#0072B2",  # the blue and its light twin of Okabe and Ito
        "theme.dark.primaryColor": "#56B4E9",
        "theme.headingFontSizes": ["2rem", "1.5rem", "1.25rem", "1.1rem", "1rem", "0.9rem"],
    }


def _no_files(file_name: str) -> list[str]:
    return []


def alone() -> None:
    """Let Streamlit read no settings or secrets of its user: they are for other apps."""
    config.get_config_files = _no_files
    for name in [name for name in os.environ if name.startswith("STREAMLIT_")]:
        del os.environ[name]


def serve(door: Door, room: Classroom | None = None) -> None:
    """Serve the lab until stopped, for this class if there is one."""
    alone()
    if log.told():
        logger.setup_formatter = log.join
        log.as_told()
    classroom.present(room)
    starlette_server._bind_socket = _bind_quick  # type: ignore[assignment]
    starlette_server._get_uvicorn_config_kwargs = _plain_kwargs
    MemoryUploadedFileManager.add_file = _add_few  # type: ignore[method-assign]
    supervisor().limits = limits.AT_HOME if door.at_home and not door.proxy else limits.IN_CLASS
    app(door, room).run(config=settings(door))
