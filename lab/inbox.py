"""What one browser sends: taken at once, done one after the other, and no more than hands can send."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from weakref import WeakValueDictionary

from starlette.websockets import WebSocket

from engine.config import Refused
from lab.runs import limits, wire
from lab.runs.counts import count
from lab.runs.limits import Bucket
from lab.runs.placing import BUSY

MOST_WAITING = 64  # messages; others are dropped, and that is said
TOO_MUCH = "That was too much at once, and not all of it was done; wait a little."
LARGEST_NUMBER = 2**53  # that a browser writes exactly
FAULT = "That did not work. The log of the server says why."
LOG = logging.getLogger(__name__)
HANDS = WeakValueDictionary[str, asyncio.Semaphore]()  # of each visitor, on all their sockets together

# a thread waits for each order that a worker is busy with: those of some visitors must not stop all others
THREADS = ThreadPoolExecutor(128, thread_name_prefix="live")


async def in_thread(work: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(THREADS, work, *arguments)


class Inbox:
    def __init__(self, who: str, complain: Callable[[str], None]) -> None:
        self.complain = complain
        self.orders: asyncio.Queue[str | None] = asyncio.Queue(MOST_WAITING)
        self.messages = Bucket(limits.MESSAGES, limits.MESSAGES_AT_ONCE)
        self.letters = Bucket(limits.LETTERS, limits.LETTERS_AT_ONCE)
        self.missed = Bucket(1.0, limits.MISSED)
        self.hands = HANDS.setdefault(who, asyncio.Semaphore(limits.ORDERS_AT_ONCE))

    async def fill(self, ws: WebSocket) -> bool:
        """Take what comes, at once: nobody hears a browser's pings as long as a message waits to be taken.
        True if it came as a flood, False when the browser has gone."""
        while (message := await ws.receive())["type"] != "websocket.disconnect":
            text = message.get("text")
            if self.messages.take() and self.letters.take(len(text or message.get("bytes") or "")):
                try:
                    self.orders.put_nowait(text)
                except asyncio.QueueFull:
                    self.complain(TOO_MUCH)
            elif self.missed.take():
                self.complain(TOO_MUCH)
            else:
                return True
        return False

    async def empty(self, do: Callable[[str | None], Awaitable[None]]) -> None:
        """Do what was asked, one message after the other."""
        while True:
            text = await self.orders.get()
            async with self.hands:
                await do(text)


def round_of(message: dict[str, Any]) -> int | None:
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


def packed(part: dict[str, Any], name: str, number: int) -> bytes:
    try:
        return wire.pack_answer(part, number)
    except (TypeError, ValueError) as error:
        raise Refused(f"What {name[:40]} answers cannot be sent to a browser.") from error
