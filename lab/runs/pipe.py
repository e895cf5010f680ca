"""Both ends of the pipe between the supervisor and a worker process: pickled messages, private to the two."""

from __future__ import annotations

import itertools
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, BinaryIO

from engine.config import Refused

START_SECONDS = 120.0  # that a new worker may take before it answers
DEATHS, WITHIN = 4, 60.0  # a worker that dies so often in so many seconds is not started again


class WorkerProcess:
    """One worker and its thread: starts it, reads what it says, starts it again when it dies."""

    def __init__(
        self, hear: Callable[[WorkerProcess, tuple], None], threads: int = 1, nice: int = 0,
        gpu: int | None = None,
    ) -> None:  # fmt: skip
        self.hear, self.threads, self.nice, self.gpu = hear, threads, nice, gpu
        self.runs: set[str] = set()
        self.waiting: dict[int, Future[Any]] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self.up, self.closing = threading.Event(), False
        self._lock, self._tokens = threading.Lock(), itertools.count()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        deaths: list[float] = []
        while not self.closing:
            environment = os.environ | dict.fromkeys(["GENLAB_THREADS", "OMP_NUM_THREADS"], str(self.threads))
            if self.gpu is not None:
                environment["CUDA_VISIBLE_DEVICES"] = str(self.gpu)
            command, pipe = [sys.executable, "-m", "lab.runs.worker"], subprocess.PIPE
            self.process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, env=environment, start_new_session=True
            )
            if self.nice and hasattr(os, "setpriority"):
                os.setpriority(os.PRIO_PROCESS, self.process.pid, self.nice)
            with suppress(EOFError, OSError, pickle.UnpicklingError):
                while True:
                    self.hear(self, pickle.load(self.process.stdout))  # type: ignore[arg-type]
            self.up.clear()
            self.process.wait()
            for token in list(self.waiting):
                self.done(token, "The worker process stopped and is starting again; try once more.", None)
            deaths = [t for t in deaths if time.monotonic() - t < WITHIN] + [time.monotonic()]
            if not self.closing and len(deaths) >= DEATHS:
                self.hear(self, ("gone", f"The worker process died {DEATHS} times within a minute."))
                return

    def ask(self, kind: str, run_id: str, *rest: Any) -> Future[Any]:
        """Send a message; the future ends when the worker has done it, or with its refusal."""
        future: Future[Any] = Future()
        if not self.up.wait(START_SECONDS):
            future.set_exception(Refused("The worker process is not there; restart the lab."))
            return future
        with self._lock, suppress(OSError):  # it has died: the reading thread sees that too and answers
            token = next(self._tokens)
            self.waiting[token] = future
            pickle.dump((kind, run_id, token, *rest), self.process.stdin)  # type: ignore
            self.process.stdin.flush()  # type: ignore[union-attr]
        return future

    def done(self, token: int, error: str | None, result: Any) -> None:
        future = self.waiting.pop(token, None)
        if future and error:
            future.set_exception(Refused(error))
        elif future:
            future.set_result(result)

    def close(self) -> None:
        """End the worker; it stores its runs first."""
        self.closing = True
        if self.process and self.process.stdin:
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
        try:
            pickle.dump(message, self.sink)
            self.sink.flush()
        except OSError:  # the supervisor is gone: that is no fault of the run whose frame this was
            self.inbox.put(("quit",))

    def arrived(self, wait: float | None) -> Iterator[tuple]:
        """The messages that are there; for the first one it waits so many seconds. The last is ("quit",)."""
        with suppress(queue.Empty):
            while True:
                yield self.inbox.get(timeout=wait) if wait else self.inbox.get_nowait()
                wait = None
