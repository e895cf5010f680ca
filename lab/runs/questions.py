"""Questions to models: those of runs and of recordings, as they are now or were at a kept round."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from engine import data as datasets
from engine.checks import Check, measure_in_steps
from engine.config import Refused
from engine.data import Dataset
from engine.families import find
from engine.family import Family
from lab import probes
from lab.runs import files, picture, slow, store
from lab.runs.lock import Elsewhere
from lab.runs.place import device_of
from lab.runs.run import Run
from lab.runs.scratch import Scratch
from lab.runs.state import unpack
from lab.scenes.arrays import Pointer

Asked = tuple[int, Family, Dataset]
"""A round, the model then, and its data."""
STREAMS = 32  # under way at once; who began the longest ago and did not come to the end is forgotten
COPIES = 4  # likewise


def stored(at: Path, round: int | None = None) -> Asked:
    """What a run or a recording holds; with `round`, of the nearest kept round (`store.stored`). It is read,
    not opened as a `Run`, because a worker may be training it at this moment. Raises `Refused`."""
    return _of(at, store.stored(at, round))


def remembered(at: Path, round: int | None = None) -> Asked:
    """The same, read once. Raises `Refused`."""
    kept = store.stored(at, round)
    return _read(at, kept, kept.stat().st_mtime_ns if kept.exists() else 0)


@lru_cache(maxsize=8)
def _read(at: Path, kept: Path, written: int) -> Asked:
    return _of(at, kept)


def _of(at: Path, kept: Path) -> Asked:
    info = store.read_info(at)
    if not kept.exists():
        if store.is_recording(at):
            why = "is a recording, pictures without weights; train a model and sample that"
        else:
            why = "has no checkpoint yet, or has lost it; open it in the lab"
        raise Refused(f"{info.id} {why}.")
    try:
        return _stored(at, info, kept)
    except Refused as refusal:
        raise Refused(f"{info.id} cannot be asked: {refusal}") from refusal


def _stored(at: Path, info: store.Info, kept: Path) -> Asked:
    tensors, about = unpack(kept, info)
    data, family = datasets.load(info.data, at.parent), find(info.family)
    torch.set_num_threads(info.threads or store.threads(info.family))
    config = family.Config.of(about.config)
    home = store.home() if store.is_recording(at) else at.parent  # nothing is written beside recordings
    device = device_of(family, config, data, info, home)
    data, model = data.to(device), family(config, data.space).to(device)
    held = {name[6:]: t for name, t in tensors.items() if name.startswith("model/")}
    averaged = {name[8:]: t for name, t in held.items() if name.startswith("average.")}
    trained = {f"{model.players[0]}.{name}": t for name, t in averaged.items()}  # a recording leaves it out
    try:
        model.load_state_dict(trained | held)
    except Exception as error:  # torch has one for each thing that may be wrong
        raise Refused(f"{kept.name} does not fit this model.") from error
    return about.round, model, data


class Questions:
    """Answers come at once, or part by part: then each asker has at most one stream of them."""

    def __init__(self, run_of: Callable[[str], Run]) -> None:
        self.run_of = run_of
        self.streams: dict[str, Iterator[probes.Answer]] = {}
        self.copies: dict[str, Scratch] = {}  # that askers take further in slow motion

    def _model(self, run_id: str, round: int | None = None) -> Asked:
        """The model now, or that of the nearest kept round: a copy, so that no training is disturbed."""
        if store.is_recording(at := store.folder(run_id)):
            return remembered(at, round)
        try:
            run = self.run_of(run_id)
        except Elsewhere:  # what it has stored can be asked
            if store.checkpoint(at).exists():
                return remembered(at, round)
            raise
        if round is None or round >= run.round or not store.states(at):
            return run.round, run.model, run.data
        return remembered(at, round)

    def measure(self, run_id: str, round: int | None = None) -> Generator[None, None, list[Check]]:
        """The laws measured on this model as it is now, in steps."""
        _, model, data = self._model(run_id, round)
        checks = list[Check]()
        for some in measure_in_steps(deepcopy(model), data):
            checks += some
            yield
        return checks

    def draw(self, run_id: str, pointer: Pointer, round: int | None = None) -> bytes:
        """The keyframe of a recording, drawn anew for one who looks at something else in it."""
        shown, model, data = self._model(run_id, round)
        rows = files.rows(store.folder(run_id) / "metrics.jsonl")
        about = {"round": shown, "turn": "", "speed": 0.0, "key": shown}
        return picture.of(model, data, [row for row in rows if row["round"] <= shown], about, pointer=pointer)

    def trace(self, run_id: str, player: str | None, asker: str, round: int | None = None) -> bytes:
        """One turn of a copy of a recording's model, in slow motion: of this asker's copy, or of a new one,
        of the kept round `round`."""
        copy = self.copies.pop(asker, None)
        if not copy or round is not None:
            at = store.folder(run_id)
            rows = files.rows(at / "metrics.jsonl")
            copy = Scratch(*stored(at, round), store.read_info(at).seed, rows)
        frame = slow.step(copy, player)
        self.copies[asker] = copy
        while len(self.copies) > COPIES:
            self.copies.pop(next(iter(self.copies)))
        return frame

    def ask(
        self, run_id: str, name: str, arguments: dict[str, Any], asker: str, round: int | None = None
    ) -> probes.Answer:
        """The answer, or its first part, which has a number: "part"."""
        self.streams.pop(asker, None)
        then, model, data = self._model(run_id, round)
        answer = probes.ask(model, data, name, arguments)
        if isinstance(answer, dict):
            return {"round": then} | answer
        self.streams[asker] = ({"round": then} | part for part in answer)
        while len(self.streams) > STREAMS:
            self.streams.pop(next(iter(self.streams)))
        return self.more(run_id, asker) or {}

    def more(self, run_id: str, asker: str) -> probes.Answer | None:
        """The next part, or None after the last. Raises `Refused` for one who has not asked here."""
        if asker not in self.streams:  # for long, or this process is new
            raise Refused("The rest of the answer is lost; ask again.")
        try:
            part = next(self.streams[asker], None)
        except Refused:
            del self.streams[asker]
            raise
        if part is None:
            del self.streams[asker]
        return part

    def enough(self, run_id: str, asker: str) -> None:
        """Nobody waits for the rest, or goes on with a copy."""
        self.streams.pop(asker, None)
        self.copies.pop(asker, None)
