"""What visitors look at: in a run all see the same; a recording is everybody's, and each sees their own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from lab.runs import store
from lab.runs.pipe import WorkerProcess
from lab.runs.seat import Pointers
from lab.runs.suspects import Suspects

MOST_POINTERS = 256  # visitors who look at something of their own in a recording


class Pointing(Suspects):
    def __init__(self) -> None:
        super().__init__()
        # what each visitor looks at in a recording, and at which round
        self.pointers: dict[tuple[str, str], tuple[Pointers, int | None]] = {}
        self.under_way: dict[tuple[str, ...], Callable[[], Future[Any]] | None] = {}

    @abstractmethod
    def place(self, run_id: str) -> WorkerProcess:
        """The worker of this run."""

    def point(self, run_id: str, pointer: dict[str, Any], who: str = "", round: int | None = None) -> None:
        """What the page of a run looks at, for its scene; what its owner looks at counts. The picture of a
        recording, at `round`, is drawn anew for this visitor alone: others look at it, too."""
        if store.here(run_id):
            owner = store.read_info(store.folder(run_id)).owner
            if owner and owner == who:
                ask = partial(self.place(run_id).ask, "pointer", run_id, pointer)
                self._one_at_a_time((run_id, who, pointer["kind"]), ask)
            return
        before, _ = self.pointers.pop((run_id, who), ({}, None))
        now = before | {pointer["kind"]: {"x": pointer["x"], "y": pointer["y"]}}
        self.pointers[run_id, who] = now, round
        while len(self.pointers) > MOST_POINTERS:
            self.pointers.pop(next(iter(self.pointers)))
        self.draw(run_id, who)

    def draw(self, run_id: str, who: str) -> None:
        """Draw a recording for a visitor who looks at something else in it than all others, if they do."""
        pointer, round = self.pointers.get((run_id, who), ({}, None))
        if not pointer or not store.has_model(store.folder(run_id)):
            return

        def tell(future: Future[bytes]) -> None:
            if not future.exception():  # else a picture less
                self._tell(private(run_id, who), "keyframe", future.result())

        def ask() -> Future[bytes]:
            drawn = self.place(run_id).ask("question", run_id, "draw", pointer, round)
            drawn.add_done_callback(tell)
            return drawn

        self._one_at_a_time((run_id, who), ask)

    def _one_at_a_time(self, key: tuple[str, ...], ask: Callable[[], Future[Any]]) -> None:
        """Ask this, or after what is under way with this key; of what comes meanwhile only the newest."""
        with self._lock:
            if key in self.under_way:
                self.under_way[key] = ask
                return
            if len(self.under_way) >= MOST_POINTERS:  # a picture less
                return
            self.under_way[key] = None

        def then(done: Future[Any]) -> None:
            with self._lock:
                newest = self.under_way.pop(key)
            if newest and not done.exception():  # a worker that has died must first start again
                self._one_at_a_time(key, newest)

        try:
            ask().add_done_callback(then)
        except BaseException:
            self.under_way.pop(key)
            raise


def private(run_id: str, who: str) -> str:
    """Under which what is drawn for one visitor is heard; no run has such an id."""
    return f"{run_id} for {who}"
