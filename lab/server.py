"""The server: Streamlit for pages, our own routes for pictures that move and for the stage's scripts."""

from __future__ import annotations

import asyncio
import gc
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from streamlit.web.server.starlette import starlette_server

from engine.device import prepare
from engine.families import families
from lab.live import LIVE
from lab.runs.supervisor import supervisor
from lab.stage.files import ROUTE
from lab.stage.stage import HEAD
from lab.visitor import COOKIE

_bind_socket = starlette_server._bind_socket
PAGES = Path(__file__).parents[1] / "pages"


def index(request: Request) -> HTMLResponse:
    """Streamlit's page, with a key for a browser on its first visit, which says whose runs are whose; with
    the server's address, which Streamlit otherwise finds by trial and 404s; and with the stage's scripts."""
    html = (Path(st.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    address = "<script>window.__streamlit = { BACKEND_BASE_URL: window.location.origin + '/' }</script>"
    response = HTMLResponse(html.replace("</head>", f"{address}{HEAD}</head>", 1))
    response.headers["cache-control"] = "no-cache"
    if COOKIE not in request.cookies:
        key = secrets.token_urlsafe(24)
        response.set_cookie(COOKIE, key, max_age=31_536_000, httponly=True, samesite="lax")
    return response


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Start the workers with the server, and take what is loaded out of the garbage collector's way."""
    prepare()  # what the server itself measures is small: with more threads it takes ten times as long
    supervisor()
    gc.collect()
    gc.freeze()
    yield {}
    await asyncio.to_thread(supervisor().close)


def app() -> st.App:
    places = {"", *families(), *(file.stem.replace("_", "-") for file in PAGES.glob("*.py"))}
    return st.App(
        Path(__file__).with_name("home.py"),
        routes=[LIVE, ROUTE, *(Route(f"/{at}", index) for at in places)],
        lifespan=lifespan,
    )


def _bind_quick(*given: Any) -> socket.socket:
    """Streamlit's listening socket, without Nagle's delay: small answers took 40 ms with it."""
    bound = _bind_socket(*given)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


def serve(host: str, port: int) -> None:
    """Serve the lab until stopped."""
    starlette_server._bind_socket = _bind_quick  # type: ignore[assignment]
    loopback = host in ("127.0.0.1", "localhost", "::1")
    app().run(
        config={
            "server.address": host,
            "server.port": port,
            "server.headless": True,
            "server.allowedHosts": ["localhost", "127.0.0.1", "::1"] if loopback else [],
            "server.fileWatcherType": "none",
            "server.maxUploadSize": 10,
            "runner.postScriptGC": False,  # a full collection after every rerun costs 50 to 260 ms
            "browser.gatherUsageStats": False,
            "client.showErrorDetails": "none",
            "client.toolbarMode": "minimal",
            "global.disableWidgetStateDuplicationWarning": True,  # a link's values replace defaults
            "theme.light.primaryColor": "#0072B2",  # the blue and its light twin of Okabe and Ito
            "theme.dark.primaryColor": "#56B4E9",
            "theme.headingFontSizes": ["2rem", "1.5rem", "1.25rem", "1.1rem", "1rem", "0.9rem"],
        }
    )
