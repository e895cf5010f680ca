"""The live route `/live/{run}`: the newest pictures of a run and answers out, commands and questions in."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.config import Refused
from lab.inbox import LARGEST_NUMBER, LOG, MOST_WAITING, THREADS, Inbox, in_thread, packed, round_of, sentence
from lab.runs import limits, store
from lab.runs.counts import count
from lab.runs.placing import ANSWER_SECONDS
from lab.runs.supervisor import supervisor
from lab.standing import standing, standing_at
from lab.visitor import mark, visitor

LONGEST_MESSAGE = 4096  # characters a browser may send at once
PICTURES = {"frame", "rare", "whole", "keyframe", "trace"}
Question = tuple[str, dict[str, Any], int, int | None]  # a probe, arguments, the asker's number, the round
FLOOD = (4429, "This page sent far too much and was let go. Reload it.")
SLOW = (1013, "Pictures came faster than they were read.")  # the page comes back by itself


class Viewer:
    """One open socket: texts, keyframes and whole pictures in order; of the other frames, and of questions,
    only the newest. A frame that is drawn rarely is not lost to those without what took long.

    A quiet one (`/live/{run}?quiet`) asks, and is sent no pictures. One that floods the server, or for which
    too much waits, is let go.
    """

    def __init__(self, ws: WebSocket, run_id: str) -> None:
        self.ws, self.run_id, self.who = ws, run_id, mark(ws.cookies)
        self.visitor = visitor(ws)  # for limits: one without a key has some, too
        self.quiet = "quiet" in ws.query_params
        self.loop = asyncio.get_running_loop()
        self.texts: list[str | bytes] = []
        self.rounds: list[int] = []  # whose keyframes it has asked for and not got yet
        self.rare: bytes | None = None
        self.frame: bytes | None = None
        self.news = asyncio.Event()
        self.question: Question | None = None
        self.key = secrets.token_hex(8)  # whose questions these are
        self.asked = asyncio.Event()
        self.inbox = Inbox(self.visitor, lambda why: self._take("error", why))
        self.hidden, self.behind = self.quiet, False  # whether no picture can be seen, or taken
        self.over: asyncio.Future[tuple[int, str]] = self.loop.create_future()

    def listen(self) -> None:
        """Hear the run, or why it cannot be opened."""

        def tell(future: Future[Any]) -> None:
            if error := future.exception():
                self.hear("error", sentence(error))

        if opened := supervisor().listen(self.run_id, self.hear, self.who, sees=not self.quiet):
            opened.add_done_callback(tell)

    def hear(self, kind: str, what: Any) -> None:
        """Called from the supervisor's threads."""
        told = self.changed(what) if kind == "state" else what
        self.loop.call_soon_threadsafe(self._take, kind, told)

    def _take(self, kind: str, what: Any) -> None:
        if self.quiet and kind in PICTURES:
            return
        if kind == "frame":
            if self.frame and not self.behind:  # nobody has taken the last one
                self.behind = True
                self._look()
            self.frame = what
        elif kind == "rare":
            self.rare, self.frame = what, None
        elif kind != "error" or len(self.texts) < MOST_WAITING:
            self._put(what if isinstance(what, bytes) else json.dumps({kind: what}))
        if kind in ("trace", "whole"):
            self.rare = self.frame = None  # what still waits is older
        self.news.set()

    def _put(self, what: str | bytes) -> None:
        self.texts.append(what)
        self.news.set()
        if len(self.texts) > limits.WAITING_TEXTS or sum(map(len, self.texts)) > limits.WAITING_BYTES:
            self.let_go(SLOW)

    def let_go(self, why: tuple[int, str]) -> None:
        self.texts = []
        if not self.over.done():
            self.over.set_result(why)

    def state(self, **now: Any) -> dict[str, Any]:
        """What a browser is to know of the run: what is `now`, and what its directory says."""
        return self._state(standing(self.run_id), now)

    def _state(self, known: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
        mine = bool(known["owner"]) and known["owner"] == self.who
        self.fixed = {"mine": mine, "recording": known["recording"]}
        told = {name: known[name] for name in ("state", "why", "keyframes", "round")}
        return told | now | {"run": self.run_id, "again": known["again"]} | self.fixed

    def changed(self, now: dict[str, Any]) -> dict[str, Any]:
        """The same of a run that was there, which may have lost its directory or its run.json meanwhile."""
        try:
            return self._state(standing_at(self.run_id, now), now)
        except Refused as refusal:
            lost = {"state": "failed", "why": str(refusal), "keyframes": [], "round": 0}
            return lost | now | {"run": self.run_id, "again": False} | self.fixed

    async def send(self) -> None:
        """Send what waits, as fast as it is read."""
        while True:
            await self.news.wait()
            self.news.clear()
            waiting = [*self.texts, *filter(None, [self.rare, self.frame])]
            self.texts, self.rare, self.frame = [], None, None
            if self.rounds and (kept := await in_thread(self._kept)):  # one at a time, as they are read
                waiting.append(kept)
            try:
                for what in waiting:
                    async with asyncio.timeout(limits.SLOWEST):
                        kind = "bytes" if isinstance(what, bytes) else "text"
                        if kind == "bytes":
                            count("frames")
                            count("bytes", len(what))
                        await self.ws.send({"type": "websocket.send", kind: what})
            except TimeoutError:
                self.let_go(SLOW)
                return
            if self.rounds:
                self.news.set()
            if self.behind:  # and has caught up
                self.behind = False
                self._look()
            if any(isinstance(what, bytes) for what in waiting):
                await asyncio.sleep(supervisor().rest())

    def _look(self) -> None:
        """Say whether this socket takes pictures now: what nobody takes is not drawn."""
        THREADS.submit(supervisor().look, self.run_id, self.hear, not (self.hidden or self.behind))

    def _kept(self) -> bytes | None:
        """The next keyframe that it has asked for; after the last, the picture that is its own is drawn."""
        round = self.rounds.pop(0)
        with suppress(OSError, Refused):  # else it is a picture less
            if not self.rounds:
                supervisor().draw(self.run_id, self.who)
            return store.keyframe(store.folder(self.run_id), round).read_bytes()
        return None

    async def answer(self) -> None:
        """Ask the model one question at a time; of those that come meanwhile only the newest is kept."""
        while True:
            await self.asked.wait()
            await asyncio.sleep(supervisor().pause(self.visitor))
            self.asked.clear()
            question, self.question = self.question, None
            if question:
                async for part in self._parts(*question):
                    self._put(part)

    async def _parts(
        self, name: str, arguments: dict[str, Any], number: int, round: int | None
    ) -> AsyncIterator[str | bytes]:
        """The answer, or its parts and a word that says that it was all; a newer question ends it."""
        count("questions")
        ask: tuple[Any, ...] = (supervisor().ask, self.run_id, name, arguments, self.key, round, self.visitor)
        try:
            while part := await self._answer(*ask):
                yield packed(part, name, number)
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
        """Until the browser goes."""
        with suppress(WebSocketDisconnect, RuntimeError):
            await in_thread(self.listen)
            if await self.inbox.fill(self.ws):
                self.let_go(FLOOD)

    async def obey(self, text: str | None) -> None:
        """Do what one message asks. Whatever comes of it, the next is heard."""
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
                self.hear("forked", supervisor().fork(self.run_id, self.who, round_of(message)))
            case {"do": "rewind"}:
                self._do({"do": "rewind", "round": round_of(message)})
            case {"do": "step"}:
                player = message.get("player")
                slow = {"slow": True} if message.get("slow") is True else {}
                self._do({"do": "step", "player": player if player is None else str(player)[:40]} | slow)
            case {"trace": None | str() as player}:
                player = player and player[:40]
                self.hear(
                    "trace",
                    supervisor().trace(self.run_id, player, self.key, round_of(message), self.visitor),
                )
            case {"do": "play" | "pause" | "reset" as kind}:
                self._do({"do": kind})
            case {"show": "nothing" | "pictures" as what}:
                self.hidden = what == "nothing" or self.quiet
                self._look()
            case {"show": "keyframes"}:
                if self.rounds:
                    raise Refused("The pictures are still on their way.")
                self.rounds = [] if self.quiet else store.keyframes(store.folder(self.run_id))
                self.loop.call_soon_threadsafe(self.news.set)
            case {"ask": str(name), "with": dict(arguments), "id": int(number)} if (
                abs(number) < LARGEST_NUMBER
            ):
                self.question = name, arguments, number, round_of(message)
                self.loop.call_soon_threadsafe(self.asked.set)
            case _:
                raise Refused("The server did not understand that message; reload the page.")
        if "do" in message:
            LOG.info("%s", message["do"], extra={"run": self.run_id, "visitor": self.who})
            if isinstance(order := message.get("id"), int):
                self.hear("done", order)  # what has come of it was told before

    def _do(self, command: dict[str, Any]) -> None:
        supervisor().do(self.run_id, self.who, command, wait=True)


async def live(ws: WebSocket) -> None:
    """Serve one socket. The gate has let it in: it was opened by a page of ours."""
    await ws.accept()
    run_id, who = ws.path_params["run"], visitor(ws)
    try:
        supervisor().enter(run_id, who)
    except Refused as refusal:
        await _close(ws, (4429, str(refusal)))
        return
    try:
        await _serve(ws, run_id)
    finally:
        supervisor().depart(run_id, who)


async def _serve(ws: WebSocket, run_id: str) -> None:
    try:
        viewer = Viewer(ws, run_id)
        viewer._take("hello", viewer.state())
    except Exception as error:
        await _close(ws, (4404, sentence(error)))
        return
    at = store.folder(run_id)
    if kept := store.keyframes(at):  # something to see at once, while a worker opens the run
        viewer._take("keyframe", store.keyframe(at, kept[-1]).read_bytes())
    works = viewer.receive(), viewer.send(), viewer.answer(), viewer.inbox.empty(viewer.obey)
    heard, *_ = tasks = [asyncio.create_task(work) for work in works]
    ends: list[asyncio.Future[Any]] = [heard, viewer.over]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        left = THREADS.submit(supervisor().leave, run_id, viewer.hear, viewer.key, viewer.who)
        # shielded: a server that closes cancels what it waits for, and nobody would leave the run
        await asyncio.shield(asyncio.wrap_future(left))
    if viewer.over.done():
        with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(1):  # who does not read does not hear it, either
                await _close(ws, viewer.over.result())


async def _close(ws: WebSocket, why: tuple[int, str]) -> None:
    code, text = why
    await ws.send_text(json.dumps({"error": text}))
    await ws.close(code, text.encode()[:120].decode(errors="ignore"))  # a close frame holds 123 bytes


LIVE = WebSocketRoute("/live/{run:path}", live)
