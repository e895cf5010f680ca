"""A run in a process: a model in training, in its own random stream, with its directory.

The worker and the command line both train through this class, so the same setting gives the same
numbers in both. All that shapes the numbers is a function of (config, seed, commands): batches come
from (seed, round), rows and keyframes fall on fixed rounds, commands are logged with the round
they met. So a run that was killed continues bit for bit (lab/runs/stored.py).
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from typing import Any

from engine.config import Refused
from engine.device import seed
from engine.fit import Turn, fit, retune
from engine.metrics.measure import Steps
from lab.runs import files, store, wall
from lab.runs.board import Board
from lab.runs.state import Stream
from lab.runs.stored import Stored

LONG = 0.25  # seconds after which a round is left between two turns
DIVERGED = "This run has diverged. Lower a learning rate, then rewind or reset it."
CHECKPOINT_SECONDS = 10.0


class Run(Stored):
    turning = 0.0  # seconds of the processor that its turns have taken
    defers = False  # whether measuring waits for `measure_on`, so that others have their turn meanwhile

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
        """Train for a time slice or a number of rounds; stops, too, when the run's state changes. A slice
        ends with a round, but a round that takes very long is left between two turns."""
        start, first = time.monotonic(), self.round
        over = False
        if self.info.state == "training":
            self.take()
        while self.info.state == "training" and not over:
            begin = time.process_time()
            with self.stream.flow():
                while True:
                    while self._turn():
                        if time.monotonic() - start >= max(seconds, LONG):
                            self.left = over = True
                            break
                    else:
                        self.left = False
                        over = time.monotonic() - start >= seconds or self.round - first >= rounds
                    if over or self._due():
                        break
            self.turning += time.process_time() - begin
            if self.left:
                break
            self._record()
            self._replay()
            if self.info.state != "training":
                break
            if self.info.rounds is not None and self.round >= self.info.rounds:
                self.settle("ended", f"It made the {self.info.rounds:,} rounds asked for.")
            elif time.monotonic() - self._saved > CHECKPOINT_SECONDS * (2 if self.measuring else 1):
                self.keep()
        rate = (self.round - first) / max(1e-9, time.monotonic() - start)
        self.speed = 0.8 * self.speed + 0.2 * rate if self.speed else rate

    def whole(self) -> None:
        """Come to the end of what is under way: a round that was left, and measuring."""
        if self.left:
            self.train(rounds=1)
        self.measure_on(whole=True)

    def checkpoint(self) -> None:
        """Store the state; the rows up to it are written before."""
        self.measure_on(whole=True)
        super().checkpoint()

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
            self.measure_on(whole=True)  # its curves are to be the same, however long that took
            self._keyframe()

    def _row(self) -> None:
        row = {name: wall.mean(total, self._counts[name]) for name, total in self._sums.items()}
        self._sums, self._counts = {}, {}
        if wall.diverged(row, self.model.members):
            good = max((k for k in self.keyframes if self._has_state(k)), default=0)
            why = f"A loss became infinite or NaN near round {self.round:,}: training diverged. "
            why += f"Lower a learning rate, then rewind to round {good:,} or reset."
            self.measure_on(whole=True)
            self.settle("failed", why, save=False, diverged=True)
            return
        row = {"round": self.round} | row
        self.history.append(row)
        if self.round % max(64, 4 * _stride(self.round)) == 0:
            self.measure_on(whole=True)
            self.measuring = self._measured(row)
        self._unwritten.append(row)
        if self.defers:
            self._write()
        else:
            self.measure_on(whole=True)

    def measure_on(self, whole: bool = False) -> None:
        """Take a step, or all, of what is being measured; then write the rows that waited for it."""
        while self.measuring:
            if next(self.measuring, self) is self:
                self.measuring = None
            if not whole:
                break
        self._write()

    def _write(self) -> None:
        """Write the rows that are complete: all, unless the newest measures are still being taken."""
        if self.measuring:
            return
        rows, self._unwritten = self._unwritten, []
        for row in rows:
            files.append(self.at / "metrics.jsonl", row)
            self._board = self._board or Board(self.at, row["round"])
            self._board.row(row)

    def _measured(self, row: dict[str, Any]) -> Iterator[None]:
        """Measure the model as it is now, which may train on meanwhile, for this row."""
        seed(self.round, self.device)
        model = deepcopy(self.model) if self.defers else self.model
        return self._measure(row, Stream(self.device), wall.observe_in_steps(model, self.data))

    def _measure(self, row: dict[str, Any], own: Stream, steps: Steps) -> Iterator[None]:
        """Take one step after the other in a random stream of their own; at the end add to the row."""
        while True:
            with own.flow():
                try:
                    next(steps)
                except StopIteration as end:
                    row |= end.value
                    return
            yield

    def quality(self) -> dict[str, Any]:
        """What is measured of the model, drawn outside the run's random stream."""
        seed(self.round, self.device)
        return wall.observe(self.model, self.data)

    # --- commands ----------------------------------------------------------------------------

    def do(self, command: dict[str, Any]) -> None:
        """Carry out a logged command: set, step, rewind. Raises `Refused`; then nothing changed."""
        with self.held():
            self.whole()
            self._check(command)
            if self.pending:  # catching up after a crash, and now the future is another one
                self._cut()
            begin = files.append(self.log, {"round": self.round} | command)
            try:
                self._carry_out(command)
            except Exception:
                os.truncate(self.log, begin)
                self._open()  # as it was: it may have been half done
                raise

    def _check(self, command: dict[str, Any]) -> None:
        match command:
            case {"do": "step", "player": player} if player not in (None, *self.family.players):
                raise Refused(f"{self.family.title} has no player {player!r}.")
            case {"do": "step"} if self.info.diverged:
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
                if self.info.state == "ready":
                    self._note(state="paused")
                self._step(command.get("player"))
            case {"do": "set", "values": values}:
                config = self.model.config.change(values)
                retune(self.model, self.optimizers, config)
                self._note(config=config.model_dump())
            case {"do": "rewind", "round": round}:
                self._go_back(round, self.model.config, self.commands)
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
        self.measure_on(whole=True)  # it may rest now, and then nobody works on it

    def _replay(self) -> None:
        """Carry out again what was logged after the checkpoint, each at the round it met."""
        while self.pending and self.pending[0]["round"] <= self.round:
            command = self.pending.pop(0)
            try:
                if command["round"] < self.round:
                    raise Refused("It is too late.")
                self._check(command)
                self._carry_out(command)
            except Refused:  # it is not from here
                self._cut()
                self._note(why="A part of its log of commands cannot be carried out and counts no more.")

    def _cut(self) -> None:
        """Forget the commands that are still to come."""
        files.write_rows(self.log, files.commands(self.log)[: self.commands])
        self.pending = []

    # --- states ------------------------------------------------------------------------------

    def play(self) -> None:
        """Train on. Raises `Refused` for a run that has diverged."""
        with self.held():
            if self.info.diverged:
                raise Refused(DIVERGED)
            if self.info.rounds is not None and self.round >= self.info.rounds:
                self._note(rounds=None)
            self.settle("training", save=False)

    def settle(self, state: store.State, why: str = "", save: bool = True, diverged: bool = False) -> None:
        """Change the run's state, durably."""
        with self.held():
            if save:
                before = self.info.state
                self.whole()
                if self.info.state != before:  # the round that was left has ended the run, or diverged
                    return
                self.checkpoint()
            if (state, why) != (self.info.state, self.info.why):
                self._note(state=state, why=why, diverged=diverged)

    def fail(self, why: str) -> None:
        """Stop because of trouble that may pass, and say so, as far as the disk lets us. Train begins again
        with what is stored."""
        self.info = self.info.model_copy(update={"state": "failed", "why": why})
        self.measuring, self._unwritten = None, []  # others may write here soon; it is made again
        if self._lock:
            with suppress(Exception):  # the disk may be what is in trouble
                self._lock.check()
                store.write_info(self.at, self.info)
        self.close()


def _stride(round: int) -> int:
    """Rounds between two rows near this round: a row a round at first, some 128 a doubling later."""
    return 1 << (round // 256).bit_length()
