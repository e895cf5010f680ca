"""N models of one family trained as one: their weights are stacked, and each operation works on all.

Each member meets the batches, the noise and the steps of a single run of its seed. In exact arithmetic it is
that run; float32 rounds in another order, and training magnifies it: weights of a game were 0.18 apart after
1,500 rounds. It is three to twenty times faster, because a small model waits most of the time for the next
operation.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from engine.adam import Adam
from engine.config import Config, Refused
from engine.data import Dataset
from engine.device import random_state, set_random_state
from engine.family import Batch, Family
from engine.space import Space


def check_stackable(family: type[Family], configs: Sequence[Config]) -> list[str]:
    """The knobs in which these configs differ. Raises `Refused` if one of them is not `stackable`."""
    if not family.stacked:
        raise Refused(f"{family.title} cannot be trained as a wall yet.")
    turned = [k for k in family.Config.model_fields if len({getattr(config, k) for config in configs}) > 1]
    for name in turned:
        if name not in family.stackable:
            others = ", ".join(family.stackable)
            raise Refused(f"{name} cannot differ within a wall. The seed can, and so can {others}.")
    return turned


def stack(family: type[Family], configs: Sequence[Config], space: Space, seeds: Sequence[int]) -> Family:
    """N models as one, each with the weights that `family(config, space)` draws from its seed.

    `fit` trains it like a single model, on batches of `batch_of`. Its terms have shape (N,) and its samples
    shape (N, n, *shape); the methods named in `family.stacked` take tensors (N, ...). Raises `Refused`.
    """
    turned = check_stackable(family, configs)
    members, first = [], {}
    for config, seed in zip(configs, seeds, strict=True):
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            members.append(family(config, space))
            first[seed] = torch.get_rng_state()
    template = _Call(copy.deepcopy(members[0]))
    named = [*template.model.named_parameters(), *template.model.named_buffers()]
    held = [name.rpartition(".")[::2] for name, _ in named]  # module and attribute: (D.net.0, weight)
    own = [{name: getattr(config, name) for name in turned} for config in configs]
    noise: dict[int, Tensor] = {}  # the state of the noise of each seed

    class Stack(family):  # type: ignore[misc, valid-type]
        """The family itself, with stacked weights and with methods that work on all members."""

        def __init__(self) -> None:
            super().__init__(configs[0], space)
            self.members, self.seeds = len(members), list(seeds)
            for owner, leaf in held:
                place = self.get_submodule(owner)
                together = torch.stack([getattr(m.get_submodule(owner), leaf) for m in members])
                if isinstance(getattr(place, leaf), nn.Parameter):
                    setattr(place, leaf, nn.Parameter(together))
                else:
                    place.register_buffer(leaf, together)

        def optimizer(self, player: str) -> torch.optim.Optimizer:
            singles = []
            for member, values in zip(members, own, strict=True):
                member.config = self.config.model_copy(update=values)
                if single := member.optimizer(player):
                    singles.append(single)
            return StackedOptimizer(self.player(player).parameters(), singles)

        @torch.no_grad()
        def sample(self, n: int, y: Tensor | None = None) -> Tensor:
            return self.on_all("sample", n=n, y=y)

        def on_all(self, method: str, *given: Tensor | None, **fixed: Any) -> Any:
            """Call a method of all members, each with its weights, its dials and its part of `given`. All
            draw the same random numbers, so that members differ only in what they have learned."""
            weights = {
                ".".join(filter(None, ("model", owner, leaf))): getattr(self.get_submodule(owner), leaf)
                for owner, leaf in held
            }
            dials = {k: torch.tensor([values[k] for values in own], device=self.device) for k in turned}

            def one(weights: dict[str, Tensor], dials: dict[str, Tensor], *given: Tensor | None) -> Any:
                template.model.config = _Dials(self.config, dials) if dials else self.config
                return functional_call(template, weights, (method, given, fixed), tie_weights=False)

            ins = (0, 0 if dials else None, *(None if g is None else 0 for g in given))
            return vmap(one, ins, randomness="same")(weights, dials, *given)

        def draw(self, method: str, n: int) -> Tensor | None:
            """The noise of all members, each from the stream of its seed; None if they need none."""
            before, drawn = random_state(self.device), {}
            for seed, state in self.streams().items():
                set_random_state(state, self.device)
                drawn[seed] = getattr(family, method)(self, n)
                noise[seed] = random_state(self.device)
            set_random_state(before, self.device)
            if None in drawn.values():
                return None
            if len(drawn) == 1:
                return drawn[self.seeds[0]].expand(self.members, *drawn[self.seeds[0]].shape)
            return torch.stack([drawn[seed] for seed in self.seeds])

        def streams(self) -> dict[int, Tensor]:
            """The state of the noise of each seed: at first, what drawing the weights left. Weights are drawn
            on the CPU, so the stream of another device begins at a seed that follows from that state."""
            for seed in [] if noise else first:
                before = random_state(self.device)
                set_random_state(first[seed], self.device)
                noise[seed] = random_state(self.device)
                set_random_state(before, self.device)
            return noise

        def get_extra_state(self) -> Tensor:
            return torch.stack([*self.streams().values()])

        def set_extra_state(self, state: Tensor) -> None:
            # each in its own memory, because a row of a matrix cannot be set as a random state
            noise.update((seed, one.clone()) for seed, one in zip(self.streams(), state, strict=True))

    for name in family.stacked:
        setattr(Stack, name, lambda self, *given, name=name: self.on_all(name, *given))
    for name in family.draws:
        setattr(Stack, name, lambda self, n, name=name: self.draw(name, n))
    return Stack()


class _Call(nn.Module):
    """A module whose `forward`, which functional_call calls, is any method of a model."""

    def __init__(self, model: Family) -> None:
        super().__init__()
        self.model = model

    def forward(self, method: str, given: tuple, fixed: dict[str, Any]) -> Any:
        return getattr(self.model, method)(*given, **fixed)


class _Dials:
    """A config in which some knobs are tensors, one number a member."""

    def __init__(self, config: Config, turned: dict[str, Tensor]) -> None:
        self._config, self._turned = config, turned

    def __getattr__(self, name: str) -> Any:
        if name in self._turned:
            return self._turned[name]
        attribute = getattr(type(self._config), name, None)
        # a method of the config must see the dials too
        return partial(attribute, self) if callable(attribute) else getattr(self._config, name)


class StackedOptimizer(torch.optim.Optimizer):
    """Adam, or plain descent, of N models at once, each with its own rate and memory. Both rules are
    elementwise, so it does what N optimizers would do."""

    def __init__(self, weights: Any, singles: Sequence[torch.optim.Optimizer]) -> None:
        groups = [single.param_groups[0] for single in singles]
        kinds = {type(single) for single in singles}
        if kinds not in ({Adam}, {torch.optim.SGD}):
            raise Refused("All members of a wall need the same optimizer, Adam or SGD.")
        numbers = {"lr": torch.tensor([g["lr"] for g in groups])}
        if kinds == {Adam}:
            numbers |= {f"beta{i + 1}": torch.tensor([g["betas"][i] for g in groups]) for i in (0, 1)}
        super().__init__(weights, numbers)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """A step of all weights of a player as one matrix (N, weights of a member), in few operations."""
        (group,) = self.param_groups
        weights = [w for w in group["params"] if w.grad is not None]
        g = torch.cat([w.grad.reshape(len(w), -1) for w in weights], 1)  # type: ignore[union-attr]
        lr, *betas = (group[k].to(g)[:, None] for k in ("lr", "beta1", "beta2") if k in group)
        change = -lr * (self._adam(g, *betas) if betas else g)
        for w, part in zip(weights, change.split([w[0].numel() for w in weights], 1), strict=True):
            w += part.view_as(w)

    def _adam(self, g: Tensor, beta1: Tensor, beta2: Tensor) -> Tensor:
        """The direction of Adam (Kingma and Ba 2015, algorithm 1); the first weight holds its averages."""
        state = self.state[self.param_groups[0]["params"][0]]
        if not state:
            state |= {"step": torch.zeros(()), "m": torch.zeros_like(g), "v": torch.zeros_like(g)}
        state["step"] += 1
        t = state["step"].item()
        state["m"].lerp_(g, 1 - beta1)
        state["v"].mul_(beta2).add_((1 - beta2) * g.square())
        return state["m"] / (1 - beta1**t) / ((state["v"] / (1 - beta2**t)).sqrt_() + 1e-8)


def batch_of(data: Dataset, size: int, seeds: Sequence[int], round: int, draw: int = 0) -> Batch:
    """The batches that single runs of these seeds meet in this round, stacked: x (N, B, *shape)."""
    singles = {seed: data.batch(size, seed, round, draw) for seed in dict.fromkeys(seeds)}
    x = torch.stack([singles[seed].x for seed in seeds])
    y = None if data.y is None else torch.stack([singles[seed].y for seed in seeds])  # type: ignore[misc]
    return Batch(round, x, y, lambda: batch_of(data, size, seeds, round, draw + 1))
