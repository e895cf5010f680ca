"""The live route `/live/{run}`: the newest pictures of a run and answers out, commands and questions in."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.config import Refused
from lab.runs import store, wire
from lab.runs.counts import count
from lab.runs.supervisor import ANSWER_SECONDS, BUSY, supervisor
from lab.visitor import mark

LONGEST_MESSAGE = 4096  # characters a browser may send at once
MOST_WAITING = 64  # messages of one browser, and sentences for it; others are dropped, and that is said
LARGEST_NUMBER = 2**53  # that a browser writes exactly
Question = tuple[str, dict[str, Any], int, int | None]  # a probe, arguments, the asker's number, the round
LOG = logging.getLogger(__name__)
FAULT = "That did not work. The log of the server says why."
# a thread waits for each order that a worker is busy with: those of some visitors must not stop all others
THREADS = ThreadPoolExecutor(128, thread_name_prefix="live")


async def in_thread(work: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(THREADS, work, *arguments)


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
        self.orders: asyncio.Queue[str | None] = asyncio.Queue(MOST_WAITING)

    def listen(self) -> None:
        """Hear the run, or why it cannot be opened."""

        def tell(future: Future[Any]) -> None:
            if error := future.exception():
                self.hear("error", sentence(error))

        if opened := supervisor().listen(self.run_id, self.hear, self.who):
            opened.add_done_callback(tell)

    def hear(self, kind: str, what: Any) -> None:
        """Called from the supervisor's threads."""
        told = self.changed(what) if kind == "state" else what
        self.loop.call_soon_threadsafe(self._take, kind, told)

    def _take(self, kind: str, what: Any) -> None:
        if self.quiet and kind in ("frame", "rare", "whole", "keyframe", "trace"):
            return
        if kind == "frame":
            self.frame = what
        elif kind == "rare":
            self.rare, self.frame = what, None
        elif kind != "error" or len(self.texts) < MOST_WAITING:
            self.texts.append(what if isinstance(what, bytes) else json.dumps({kind: what}))
        if kind in ("trace", "whole"):
            self.rare = self.frame = None  # what still waits is older
        self.news.set()

    def state(self, **now: Any) -> dict[str, Any]:
        """What a browser is to know of the run: what is `now`, and what its directory says."""
        at = store.folder(self.run_id)
        info, kept = store.look(at), store.keyframes(at)
        known = {"state": info.state, "why": info.why, "keyframes": kept, "round": max(kept, default=0)}
        mine = bool(info.owner) and info.owner == self.who
        self.fixed = {"mine": mine, "recording": store.is_recording(at)}
        again = info.state == "failed" and not info.diverged
        return known | now | {"run": self.run_id, "again": again} | self.fixed

    def changed(self, now: dict[str, Any]) -> dict[str, Any]:
        """The same of a run that was there, which may have lost its directory or its run.json meanwhile."""
        try:
            return self.state(**now)
        except Refused as refusal:
            lost = {"state": "failed", "why": str(refusal), "keyframes": [], "round": 0}
            return lost | now | {"run": self.run_id, "again": False} | self.fixed

    async def send(self) -> None:
        while True:
            await self.news.wait()
            self.news.clear()
            waiting = [*self.texts, *filter(None, [self.rare, self.frame])]
            self.texts, self.rare, self.frame = [], None, None
            for what in waiting:
                if isinstance(what, bytes):
                    count("frames")
                    count("bytes", len(what))
                await (self.ws.send_bytes(what) if isinstance(what, bytes) else self.ws.send_text(what))

    async def answer(self) -> None:
        """Ask the model one question at a time; of those that come meanwhile only the newest is kept."""
        while True:
            await self.asked.wait()
            self.asked.clear()
            question, self.question = self.question, None
            if question:
                async for part in self._parts(*question):
                    self.texts.append(part)
                    self.news.set()

    async def _parts(
        self, name: str, arguments: dict[str, Any], number: int, round: int | None
    ) -> AsyncIterator[str | bytes]:
        """The answer, or its parts and a word that says that it was all; a newer question ends it."""
        count("questions")
        ask: tuple[Any, ...] = (supervisor().ask, self.run_id, name, arguments, self.key, round)
        try:
            while part := await self._answer(*ask):
                yield _packed(part, name, number)
                if "part" not in part or self.question:
                    return
                ask = supervisor().more, self.run_id, self.key
            yield json.dumps({"answer": number, "end": True})
            return
        except Exception as error:
            yield json.dumps({"error": sentence(error), "answer": number})

    async def _answer(self, ask: Any, *arguments: Any) -> dict[str, Any] | None:
        future = await in_thread(ask, *arguments)
        # shielded: a future cancelled here could not take the worker's answer any more
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), ANSWER_SECONDS)

    async def receive(self) -> None:
        """Take what comes, at once: nobody hears a browser's pings as long as a message waits to be taken."""
        while (message := await self.ws.receive())["type"] != "websocket.disconnect":
            try:
                self.orders.put_nowait(message.get("text"))
            except asyncio.QueueFull:
                self._take("error", "That was too much at once, and not all of it was done; wait a little.")

    async def obey(self) -> None:
        """Do what was asked, one message after the other. Whatever one of them does, the next is heard."""
        while True:
            text = await self.orders.get()
            try:
                await in_thread(self.handle, text)
            except Exception as error:
                self._take("error", sentence(error))

    def handle(self, text: str | None) -> None:
        """One message from the browser; None if it was no text. Raises `Refused`."""
        message: Any = {}
        with suppress(ValueError, RecursionError):
            message = json.loads(text) if text and len(text) <= LONGEST_MESSAGE else {}
        match message:
            case {"do": "fork"}:
                self.hear("forked", supervisor().fork(self.run_id, self.who, _round(message)))
            case {"do": "rewind"}:
                self._do({"do": "rewind", "round": _round(message)})
            case {"do": "step"}:
                player = message.get("player")
                slow = {"slow": True} if message.get("slow") is True else {}
                self._do({"do": "step", "player": player if player is None else str(player)[:40]} | slow)
            case {"trace": None | str() as player}:
                player = player and player[:40]
                self.hear("trace", supervisor().trace(self.run_id, player, self.key, _round(message)))
            case {"do": "play" | "pause" | "reset" as kind}:
                self._do({"do": kind})
            case {"show": "keyframes"}:
                if any(isinstance(what, bytes) for what in self.texts):
                    raise Refused("The pictures are still on their way.")
                at = store.folder(self.run_id)
                for round in store.keyframes(at):
                    self.hear("keyframe", store.keyframe(at, round).read_bytes())
                supervisor().draw(self.run_id, self.who)
            case {"ask": str(name), "with": dict(arguments), "id": int(number)} if (
                abs(number) < LARGEST_NUMBER
            ):
                self.question = name, arguments, number, _round(message)
                self.loop.call_soon_threadsafe(self.asked.set)
            case _:
                raise Refused("The server did not understand that message; reload the page.")
        if "do" in message:
            LOG.info("%s", message["do"], extra={"run": self.run_id, "visitor": self.who})
        if "do" in message and isinstance(order := message.get("id"), int):
            self.hear("done", order)  # what has come of it was told before

    def _do(self, command: dict[str, Any]) -> None:
        supervisor().do(self.run_id, self.who, command, wait=True)


