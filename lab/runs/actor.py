"""A worker as an actor of a Ray cluster: the loop of lab/runs/worker.py, in a thread of the actor's process.

Ray is imported here, and nobody but a lab that joined a cluster imports this (lab/runs/cluster.py).
"""

from __future__ import annotations

import pickle
import queue
import threading
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
import torch

from engine.config import Refused
from lab.runs import worker
from lab.runs.pipe import Channel
from lab.runs.sign import look

MOST_WAITING = 64  # messages; then the worker waits until the server has taken some, as with a full pipe
BATCHES = 16  # of messages on their way to the server


class Post(Channel):
    """The worker's end: orders are brought, and what it tells is fetched."""

    def __init__(self) -> None:
        self.inbox = queue.Queue[tuple]()
        self.outbox = queue.Queue[bytes | None](MOST_WAITING)

    def tell(self, *message: Any) -> None:
        self.outbox.put(pickle.dumps(message))  # or nothing of it

    def end(self) -> None:
        self.outbox.put(None)

    def told(self) -> Iterator[list[bytes]]:
        """What was told since the last time, whenever there is something; to the end."""
        while True:
            batch = [self.outbox.get()]
            with suppress(queue.Empty):
                while batch[-1] is not None:
                    batch.append(self.outbox.get_nowait())
            yield [message for message in batch if message is not None]
            if batch[-1] is None:
                return


# one thread each, so that order is kept
@ray.remote(concurrency_groups={"orders": 1, "news": 1})  # type: ignore[call-overload, unused-ignore]
class Host:
    """`sign` is what `look` looks at."""

    def __init__(self, sign: str, share: float) -> None:
        self.sign, self.share = Path(sign), share
        self.post = Post()

    @ray.method(concurrency_group="orders")
    def order(self, message: bytes) -> None:
        self.post.inbox.put(pickle.loads(message))  # from the lab that started this actor

    @ray.method(concurrency_group="news", _generator_backpressure_num_objects=BATCHES)
    def news(self) -> Iterator[list[bytes]]:
        """All that the worker says, in batches, as long as it works."""
        threading.Thread(target=self._work, daemon=True).start()
        yield from self.post.told()

    def _work(self) -> None:
        try:
            look(self.sign)
            if 0 < self.share < 1 and torch.cuda.is_available():  # Ray counts shares and limits nothing
                torch.cuda.set_per_process_memory_fraction(self.share)
            worker.work(self.post)
        except Refused as refusal:
            self.post.tell("refused", str(refusal))
        except BaseException:
            traceback.print_exc()
        finally:
            self.post.end()
