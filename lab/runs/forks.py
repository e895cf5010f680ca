"""The process that makes workers (`lab/runs/nursery.py`): it loads what they need, and forks."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
from contextlib import suppress

import torch._dynamo  # noqa: F401  # the first optimizer would import it, for a second

from engine import dispatch
from lab.runs import worker

LONGEST = 1 << 20  # bytes of an order


def main() -> None:
    """Load, and fork for each order, until the parent ends."""
    for name in dispatch.names("engine"):
        dispatch.load(name)
    orders = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the dead
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()  # what is never looked at stays shared
    while True:
        order, ends, _, _ = socket.recv_fds(orders, LONGEST, 2)
        if not order:
            return
        if pid := os.fork():
            for end in ends:
                os.close(end)
            with suppress(OSError):
                orders.send(str(pid).encode())
            continue
        orders.close()
        _become(order, ends)
        worker.main()
        return


def _become(order: bytes, ends: list[int]) -> None:
    """In the child: a session, an environment and a folder of its own, and its ends of the pipes."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    environment, folder = json.loads(order)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, end in enumerate(ends):
        os.dup2(end, number)
        os.close(end)


if __name__ == "__main__":
    main()
