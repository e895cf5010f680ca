"""Workers by fork: a process (`lab/runs/forks.py`) has loaded what workers need, and makes one in a moment.

A start from nothing imports for seconds, and then holds some 400 MB of libraries of its own. Forks share
them. The nursery only loads: it computes nothing; it has no threads, because a fork has none of its
parent's; and it never asks for a GPU, because what has seen one cannot be forked. Without Linux, or with
another accelerator, each worker is a process of its own (`lab/runs/pipe.py`).

Python's own forkserver would run the page again in each child: Streamlit makes it `__main__`.
"""

from __future__ import annotations

import atexit
import errno
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

from engine.device import pick


class Forked:
    """A process that another has forked, with the methods of a `subprocess.Popen` that a worker needs."""

    def __init__(self, pid: int, stdin: BinaryIO, stdout: BinaryIO) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self._handle = os.pidfd_open(pid)  # a number may come to mean another process, this does not

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> None:
        """Wait for its end. Raises `subprocess.TimeoutExpired`."""
        ends = select.poll()  # `select` knows no number beyond 1023, and a class has many sockets
        ends.register(self._handle, select.POLLIN)
        if not ends.poll(None if timeout is None else 1000 * timeout):
            raise subprocess.TimeoutExpired("a worker", timeout or 0.0)

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            os.close(self._handle)


class Nursery:
    """The parent's end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        alone = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], "1")
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "lab.runs.forks", str(theirs.fileno())], stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()], env=os.environ | alone, start_new_session=True,
            )  # fmt: skip

    def start(self, environment: dict[str, str]) -> Forked:
        """A worker with this environment, in our folder. Raises OSError if the nursery has died."""
        (its_in, to), (back, its_out) = os.pipe(), os.pipe()
        stdin, stdout = os.fdopen(to, "wb"), os.fdopen(back, "rb")
        try:
            with self._lock:
                order = json.dumps([environment, str(Path.cwd())]).encode()
                socket.send_fds(self.socket, [order], [its_in, its_out])
                pid = int(self.socket.recv(100) or 0)
            if not pid:
                raise BrokenPipeError("The process that makes workers has died.")
            return Forked(pid, stdin, stdout)
        except BaseException:
            stdin.close()
            stdout.close()
            raise
        finally:
            os.close(its_in)
            os.close(its_out)

    def close(self) -> None:
        self.socket.close()
        self.process.wait()


def usable() -> bool:
    """Whether workers can be forked here."""
    return sys.platform == "linux" and pick().type in ("cpu", "cuda") and _has_handles()


@cache
def _has_handles() -> bool:
    """Whether this Linux has handles of processes; some sandboxes have none."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (OSError, AttributeError):
        return False
    return True


def start(environment: dict[str, str]) -> Forked:
    """A new worker. Raises OSError where none can be forked, or not now: the next try has a new nursery."""
    if not usable():
        raise OSError(errno.ENOSYS, "no worker can be forked here")
    with _one:
        if not _now:
            _now.append(Nursery())
            atexit.register(_now[0].close)
        nursery = _now[0]
    try:
        return nursery.start(environment)
    except OSError:
        with _one:
            if nursery in _now:
                _now.remove(nursery)
                atexit.unregister(nursery.close)
                nursery.process.kill()
                nursery.close()
        raise


_one = threading.Lock()
_now: list[Nursery] = []
"""The nursery of this process, once there is one."""
