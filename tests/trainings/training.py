"""Each setting is trained once a session, however many claims rest on it; its seeds are trained as one where
the family can be stacked."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import Any

import torch

from engine.config import Config
from engine.data import load
from engine.families import find
from engine.family import Batch, Family
from engine.fit import fit, optimizers_of
from engine.metrics.observe import observe
from engine.stack import batch_of, stack

Row = dict[str, Any]
SEEDS = range(5)
MOST = 4  # of them: what "for at least four seeds of five" says


class Training:
    """Models of one setting, one for each seed. They are trained as far as anybody has asked for."""

    def __init__(self, family: type[Family], data_name: str, config: Config, seeds: Sequence[int]) -> None:
        self.family, self.config, self.seeds = family, config, seeds
        self.data = load(data_name)
        self.kept: dict[int, list[Family]] = {}
        self.measured: dict[int, list[Row]] = {}
        self.start()

    def start(self) -> None:
        self.round = 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seeds[0])
            if len(self.seeds) == 1:
                self.model = self.family(self.config, self.data.space)
            else:
                self.model = stack(self.family, [self.config] * len(self.seeds), self.data.space, self.seeds)
            self.optimizers, self.noise = optimizers_of(self.model), torch.get_rng_state()

    def train(self, rounds: int) -> None:
        """On to this round; from the start if it is past. What others draw meanwhile changes nothing."""
        if rounds < self.round:
            self.start()
        drawn = (self.batch(round) for round in range(self.round, rounds))
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self.noise)
            for _turn in fit(self.model, drawn, self.optimizers):
                pass
            self.round, self.noise = rounds, torch.get_rng_state()

    def batch(self, round: int) -> Batch:
        if len(self.seeds) == 1:
            return self.data.batch(self.config.batch, self.seeds[0], round)
        return batch_of(self.data, self.config.batch, self.seeds, round)

    @cached_property
    def single(self) -> Family:
        return self.family(self.config, self.data.space)

    def now(self) -> list[Family]:
        """A model for each seed."""
        if len(self.seeds) == 1:
            return [copy.deepcopy(self.model)]
        together, models = self.model.state_dict(), [copy.deepcopy(self.single) for _ in self.seeds]
        for i, one in enumerate(models):
            one.load_state_dict({name: together[name][i] for name in one.state_dict()})
        return models

    def models(self, rounds: int) -> list[Family]:
        """What they are after so many rounds."""
        if rounds not in self.kept:
            self.train(rounds)
            self.kept[rounds] = self.now()
        return self.kept[rounds]

    def rows(self, at: Sequence[int]) -> list[list[Row]]:
        """What a run would measure in these rounds, for each seed."""
        for round in at:
            if round not in self.measured:
                self.train(round)
                self.measured[round] = [self.row(model) for model in self.now()]
        return [[self.measured[round][i] for round in at] for i in range(len(self.seeds))]

    def row(self, model: Family) -> Row:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.round)
            return {"round": self.round} | observe(model, self.data)


def training(family: str, data_name: str, knobs: Mapping[str, Any], seeds: Sequence[int]) -> Training:
    """The one of this setting and these seeds; several seeds are for families that can be stacked."""
    config = find(family).configure(load(data_name).space, knobs)
    return _of(find(family), data_name, config, tuple(seeds))


_of = cache(Training)
