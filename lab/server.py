"""The server: Streamlit for pages, and our own WebSocket `/live/{run}` for pictures that move."""

from __future__ import annotations

import asyncio
import gc
import json
import secrets
import socket
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from math import isfinite
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import streamlit as st
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.web.server.starlette import starlette_server
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from engine.config import Refused
from engine.device import prepare
from engine.families import families
from lab.runs import store, wire
from lab.runs.supervisor import ANSWER_SECONDS, BUSY, supervisor
from lab.stage.route import HEAD, ROUTE
from lab.visitor import COOKIE, mark

_bind_socket = starlette_server._bind_socket
PAGES = Path(__file__).parents[1] / "pages"
LONGEST_MESSAGE = 4096  # characters a browser may send at once
OWNED = {"play", "pause", "step", "reset", "rewind"}
Question = tuple[str, dict[str, Any], int]  # a probe's name and arguments, and the asker's number


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


def same_origin(ws: WebSocket) -> bool:
    """Whether a page of ours opened this socket. Routes beside Streamlit's get no check from it."""
    host, origin = ws.headers.get("host"), ws.headers.get("origin")
    return bool(host and origin) and is_host_allowed(host) and urlparse(origin).netloc == host


class Viewer:
    """One open socket: texts, keyframes and whole pictures in order; of the other frames, and of questions,
    only the newest. A frame that is drawn rarely is not lost to those without what took long.

    A quiet one (`/live/{run}?quiet`) asks, and is sent no pictures.
    """

    def __init__(self, ws: WebSocket, run_id: str) -> None:
        self.ws, self.run_id, self.who = ws, run_id, mark(ws.cookies)
        self.quiet = "quiet" in ws.query_params
        self.loop = asyncio.get_running_loop()
        self.texts: list[str | bytes] = []
        self.rare: bytes | None = None
        self.frame: bytes | None = None
        self.news = asyncio.Event()
        self.question: Question | None = None
        self.key = secrets.token_hex(8)  # whose questions these are
        self.asked = asyncio.Event()

    def hear(self, kind: str, what: Any) -> None:
        """Called from the supervisor's threads."""
        self.loop.call_soon_threadsafe(self._take, kind, what)

    def _take(self, kind: str, what: Any) -> None:
        if self.quiet and kind in ("frame", "rare", "whole", "keyframe", "trace"):
            return
        if kind == "frame":
            self.frame = what
        elif kind == "rare":
            self.rare, self.frame = what, None
        else:
            self.texts.append(what if isinstance(what, bytes) else json.dumps({kind: what}))
        if kind in ("trace", "whole"):
            self.rare = self.frame = None  # what still waits is older
        self.news.set()

    def state(self, **now: Any) -> dict[str, Any]:
        at = store.folder(self.run_id)
        info = store.read_info(at)
        kept = store.keyframes(at)
        known = {"state": info.state, "why": info.why, "keyframes": kept, "round": max(kept, default=0)}
        fixed = {
            "run": self.run_id,
            "mine": bool(info.owner) and info.owner == self.who,
            "recording": store.is_recording(at),
        }
        return known | now | fixed

    async def send(self) -> None:
        while True:
            await self.news.wait()
            self.news.clear()
            texts, self.texts = self.texts, []
            frames, self.rare, self.frame = [self.rare, self.frame], None, None
            for what in [*texts, *filter(None, frames)]:
                await (self.ws.send_bytes(what) if isinstance(what, bytes) else self.ws.send_text(what))

    async def answer(self) -> None:
        """Ask the model one question at a time; of those that come meanwhile only the newest is kept."""
        while True:
            await self.asked.wait()
            self.asked.clear()
            question, self.question = self.question, None
            if question:
                async for part in self._parts(question):
                    self.texts.append(part)
                    self.news.set()

    async def _parts(self, question: Question) -> AsyncIterator[str | bytes]:
        """The answer, or its parts and a word that says that it was all; a newer question ends it."""
        name, arguments, number = question
        ask: tuple[Any, ...] = (supervisor().ask, self.run_id, name, arguments, self.key)
        try:
            while part := await self._answer(*ask):
                yield wire.pack_answer(part, number)
                if "part" not in part or self.question:
                    return
                ask = supervisor().more, self.run_id, self.key
            yield json.dumps({"answer": number, "end": True})
            return
        except (Refused, TimeoutError) as error:
            why = str(error) or BUSY
        except (TypeError, ValueError):
            why = f"What {name[:40]} answers cannot be sent to a browser."
        yield json.dumps({"error": why, "answer": number})

    async def _answer(self, ask: Any, *arguments: Any) -> dict[str, Any] | None:
        future = await asyncio.to_thread(ask, *arguments)
        # shielded: a future cancelled here could not take the worker's answer any more
        waiting = asyncio.shield(asyncio.wrap_future(future))
        return await asyncio.wait_for(waiting, ANSWER_SECONDS)

    def _ask(self, question: Question) -> None:
        self.question = question
        self.asked.set()

    async def receive(self) -> None:
        while True:
            text = await self.ws.receive_text()
            try:
                await asyncio.to_thread(self.handle, text)
            except Refused as refusal:
                self._take("error", str(refusal))

    def handle(self, text: str) -> None:
        """One message from the browser. Raises `Refused`."""
        message: dict[str, Any] = {}
        with suppress(ValueError):
            message = json.loads(text) if len(text) <= LONGEST_MESSAGE else {}
        match message:
            case {"do": "fork"}:
                self.hear("forked", supervisor().fork(self.run_id, self.who, _round(message)))
            case {"do": "rewind"}:
                self._do({"do": "rewind", "round": _round(message)})
            case {"do": "step"}:
                player = message.get("player")
                slow = {"slow": True} if message.get("slow") is True else {}
                self._do({"do": "step", "player": player if player is None else str(player)[:40]} | slow)
            case {"do": str(kind)} if kind in OWNED:
                self._do({"do": kind})
            case {"show": "keyframes"}:
                at = store.folder(self.run_id)
                for round in store.keyframes(at):
                    self.hear("keyframe", store.keyframe(at, round).read_bytes())
            case {"ask": str(name), "with": dict(arguments), "id": int(number)} if abs(number) < 2**53:
                self.loop.call_soon_threadsafe(self._ask, (name, arguments, number))
            case {"pointer": {"kind": str(kind), "x": float() | int() as x, "y": float() | int() as y}} if (
                isfinite(x) and isfinite(y)
            ):
                supervisor().point(self.run_id, {"kind": kind[:10], "x": float(x), "y": float(y)})
            case _:
                raise Refused("The server did not understand that message; reload the page.")

    def _do(self, command: dict[str, Any]) -> None:
        supervisor().do(self.run_id, self.who, command, wait=True)


