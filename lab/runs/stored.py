"""A model and its directory: opened from what is sound there, and written so that it can be opened again.

A run killed at any moment continues bit for bit from its last checkpoint. Where that is damaged it goes on
from its newest keyframe that is sound, and says so; the log has what was done since then.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine import data as datasets
from engine.config import Config, Refused
from engine.device import seed
from engine.families import find
from engine.fit import Turn, optimizers_of, retune
from lab import scenes
from lab.runs import files, picture, store, wall, wire
from lab.runs.board import Board
from lab.runs.held import Held
from lab.runs.place import device_of
from lab.runs.state import (
    About,
    Stream,
    Unfit,
    identity,
    is_sound,
    keyframe_rounds,
    load_tensors,
    tensors_of,
    unpack,
)

UNFIT = "Nothing that this run has stored fits its run.json: correct run.json, or delete the run."


class Stored(Held):
    speed = 0.0  # rounds a second, about

    def _open(self) -> None:
        self.info = store.read_info(self.at)
        self.info.threads = self.info.threads or store.threads(self.info.family)
        torch.set_num_threads(self.info.threads)
        self.data = datasets.load(self.info.data, self.at.parent)
        self.family = find(self.info.family)
        if not isinstance(self.data.space, self.family.kinds):
            raise Refused(f"{self.family.title} does not model {self.data.title}; choose other data.")
        files.sweep(self.at)
        self.keyframes = store.keyframes(self.at)
        self.history = files.rows(self.at / "metrics.jsonl")
        begin, trouble = self._newest()
        trouble += self._catch_up(files.commands(self.log), begin)
        self._trim()
        if self.round == 0 and not self._has_state(0):
            self._keyframe()
        if trouble or begin != store.checkpoint(self.at):
            self.checkpoint()
        true = {"config": self.model.config.model_dump()} | ({"why": trouble} if trouble else {})
        if self.info.model_copy(update=true) != self.info:
            self._note(**true)
        self._replay()

    def _replay(self) -> None:
        """Carry out what of `pending` is due."""
        raise NotImplementedError

    # --- what is loaded ------------------------------------------------------------------------

    def _build(self, values: dict[str, Any]) -> None:
        """The model at its beginning."""
        config = self.family.configure(self.data.space, values)
        self.device = device_of(self.family, config, self.data, self.info, self.at.parent)
        self.data = self.data.to(self.device)
        seed(self.info.seed, self.device)
        self.model = wall.model_of(self.family, config, self.data.space, self.info).to(self.device)
        self.optimizers = optimizers_of(self.model)
        self.stream = Stream(self.device)
        self.round = self.commands = 0
        self.last = ""  # the player of the last turn
        self._keyframe_rounds, self._state_rounds = keyframe_rounds(self.model, self.optimizers)
        self._turns: Iterator[Turn] | None = None  # of the round that is under way
        self._only: str | None = None
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}  # of the turns that these sums are over
        self.pending: list[dict[str, Any]] = []  # commands to carry out again, each at the round it met
        self.measuring: Iterator[None] | None = None  # what is still being measured for the newest row
        self._unwritten: list[dict[str, Any]] = []  # rows that wait for it
        self.left = False  # whether a round was left between two turns
        self._saved = time.monotonic()

    def _newest(self) -> tuple[Path | None, str]:
        """Load the newest state that is sound: the checkpoint, or a keyframe's, or the beginning. Where it is
        from, and what there is to say of it. Raises `Refused` where run.json is what does not fit: to begin
        again would lose all that is sound."""
        checkpoint, trouble, found, unfit = store.checkpoint(self.at), "", None, ""
        kept = [store.keyframe(self.at, round, state=True) for round in reversed(store.states(self.at))]
        for path in [checkpoint, *kept]:
            try:
                self._load(path)
                found = path
                break
            except Refused as refusal:
                trouble = trouble or str(refusal)
                unfit = unfit or (str(refusal) if isinstance(refusal, Unfit) else "")
        if unfit and not found:
            raise Refused(f"{unfit} {UNFIT}")
        if not found:
            self._build(self.info.config)
        if found == checkpoint or not (found or self.history or self.keyframes or checkpoint.exists()):
            return found, ""  # all is well, or it is new
        with suppress(OSError):  # kept for whoever may want to know
            checkpoint.replace(self.at / "checkpoint.damaged")
        return found, f"{trouble} It goes on from round {self.round:,}, the newest that is sound."

    def _load(self, path: Path) -> None:
        tensors, about = unpack(path, self.info)
        self._build(about.config)
        self._restore(path, tensors, about)

    def _restore(self, path: Path, tensors: dict[str, Tensor], about: About) -> None:
        """Put a stored state into the model that there is. Raises `Refused`; then it is half loaded."""
        try:
            load_tensors(tensors, self.model, self.optimizers, self.stream)
            self._sums = {n: torch.tensor(v, device=self.device) for n, v in about.sums.items()}
            self._counts = {name: about.counts.get(name, about.rounds_summed or 1) for name in about.sums}
        except Exception as error:  # torch has one for each thing that may be wrong
            raise Unfit(f"{path.name} does not fit this model.") from error
        self.round, self.commands, self._turns, self.last = about.round, about.commands, None, ""
        if not self._is_sound():
            raise Refused(f"{path.name} holds weights that are no numbers.")

    def _go_back(self, round: int, config: Config, commands: int) -> None:
        """To a keyframe's state, with this config, having met so many commands. Raises `Refused`."""
        path = store.keyframe(self.at, round, state=True)
        self._restore(path, *unpack(path, self.info))
        retune(self.model, self.optimizers, config)
        self.commands = commands

    def _catch_up(self, log: list[dict[str, Any]], begin: Path | None) -> str:
        """Make ready to carry out what was logged after the state of `begin`. The last rewind among it counts
        at once, because it undid what came before. Returns what there is to say of it."""
        whole, trouble = len(log), ""
        log += [files.LOST] * (self.commands - len(log))
        back = max((i for i, one in enumerate(log) if one["do"] == "rewind"), default=-1)
        if back >= self.commands:
            try:
                config = self.model.config
                for one in log[self.commands : back]:
                    config = config.change(one.get("values", {}))
                self._go_back(log[back]["round"], config, back + 1)
                self.info.state = "paused"
            except Refused as refusal:
                if begin:
                    self._load(begin)
                log, trouble = log[:back], f" It could not be rewound: {refusal}"
        later = log[self.commands :]
        good = later.index(files.LOST) if files.LOST in later else len(later)
        self.pending, log = later[:good], log[: self.commands + good]
        if len(log) < whole:
            trouble = trouble or " A part of its log of commands cannot be read and counts no more."
        if len(log) != whole:
            files.write_rows(self.log, log)
        return trouble

    # --- what is written -----------------------------------------------------------------------

    @property
    def log(self) -> Path:
        return self.at / "commands.jsonl"

    def _note(self, **values: Any) -> None:
        """Change what run.json says. What is in memory is true: the file may have been damaged meanwhile."""
        self.info = self.info.model_copy(update=values)
        store.write_info(self.at, self.info)

    def keep(self) -> None:
        """A checkpoint while it trains; and what was deleted or damaged meanwhile is mended, because nobody
        could stop a run without its run.json."""
        self.checkpoint()
        with suppress(Refused):
            if store.read_info(self.at) == self.info:
                return
        self._note()

    def checkpoint(self) -> None:
        """Store the state at a round's end. Inside a round the last one stays: the log has the rest. Numbers
        that are lost never replace good ones."""
        self._saved = time.monotonic()
        if self._lock and self._turns is None and self.info.state != "failed" and self._is_sound():
            store.write(store.checkpoint(self.at), self._state())

    def _is_sound(self) -> bool:
        return bool(self.model.members) or is_sound(self.model, self._sums)

    def _state(self) -> bytes:
        about = {
            "round": self.round, "commands": self.commands, "config": self.model.config.model_dump(),
            "sums": {name: total.tolist() for name, total in self._sums.items()},
            "counts": dict(self._counts), "run": identity(self.info),
        }  # fmt: skip
        return wire.pack_state(tensors_of(self.model, self.optimizers, self.stream), about)

    def _trim(self) -> None:
        """Drop what was written of rounds that are now to come; they will be written again."""
        self.history = [row for row in self.history if row["round"] <= self.round]
        files.write_rows(self.at / "metrics.jsonl", self.history)
        for round in {*self.keyframes, *store.states(self.at)}:
            if round > self.round:
                store.keyframe(self.at, round).unlink(missing_ok=True)
                store.keyframe(self.at, round, state=True).unlink(missing_ok=True)
        self.keyframes = [round for round in self.keyframes if round <= self.round]
        self._board: Board | None = None

    def _has_state(self, round: Any) -> bool:
        """Whether one can go back to this round."""
        return isinstance(round, int) and files.is_file(store.keyframe(self.at, round, state=True))

    def _keyframe(self) -> None:
        if not self._is_sound():
            return
        (self.at / "keyframes").mkdir(exist_ok=True)  # somebody may have deleted it
        if self.round in self._state_rounds:
            store.write(store.keyframe(self.at, self.round, state=True), self._state(), durable=False)
        store.write(store.keyframe(self.at, self.round), self.frame(key=self.round), durable=False)
        if self.round not in self.keyframes:
            self.keyframes.append(self.round)

    def frame(self, key: int | None = None, **how: Any) -> bytes:
        """The picture now; of a keyframe, `key` is its round. See `picture` for how it is drawn."""
        about: dict[str, Any] = {"round": self.round, "turn": self.last, "speed": round(self.speed, 1)}
        about["key"] = key
        if self.info.wall:
            about["wall"] = scenes.wall.about(self.family, self.data, self.info.wall, self.history)
        return picture.of(self.model, self.data, self.history, about, **how)
