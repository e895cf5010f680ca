"""A run in a process: a model in training, in its own random stream, with its directory.

The worker and the command line both train through this class, so the same setting gives the same
numbers in both. All that shapes the numbers is a function of (config, seed, commands): batches come
from (seed, round), rows and keyframes fall on fixed rounds, commands are logged with the round
they met. A run killed at any moment therefore continues bit for bit from its last checkpoint.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine import data as datasets
from engine.config import Refused
from engine.device import seed
from engine.families import find
from engine.fit import Turn, fit, optimizers_of, retune
from lab import scenes
from lab.runs import picture, store, wall, wire
from lab.runs.board import Board
from lab.runs.place import device_of
from lab.runs.state import Stream, keyframe_rounds, load_tensors, tensors_of

DIVERGED = "This run has diverged. Lower a learning rate, then rewind or reset it."
CHECKPOINT_SECONDS = 10.0


class Run:
    def __init__(self, at: Path) -> None:
        """Open the run in directory `at`, from its checkpoint if it has one. Raises `Refused`."""
        self.at, self.info = at, store.read_info(at)
        self.data = datasets.load(self.info.data, at.parent)
        self.family = find(self.info.family)
        if not isinstance(self.data.space, self.family.kinds):
            raise Refused(f"{self.family.title} does not model {self.data.title}; choose other data.")
        config = self.family.configure(self.data.space, self.info.config)
        self.device = device_of(self.family, config, self.data, self.info, at.parent)
        self.data = self.data.to(self.device)
        self.speed = 0.0
        self.keyframes = store.keyframes(at)
        self._board: Board | None = None
        self._build()
        self.pending = store.rows(at / "commands.jsonl")
        if (at / "checkpoint.safetensors").exists():
            self._restore(at / "checkpoint.safetensors", config=True)
            self._trim()
        else:
            self._keyframe()
            self.checkpoint()
        self.pending = self.pending[self.commands :]
        if self.info.config != (config := self.model.config.model_dump()):
            self.info = store.change_info(at, config=config)
        self._replay()

    # --- the model and its random stream ---------------------------------------------------

    def _build(self) -> None:
        config = self.family.configure(self.data.space, self.info.config)
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
        self.history = store.rows(self.at / "metrics.jsonl")
        self._saved = time.monotonic()

    # --- training ----------------------------------------------------------------------------

    def _turn(self) -> Turn | None:
        """One turn, or None when the round has ended instead."""
        if self._turns is None:
            batch = wall.batch_of(self.model, self.data, self.info.seed, self.round)
            self._turns = fit(self.model, [batch], self.optimizers, lambda name: self._only in (None, name))
        for turn in self._turns:
            self.last = turn.player
            for name, term in turn.terms.items():
                so_far = self._sums.get(name)
                self._sums[name] = term.clone() if so_far is None else so_far.add_(term)
                self._counts[name] = self._counts.get(name, 0) + 1
            return turn
        self._turns = None
        self.round += 1
        return None

    def train(self, seconds: float = math.inf, rounds: float = math.inf) -> None:
        """Train for a time slice or a number of rounds; stops, too, when the run's state changes."""
        start, first = time.monotonic(), self.round
        over = False
        while self.info.state == "training" and not over:
            with self.stream.flow():
                while True:
                    while self._turn():
                        pass
                    over = time.monotonic() - start >= seconds or self.round - first >= rounds
                    if over or self._due():
                        break
            self._record()
            self._replay()
            if self.info.rounds is not None and self.round >= self.info.rounds:
                self.settle("ended", f"It made the {self.info.rounds:,} rounds asked for.")
            elif time.monotonic() - self._saved > CHECKPOINT_SECONDS:
                self.checkpoint()
        rate = (self.round - first) / max(1e-9, time.monotonic() - start)
        self.speed = 0.8 * self.speed + 0.2 * rate if self.speed else rate

    def _due(self) -> bool:
        """Whether this round's end needs more than training."""
        if self.pending and self.pending[0]["round"] == self.round:
            return True
        special = self.round in self._keyframe_rounds or self.round == self.info.rounds
        return special or self.round % _stride(self.round) == 0

    def _record(self) -> None:
        """At a round's end: the row and the keyframe that fall on it."""
        if self.round % _stride(self.round) == 0:
            self._row()
        if self.round in self._keyframe_rounds and self.info.state != "failed":
            self._keyframe()

    def _row(self) -> None:
        row = {name: wall.mean(total, self._counts[name]) for name, total in self._sums.items()}
        self._sums, self._counts = {}, {}
        if wall.diverged(row, self.model.members):
            good = max((k for k in self.keyframes if self._has_state(k)), default=0)
            why = f"A loss became infinite or NaN near round {self.round:,}: training diverged. "
            why += f"Lower a learning rate, then rewind to round {good:,} or reset."
            self.settle("failed", why, save=False)
            return
        # under 5 % of the time; of a diffusion of points, half
        if self.round % max(64, 4 * _stride(self.round)) == 0:
            row |= self.quality()
        row = {"round": self.round} | row
        self.history.append(row)
        store.append(self.at / "metrics.jsonl", row)
        self._board = self._board or Board(self.at, self.round)
        self._board.row(row)

    def quality(self) -> dict[str, Any]:
        """What is measured of the model, drawn outside the run's random stream."""
        seed(self.round, self.device)
        return wall.observe(self.model, self.data)

    # --- commands ----------------------------------------------------------------------------

    def do(self, command: dict[str, Any]) -> None:
        """Carry out a logged command: set, step, rewind. Raises `Refused`; then nothing changed."""
        self._check(command)
        if self.pending:  # catching up after a crash, and now the future is another one
            log = self.at / "commands.jsonl"
            store.write_rows(log, store.rows(log)[: self.commands])
            self.pending = []
        store.append(self.at / "commands.jsonl", {"round": self.round} | command)
        self._carry_out(command)

    def _check(self, command: dict[str, Any]) -> None:
        match command:
            case {"do": "step", "player": player} if player not in (None, *self.family.players):
                raise Refused(f"{self.family.title} has no player {player!r}.")
            case {"do": "step"} if self.info.state == "failed":
                raise Refused(DIVERGED)
            case {"do": "rewind", "round": round} if not self._has_state(round):
                raise Refused(f"Round {round} has no stored weights; choose another keyframe.")
            case {"do": "set", "values": values}:
                wall.check_set(self.info, values)
                self.model.config.change(values)
                knobs = self.family.Config.knobs()
                if fixed := ", ".join(name for name in values if not knobs[name].live):
                    raise Refused(f"{fixed} cannot change while a run trains: it needs a new model.")

    def _carry_out(self, command: dict[str, Any]) -> None:
        self.commands += 1
        match command:
            case {"do": "step"}:
                self._step(command.get("player"))
            case {"do": "set", "values": values}:
                config = self.model.config.change(values)
                retune(self.model, self.optimizers, config)
                self.info = store.change_info(self.at, config=config.model_dump())
            case {"do": "rewind", "round": round}:
                done = self.commands
                self._restore(store.keyframe(self.at, round, state=True), config=False)
                self.commands = done
                self._trim()
                self.settle("paused")

    def _step(self, player: str | None) -> None:
        """One turn, of this player or of whoever is next; other players' turns are passed over."""
        self._only = player
        while True:
            with self.stream.flow():
                turn = self._turn()
            if turn:
                break
            self._record()
        self._only = None

    def _replay(self) -> None:
        """Carry out again what was logged after the checkpoint, each at the round it met."""
        while self.pending and self.pending[0]["round"] == self.round:
            self._carry_out(self.pending.pop(0))

    # --- the directory -----------------------------------------------------------------------

    def play(self) -> None:
        """Train on. Raises `Refused` for a run that has diverged."""
        if self.info.state == "failed":
            raise Refused(DIVERGED)
        if self.info.rounds is not None and self.round >= self.info.rounds:
            self.info = store.change_info(self.at, rounds=None)
        self.settle("training", save=False)

    def settle(self, state: store.State, why: str = "", save: bool = True) -> None:
        """Change the run's state, durably."""
        if save:
            self.checkpoint()
        if (state, why) != (self.info.state, self.info.why):
            self.info = store.change_info(self.at, state=state, why=why)

    def checkpoint(self) -> None:
        """Store the state at a round's end. Inside a round the last one stays: the log has the rest."""
        self._saved = time.monotonic()
        if self._turns is None and self.info.state != "failed":
            store.write(self.at / "checkpoint.safetensors", self._state())

    def _state(self) -> bytes:
        about = {
            "round": self.round, "commands": self.commands, "config": self.model.config.model_dump(),
            "sums": {name: total.tolist() for name, total in self._sums.items()},
            "counts": dict(self._counts),
        }  # fmt: skip
        return wire.pack_state(tensors_of(self.model, self.optimizers, self.stream), about)

    def _restore(self, path: Path, config: bool) -> None:
        """Load a stored state; its config too, or keep the present one."""
        tensors, about = wire.unpack_state(path.read_bytes())
        load_tensors(tensors, self.model, self.optimizers, self.stream)
        kept = self.family.Config.of(about["config"]) if config else self.model.config
        retune(self.model, self.optimizers, kept)
        self._sums = {n: torch.tensor(v, device=self.device) for n, v in about["sums"].items()}
        # of an older checkpoint, which counted rounds
        self._counts = about.get("counts") or dict.fromkeys(self._sums, about.get("rounds_summed", 0))
        self.round, self.commands, self._turns, self.last = about["round"], about["commands"], None, ""

    def _trim(self) -> None:
        """Drop what was written of rounds that are now to come; they will be written again."""
        self.history = [row for row in self.history if row["round"] <= self.round]
        store.write_rows(self.at / "metrics.jsonl", self.history)
        for round in [k for k in self.keyframes if k > self.round]:
            store.keyframe(self.at, round).unlink()
            store.keyframe(self.at, round, state=True).unlink(missing_ok=True)
            self.keyframes.remove(round)
        self._board = None

    def _has_state(self, round: int) -> bool:
        return isinstance(round, int) and store.keyframe(self.at, round, state=True).exists()

    def _keyframe(self) -> None:
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


def _stride(round: int) -> int:
    """Rounds between two rows near this round: a row a round at first, some 128 a doubling later."""
    return 1 << max(0, (max(1, round) // 256).bit_length())
