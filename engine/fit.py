"""The one training loop: the only place that takes gradients and steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from engine.family import Batch, Family, Terms

Optimizers = dict[str, torch.optim.Optimizer]


class Trainee(Protocol):
    """What can be trained: a family, and as well a classifier that is no generative model."""

    @property
    def players(self) -> tuple[str, ...]:
        """Names of those who take turns."""

    def player(self, name: str) -> nn.Module:
        """The module of that name."""

    def optimizer(self, player: str) -> torch.optim.Optimizer | None:
        """What descends the terms of this player; None where they are only told."""

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """One round."""


class Turn(NamedTuple):
    """A turn that was taken: its round, its player, and the terms before the step."""

    round: int
    player: str
    terms: dict[str, Tensor]  # detached


def optimizers_of(model: Trainee) -> Optimizers:
    """The optimizers of the players that have one, by the player's name."""
    found = {name: model.optimizer(name) for name in model.players}
    return {name: optimizer for name, optimizer in found.items() if optimizer}


def fit(
    model: Trainee,
    batches: Iterable[Batch],
    optimizers: Optimizers | None = None,
    plays: Callable[[str], bool] = lambda name: True,
) -> Iterator[Turn]:
    """For each batch, each player in turn descends the sum of its terms; yields after every turn.

    Stop, pause, single-step and animation are the caller's `for`. Turns of a player for whom
    `plays(name)` is false are passed over without a step.
    """
    optimizers = optimizers if optimizers is not None else optimizers_of(model)
    names = {id(model.player(name)): name for name in model.players}
    weights = {name: [p for g in o.param_groups for p in g["params"]] for name, o in optimizers.items()}
    for batch in batches:
        for player, terms in model.turns(batch):
            name = names[id(player)]
            if not plays(name):
                continue
            if name in optimizers:
                loss = torch.stack(list(terms.values())).sum()
                # grad, not backward: the other players' weights are neither charged nor touched
                gradients = torch.autograd.grad(loss, weights[name], allow_unused=True)
                for weight, gradient in zip(weights[name], gradients, strict=True):
                    weight.grad = gradient
                optimizers[name].step(loss.detach)  # type: ignore[arg-type]  # L-BFGS asks for it
            yield Turn(batch.round, name, {k: t.detach() for k, t in terms.items()})


def retune(model: Family, optimizers: Optimizers, config: object) -> None:
    """Give a training model a config whose live knobs have changed; moments are kept."""
    model.config = config
    for name, fresh in optimizers_of(model).items():
        for group, now in zip(optimizers[name].param_groups, fresh.param_groups, strict=True):
            group.update({k: v for k, v in now.items() if k != "params"})
