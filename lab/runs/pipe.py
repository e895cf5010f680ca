"""Both ends of the pipe between the supervisor and a worker process: pickled messages, private to the two."""

from __future__ import annotations

import itertools
import logging
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from engine.config import Refused
from lab.runs import nursery

LOG = logging.getLogger(__name__)
START_SECONDS = 120.0  # that a new worker may take before it answers
PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)  # before it starts again, after so many deaths
WITHIN = 600.0  # seconds that a death counts
DIED = "The process that worked on this run has stopped."
AGAIN = f"{DIED} It is starting again; try once more in a minute."


class Deaths:
    """How often something died of late, and how long to wait for the next try."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.stored: object = None
        self.vain = 0  # in a row, since it last got on

    def add(self, stored: object = None) -> None:
        """It died. What it had `stored` by then tells whether it had got on since the last time."""
        again = self.count() and stored == self.stored
        self.vain, self.stored = self.vain + 1 if again else 1, stored
        self.times.append(time.monotonic())

    def count(self) -> int:
        self.times = [t for t in self.times if time.monotonic() - t < WITHIN]
        return len(self.times)

    def pause(self) -> float:
        return PAUSES[min(self.count(), len(PAUSES) - 1)]


class WorkerProcess:
    """One worker and its thread: starts it, reads what it says, starts it again when it dies. Only `close`
    ends that thread, whatever it reads.

    A worker elsewhere (lab/runs/cluster.py) has its own `_start`, `_send`, `_receive`, `_let_go`, `kill` and
    `close`; all else is the same."""

    def __init__(
        self, hear: Callable[[WorkerProcess, tuple], None], threads: int = 1, nice: int = 0,
        gpu: int | None = None, apart: Deaths | None = None, pause: float = 0.0,
    ) -> None:  # fmt: skip
        """A worker that is `apart` has one run, which has died so often. It starts after a pause."""
        self.hear, self.threads, self.nice, self.gpu, self.apart = hear, threads, nice, gpu, apart
        self.pause = pause
        self.runs: set[str] = set()
        self.waiting: dict[int, Future[Any]] = {}
        self.process: subprocess.Popen[bytes] | nursery.Forked | None = None
        self.why = AGAIN  # it does not run, for who asks then
        self.now = ""  # the run that it works on
        self.trains = False  # what it was last told to have in training, for one that is apart
        self.silent = 0  # times that the supervisor looked since it said something
        self.up, self.closing = threading.Event(), threading.Event()
        self._lock, self._tokens = threading.Lock(), itertools.count()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        deaths = self.apart or Deaths()
        while not self.closing.wait(self.pause):
            self.pause = 0.0
            try:
                self._start()
                while True:
                    self._heard(self._receive())
            except Exception as error:  # its end, or what is no message: after that nothing can be read
                self.why = str(error) if isinstance(error, Refused) else AGAIN
                if not isinstance(error, EOFError) and not self.closing.is_set():
                    LOG.warning("A worker is lost: %s", error)
                self._stop()
            if not self.closing.is_set():
                suspect, self.now = self.now, ""
                if suspect not in self.runs:  # nobody's fault; else the supervisor counts it
                    deaths.add()
                    self.pause = deaths.pause() if deaths.count() > 1 else 0.0
                self._heard(("died", suspect))

    def _start(self) -> None:
        environment = os.environ | dict.fromkeys(["GENLAB_THREADS", "OMP_NUM_THREADS"], str(self.threads))
        if self.gpu is not None:
            environment["CUDA_VISIBLE_DEVICES"] = str(self.gpu)
        try:
            self.process = nursery.start(environment)
        except OSError:
            command, pipe = [sys.executable, "-m", "lab.runs.worker"], subprocess.PIPE
            self.process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, env=environment, start_new_session=True
            )
        if self.nice and hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, self.process.pid, self.nice)
            with suppress(OSError):  # Linux may weigh sessions, and each worker has one
                Path(f"/proc/{self.process.pid}/autogroup").write_text(str(self.nice))

    def _send(self, message: tuple) -> None:
        """Raises OSError or ValueError when it has just died, or is closed."""
        pickle.dump(message, self.process.stdin)  # type: ignore[union-attr, arg-type]
        self.process.stdin.flush()  # type: ignore[union-attr]

    def _receive(self) -> tuple:
        """The next thing it says. Raises when nothing can be read any more; `Refused` says why."""
        message: tuple = pickle.load(self.process.stdout)  # type: ignore[union-attr, arg-type]
        return message

    def _let_go(self) -> None:
        """Free what a worker has left that was ended."""
        if self.process and self.process.stdin and self.process.stdout:
            self.process.wait()
            for end in (self.process.stdin, self.process.stdout):
                with suppress(OSError):
                    end.close()

    def _heard(self, message: tuple) -> None:
        self.silent = 0
        try:
            self.hear(self, message)
        except Exception:  # of one message, about one run
            LOG.exception("What a worker said of a run could not be taken.")

    def _stop(self) -> None:
        self.up.clear()
        self.kill()
        self._let_go()
        for token in list(self.waiting):
            self.done(token, f"{DIED} It is starting again; try once more.", None)

    def kill(self) -> None:
        """End it as if it had died."""
        if self.process:
            self.process.kill()

    def ask(self, kind: str, run_id: str, *rest: Any) -> Future[Any]:
        """Send a message; the future ends when the worker has done it, or with its refusal."""
        future: Future[Any] = Future()
        if not self.up.wait(0.0 if self.pause else START_SECONDS):
            future.set_exception(Refused(self.why))
            return future
        with self._lock:
            token = next(self._tokens)
            self.waiting[token] = future
            try:
                self._send((kind, run_id, token, *rest))
            except (OSError, ValueError):
                self.done(token, f"{DIED} It is starting again; try once more.", None)
        return future

    def done(self, token: int, error: str | None, result: Any) -> None:
        future = self.waiting.pop(token, None)
        with suppress(InvalidStateError):  # nobody waits for it any more
            if future and error:
                future.set_exception(Refused(error))
            elif future:
                future.set_result(result)

    def close(self) -> None:
        """End the worker; it stores its runs first."""
        self.closing.set()
        if self.process and self.process.stdin:
            with suppress(OSError):
                self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()


class Channel:
    """The worker's end."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self.sink, self.inbox = sink, queue.Queue[tuple]()
        threading.Thread(target=self._listen, args=(source,), daemon=True).start()

    def _listen(self, source: BinaryIO) -> None:
        with suppress(EOFError, OSError):
            while True:
                self.inbox.put(pickle.load(source))  # from our own parent process only
        self.inbox.put(("quit",))

    def tell(self, *message: Any) -> None:
        whole = pickle.dumps(message)  # or nothing of it
        try:
            self.sink.write(whole)
            self.sink.flush()
        except OSError:  # the supervisor is gone: that is no fault of the run whose frame this was
            self.inbox.put(("quit",))

    def arrived(self, wait: float | None) -> Iterator[tuple]:
        """The messages that are there; for the first one it waits so many seconds. The last is ("quit",)."""
        with suppress(queue.Empty):
            while True:
                yield self.inbox.get(timeout=wait) if wait else self.inbox.get_nowait()
                wait = None
