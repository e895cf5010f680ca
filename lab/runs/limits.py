"""How much one visitor may take, and all of them together. Who is refused is told what to change."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

GB = 10**9


class Limits(NamedTuple):
    """What one visitor may have at once, or do in a minute."""

    training: int  # runs in training
    members: int  # models of walls in training
    waiting: int  # runs that wait for Train while nobody looks at them
    stored: float  # runs that have trained
    disk: float  # bytes of these
    thrown: int  # runs in the trash
    new: float  # runs a minute, copies among them
    questions: float  # a minute, to models
    sockets: int


AT_HOME = Limits(
    training=24, members=192, waiting=16, stored=math.inf, disk=math.inf, thrown=500, new=120, questions=6000,
    sockets=200,
)  # fmt: skip
"""Of a lab that only its own machine reaches: the disk is the visitor's own."""
IN_CLASS = Limits(
    training=8, members=64, waiting=6, stored=100, disk=4 * GB, thrown=30, new=30, questions=1200, sockets=48
)

NEW_OF_ALL = 300.0  # runs a minute
SOCKETS_OF_ALL, SOCKETS_OF_A_RUN = 1500, 400
PICTURES_OF_ALL = 1000.0  # a second: more would leave the server no time for anything else

FILES_OF_A_PAGE, FILES_OF_ALL = 4, 200_000_000  # uploaded and not read yet; bytes

# of one socket: what a hand does comes nowhere near
MESSAGES, MESSAGES_AT_ONCE = 200.0, 600.0  # a second
LETTERS, LETTERS_AT_ONCE = 400_000.0, 1_200_000.0
MISSED = 400.0  # messages beyond, after which it is closed
ORDERS_AT_ONCE = 8  # of a visitor, on all sockets together: each waits for a worker
SLOWEST = 30.0  # seconds that a socket may read nothing
WAITING_TEXTS, WAITING_BYTES = 256, 8_000_000  # for one socket
LARGEST_MESSAGE = 2_000_000  # bytes on any socket, those of the pages among them


class Bucket:
    """Holds at most so many, gains so many a second, and gives what is in it."""

    def __init__(self, rate: float, most: float) -> None:
        self.rate, self.most, self.held, self.then = rate, most, most, time.monotonic()

    def _fill(self) -> None:
        now = time.monotonic()
        self.held = min(self.most, self.held + self.rate * (now - self.then))
        self.then = now

    def take(self, n: float = 1.0) -> bool:
        """Take `n`, if they are there."""
        self._fill()
        if self.held < n:
            return False
        self.held -= n
        return True

    def wait(self) -> float:
        """Seconds until there is one."""
        self._fill()
        return max(0.0, (1.0 - self.held) / self.rate)
