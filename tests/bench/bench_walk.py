"""A run beside a model that is asked to write: `python -m tests.bench.bench_walk [--seconds 5]`.

In one worker a GAN of points trains and is watched, and somebody asks a model for numbers one after another,
again and again, as fast as the answers come. What the GAN keeps of its rounds, how long it waits for one at
most, and how long the longest part of an answer takes.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import time
from typing import Any

from engine import data
from engine.device import prepare
from engine.families import find
from lab import probes
from lab.runs import store
from lab.runs.pipe import Channel
from lab.runs.run import Run
from lab.runs.seat import Seat
from lab.runs.worker import Worker
from tests.bench.benching import settings

QUESTIONS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("nade", "digits", "write", {"n": 8}),
    ("made", "digits", "write", {"n": 8}),
    ("pixelcnn", "digits", "write", {"n": 8}),
    ("gated-pixelcnn", "pixel-faces", "write", {"n": 8}),
    ("pixelrnn", "digits-14", "write", {"n": 8}),
    ("wavenet", "voices", "utter", {}),
    ("letters", "villages", "made_up", {}),
]
ASKER = "somebody"


class Answers(Channel):
    """Notes what the worker says instead of sending it."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), io.BytesIO())
        self.done: list[tuple[Any, ...]] = []

    def tell(self, kind: str, *rest: Any) -> None:
        if kind == "done":
            self.done.append(rest)


def seated(worker: Worker, family: str, name: str) -> Seat:
    """A new run in this worker."""
    config = find(family).configure(data.load(name).space).model_dump()
    run = Run(store.folder(store.create({"family": family, "data": name, "seed": 0, "config": config}).name))
    worker.seats[run.info.id] = seat = Seat(run, watchers=1, viewers=1)
    return seat


def rounds(worker: Worker, light: Seat, seconds: float, asked: Seat | None, question: Any) -> list[float]:
    """Rounds a second of the light run, its longest wait, and the longest part of an answer, in seconds."""
    begin = last = time.perf_counter()
    first, waited, longest, more, waiting = light.run.round, 0.0, 0.0, False, False
    while (now := time.perf_counter()) < begin + seconds:
        if asked and not waiting:
            rest = ("more",) if more else ("ask", *question)
            worker._handle("question", asked.run.info.id, 1, *rest, ASKER)
            waiting = True
        before = light.run.round
        job = worker.scheduler.next(worker.survey())
        assert job is not None
        if job.kind == "hear":
            worker._hear(job.share)
        elif job.kind != "rest":
            worker.work(job)
        for _, error, answer in worker.channel.done:  # type: ignore[attr-defined]
            assert error is None, error
            waiting, more = False, "part" in (answer or {})
            longest = max(longest, time.perf_counter() - now)
        worker.channel.done.clear()  # type: ignore[attr-defined]
        if light.run.round > before:
            waited, last = max(waited, time.perf_counter() - last), time.perf_counter()
    return [(light.run.round - first) / seconds, waited, longest]


def main() -> None:
    given = settings(__doc__, seconds=(5.0, 0.3))
    prepare(1)
    os.environ["GENLAB_HOME"] = home = tempfile.mkdtemp()
    print(f"{'asked':<34}{'rounds/s alone':>16}{'beside':>8}{'kept':>7}{'waits, ms':>11}{'part, ms':>10}")
    for family, name, probe, arguments in QUESTIONS:
        worker = Worker(Answers())
        light, other = seated(worker, "gan", "ring"), seated(worker, family, name)
        question = (probe, arguments)
        for _ in probes.ask(other.run.model, other.run.data, *question):  # what is loaded once
            pass
        worker.on_do(light.run.info.id, {"do": "play"})
        rounds(worker, light, given.seconds / 2, None, question)
        (alone, *_), (beside, waits, part), (again, *_) = (
            rounds(worker, light, given.seconds, asked, question) for asked in (None, other, None)
        )
        kept = 2 * beside / (alone + again)
        print(
            f"{f'{family} {name} {probe}':<34}{(alone + again) / 2:>16.1f}{beside:>8.1f}{kept:>7.0%}"
            f"{1000 * waits:>11.1f}{1000 * part:>10.1f}",
            flush=True,
        )
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
