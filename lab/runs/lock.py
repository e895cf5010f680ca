"""One trainer a run directory: whoever holds the lock on its file `lock` may change it, all others only look.

The kernel keeps the lock (flock) for the process that took it and lets go when that process ends, however it
ends. A copied file is another file and nobody's. On NFS the server keeps it for all machines. A file system
that keeps no locks refuses to take one, and then the run is refused: it never trains unprotected.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.config import Refused

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

WAIT = 0.2  # seconds: who only looks whether a run is held, holds it for a moment
OPENING = 20.0  # seconds, for a run that nobody trains: whoever holds it opens it, and lets go
HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL)
HOW = " Here you can watch it or fork it; to control it here, stop it there."
BY = {"command": "`genlab train`", "lab": "a lab"}


class Elsewhere(Refused):
    """Another process trains this run."""


class Gone(Refused):
    """The directory is not there any more, or another one has its name."""


class Lock:
    """The right to change a run directory, until `close` or the end of this process."""

    def __init__(self, at: Path, by: str = "lab", wait: float = WAIT) -> None:
        """Take the lock; wait for so many seconds. Raises `Elsewhere`, `Gone` or `Refused`."""
        self.path = at / "lock"
        self.file = self._take(wait)
        _held.add(self)
        who = {"by": by, "pid": os.getpid(), "host": socket.gethostname()}
        with suppress(OSError):  # a full disk: the lock holds without a name
            os.ftruncate(self.file, 0)
            os.lseek(self.file, 0, os.SEEK_SET)
            os.write(self.file, json.dumps(who).encode())

    def _take(self, wait: float) -> int:
        end = time.monotonic() + wait
        while True:
            try:
                file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)  # no child process inherits it
            except FileNotFoundError as error:
                raise Gone(f"The folder of run {self.path.parent.name} is gone.") from error
            except OSError as error:
                why = f"The folder of run {self.path.parent.name} cannot be written ({error.strerror})"
                raise Refused(f"{why}: it can be watched, and not trained.") from error
            try:
                if _lock(file, alone=True) and _same(file, self.path):
                    return file
            except BaseException:
                os.close(file)
                raise
            os.close(file)
            if time.monotonic() > end:
                raise Elsewhere(f"Run {self.path.parent.name} is trained by {_who(self.path)}.{HOW}")
            time.sleep(0.01)

    def check(self) -> None:
        """Raises `Gone` if the directory has been removed or replaced under its trainer."""
        if not _same(self.file, self.path):
            name = self.path.parent.name
            raise Gone(f"The folder of run {name} was removed or replaced while it was in use.")

    def close(self) -> None:
        """Let go; a second time is nothing."""
        file, self.file = self.file, -1
        if file >= 0:
            os.close(file)

    def __del__(self) -> None:
        if hasattr(self, "file"):
            self.close()


_held: weakref.WeakSet[Lock] = weakref.WeakSet()


def holder(at: Path) -> str:
    """Who trains the run in this directory, in words; empty if nobody does."""
    try:
        file = os.open(at / "lock", os.O_RDONLY)
    except OSError:
        return ""
    try:
        return "" if _lock(file, alone=False) else _who(at / "lock")
    except Refused:
        return ""
    finally:
        os.close(file)


def _lock(file: int, alone: bool) -> bool:
    """Whether the lock could be taken, by one `alone` or by many who only look. Raises `Refused` where the
    file system keeps none."""
    try:
        if sys.platform == "win32":
            os.lseek(file, 1 << 20, os.SEEK_SET)  # beyond what is written: others may read who holds it
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in HELD:
            return False
        if error.errno in NO_LOCKS:
            say = "The file system of the runs keeps no locks, so two labs could train one run at once."
            raise Refused(f"{say} Set GENLAB_HOME to a folder on another disk.") from error
        raise Refused(f"The run cannot be locked: {error.strerror}.") from error
    return True


def _same(file: int, path: Path) -> bool:
    """Whether this open file is still the one of this name."""
    try:
        ours, there = os.fstat(file), path.stat()
    except OSError:
        return False
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)


def _who(path: Path) -> str:
    """Who wrote their name into a lock that is held."""
    try:
        with path.open("rb") as file:
            told: Any = json.loads(file.read(1000))
        by, pid, host = BY[told["by"]], int(told["pid"]), str(told["host"])[:60]
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return "another process"
    where = "" if host == socket.gethostname() else f" on {host}"
    return f"{by} (process {pid}{where})"


def _forked() -> None:
    """A child made by a bare fork shares open files: it must not keep the lock beyond its parent."""
    for lock in list(_held):
        lock.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
