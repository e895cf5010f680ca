"""A run directory in one process's hands: it takes it, changes it, and lets it rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from lab.runs import store
from lab.runs.lock import OPENING, WAIT, Lock, holder

STAMPED = ("run.json", "checkpoint.safetensors", "commands.jsonl")


class Held(ABC):
    """Its directory is this process's alone while the run trains or is changed. Then it rests: others may go
    on with it, and what they made of it is read when it is taken again."""

    info: store.Info

    def __init__(self, at: Path, by: str = "lab") -> None:
        """Open the run in directory `at`; `by` says who trains it. Raises `Refused`: `Elsewhere` if another
        process trains it."""
        self.at, self.by = at, by
        self._lock: Lock | None = None
        self._depth = 0
        self._left: object = None  # what the directory was like when it was let go
        with self.held():
            pass

    @abstractmethod
    def _open(self) -> None:
        """Read all of the directory."""

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within, nobody else changes the directory; nor later, while the run trains. Raises `Refused`."""
        self.take()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth and self.info.state != "training":
                self.rest()

    def take(self) -> None:
        """Take the directory if it is not ours yet, and read it anew if others have changed it."""
        if self._lock:
            self._lock.check()
        else:
            training = store.read_info(self.at).state == "training"
            self._lock = Lock(self.at, self.by, WAIT if training else OPENING)
            try:
                if self.changed():
                    self._open()
            except BaseException:
                self.close()
                raise
        if torch.get_num_threads() != self.info.threads:  # its numbers depend on them
            torch.set_num_threads(self.info.threads)

    def changed(self) -> bool:
        """Whether somebody wrote into the directory since it was let go."""
        return self._left is None or self._left != self._stamp()

    def left_and_changed(self) -> bool:
        """Whether others have taken it since, or it is gone."""
        changed = self._left is not None and self._left != self._stamp()
        return self._lock is None and (changed or bool(holder(self.at)))

    def rest(self) -> None:
        """Let others take it."""
        if self._lock:
            self._left = self._stamp()
            self._lock.close()
            self._lock = None

    def close(self) -> None:
        """Let go, and forget what is in memory: it is read from the directory when it is taken again."""
        if self._lock:
            self._lock.close()
        self._lock = self._left = None

    def _stamp(self) -> object:
        looks = []
        for name in STAMPED:
            with suppress(OSError):
                about = (self.at / name).stat()
                looks.append((name, about.st_ino, about.st_mtime_ns, about.st_size))
        return looks
