"""The one training loop: the only place that takes gradients and steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from engine.family import Batch, Family, Terms

Optimizers = dict[str, torch.optim.Optimizer]


class Trainee(Protocol):
    """What can be trained: a family, or any other model, such as a classifier."""

    @property
    def players(self) -> tuple[str, ...]:
        """The names of the players, which take turns."""

    def player(self, name: str) -> nn.Module:
        """The module of that name."""

    def optimizer(self, player: str) -> torch.optim.Optimizer | None:
        """What descends the terms of this player; None if they are only reported."""

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """One training round: each player in turn, with its terms."""


class Turn(NamedTuple):
    """A turn that has been taken: its round, its player, and its terms before the step."""

    round: int
    player: str
    terms: dict[str, Tensor]  # detached


def optimizers_of(model: Trainee) -> Optimizers:
    """The optimizers of the players that have one, by the player's name."""
    optimizers = {name: model.optimizer(name) for name in model.players}
    return {name: optimizer for name, optimizer in optimizers.items() if optimizer}


def fit(
    model: Trainee,
    batches: Iterable[Batch],
    optimizers: Optimizers | None = None,
    plays: Callable[[str], bool] = lambda name: True,
) -> Iterator[Turn]:
    """For each batch, each player in turn descends the sum of its terms; yields after every turn, so stop,
    pause and animation are the caller's `for`. A player for which `plays` is false takes no step."""
    optimizers = optimizers if optimizers is not None else optimizers_of(model)
    names = {id(model.player(name)): name for name in model.players}
    weights = {name: [p for g in o.param_groups for p in g["params"]] for name, o in optimizers.items()}
    for batch in batches:
        for player, terms in model.turns(batch):
            name = names[id(player)]
            if not plays(name):
                continue
            if name in optimizers:
                loss = reduce(torch.add, terms.values())
                loss = loss.sum() if loss.ndim else loss  # of a wall each member has its own
                # grad, not backward: nothing is added to the gradients of the other players
                gradients = torch.autograd.grad(loss, weights[name], allow_unused=True)
                for weight, gradient in zip(weights[name], gradients, strict=True):
                    weight.grad = gradient
                optimizers[name].step(loss.detach)  # type: ignore[arg-type]  # L-BFGS asks for it
            yield Turn(batch.round, name, {k: t.detach() for k, t in terms.items()})


def retune(model: Family, optimizers: Optimizers, config: object) -> None:
    """Give a model in training a config with other live knobs; the optimizers keep their moments."""
    model.config = config
    for name, fresh in optimizers_of(model).items():
        for group, now in zip(optimizers[name].param_groups, fresh.param_groups, strict=True):
            group.update(now)  # whose weights are the same