def _round(message: dict[str, Any]) -> int | None:
    round = message.get("round")
    if round is not None and (not isinstance(round, int) or isinstance(round, bool) or round < 0):
        raise Refused("A round is a whole number from 0.")
    return round


async def live(ws: WebSocket) -> None:
    """`/live/{run}`: the newest frames of a run out, commands in."""
    if not same_origin(ws):
        return await ws.close(4403, "This page was not opened from the lab's own address.")
    await ws.accept()
    try:
        viewer = Viewer(ws, ws.path_params["run"])
        viewer._take("hello", viewer.state())
    except Refused as refusal:
        await ws.send_text(json.dumps({"error": str(refusal)}))
        return await ws.close(4404, str(refusal)[:120])  # a close frame holds 123 bytes

    def hear(kind: str, what: Any) -> None:
        viewer.hear(kind, viewer.state(**what) if kind == "state" else what)

    at = store.folder(viewer.run_id)
    if kept := store.keyframes(at):  # something to see at once, while a worker opens the run
        viewer._take("keyframe", store.keyframe(at, kept[-1]).read_bytes())
    tasks = [asyncio.create_task(task) for task in (viewer.send(), viewer.answer())]
    try:
        await asyncio.to_thread(_listen, viewer, hear)
        await viewer.receive()
    except (WebSocketDisconnect, RuntimeError):
        pass
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.to_thread(supervisor().leave, viewer.run_id, hear, viewer.key)


def _listen(viewer: Viewer, hear: Any) -> None:
    opened = supervisor().listen(viewer.run_id, hear)

    def tell(future: Future[Any]) -> None:
        if error := future.exception():
            viewer.hear("error", str(error))

    if opened:
        opened.add_done_callback(tell)


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
        routes=[WebSocketRoute("/live/{run:path}", live), ROUTE, *(Route(f"/{at}", index) for at in places)],
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
