"""A copy of a stored model that goes on in memory, turn by turn; nothing of it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.config import Refused
from engine.data import Dataset
from engine.device import seed
from engine.family import Family
from engine.fit import Turn, fit, optimizers_of
from lab import scenes
from lab.runs import picture
from lab.runs.state import Stream


class Scratch:
    """It meets the batches that the run met after that round. Its optimizers begin anew, because a recording
    has weights alone."""

    def __init__(self, round: int, model: Family, data: Dataset, run_seed: int, rows: scenes.Rows) -> None:
        self.round, self.model, self.data, self.seed = round, model, data, run_seed
        self.rows = [row for row in rows if row["round"] <= round]
        self.family, self.last = type(model), ""
        self.optimizers = optimizers_of(model)
        seed(round, data.x.device)
        self.stream = Stream(data.x.device)
        self.only: str | None = None
        self.turns = self._turns()

    def _turns(self) -> Iterator[Turn]:
        while True:
            batch = self.data.batch(self.model.config.batch, self.seed, self.round)
            yield from fit(self.model, [batch], self.optimizers, lambda name: self.only in (None, name))
            self.round += 1

    def do(self, command: dict[str, Any]) -> None:
        """One turn, of the player that the command names or of whoever is next. Raises `Refused`."""
        self.only = command["player"]
        if self.only not in (None, *self.family.players):
            raise Refused(f"{self.family.title} has no player {self.only!r}.")
        with self.stream.flow():
            self.last = next(self.turns).player

    def frame(self) -> bytes:
        about = {"round": self.round, "turn": self.last, "speed": 0.0, "key": None}
        return picture.of(self.model, self.data, self.rows, about)