def _packed(part: dict[str, Any], name: str, number: int) -> bytes:
    try:
        return wire.pack_answer(part, number)
    except (TypeError, ValueError) as error:
        raise Refused(f"What {name[:40]} answers cannot be sent to a browser.") from error


def _round(message: dict[str, Any]) -> int | None:
    round = message.get("round")
    whole = isinstance(round, int) and not isinstance(round, bool) and 0 <= round < LARGEST_NUMBER
    if round is not None and not whole:
        raise Refused("A round is a whole number from 0.")
    return round


def sentence(error: BaseException) -> str:
    """What a browser may read of an error; what a library says is for the server's log."""
    if isinstance(error, Refused):
        count("refusals")
        return str(error)
    if isinstance(error, TimeoutError):
        return BUSY
    LOG.error("A message to the live route failed.", exc_info=error)
    return FAULT


async def live(ws: WebSocket) -> None:
    """Serve one socket. The gate has let it in: it was opened by a page of ours."""
    await ws.accept()
    try:
        viewer = Viewer(ws, ws.path_params["run"])
        viewer._take("hello", viewer.state())
    except Exception as error:
        why = sentence(error)
        await ws.send_text(json.dumps({"error": why}))
        return await ws.close(
            4404, why.encode()[:120].decode(errors="ignore")
        )  # a close frame holds 123 bytes
    at = store.folder(viewer.run_id)
    if kept := store.keyframes(at):  # something to see at once, while a worker opens the run
        viewer._take("keyframe", store.keyframe(at, kept[-1]).read_bytes())
    count("opened")
    tasks = [asyncio.create_task(task) for task in (viewer.send(), viewer.answer(), viewer.obey())]
    try:
        await in_thread(viewer.listen)
        await viewer.receive()
    except (WebSocketDisconnect, RuntimeError):
        pass
    finally:
        count("closed")
        for task in tasks:
            task.cancel()
        left = THREADS.submit(supervisor().leave, viewer.run_id, viewer.hear, viewer.key, viewer.who)
        # shielded: a server that closes cancels what it waits for, and nobody would leave the run
        await asyncio.shield(asyncio.wrap_future(left))


LIVE = WebSocketRoute("/live/{run:path}", live)
