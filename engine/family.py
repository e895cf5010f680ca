"""What every model family promises: `turns`, the paper's algorithm, and `sample`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from engine.adam import Adam
from engine.config import Config as BaseConfig
from engine.config import Refused
from engine.space import Line, Picture, Plane, Space, known

AT_ONCE = 2**18
"""How many numbers are drawn at a time; a net holds about a thousand times as many bytes meanwhile."""

Terms = dict[str, Tensor]
"""Named scalars whose sum a player descends; a minimized term carries its sign in its name."""


@dataclass(frozen=True)
class Batch:
    """One minibatch, with what its space declares as `given`."""

    round: int
    x: Tensor  # (B, *space.shape)
    y: Tensor | None  # labels (B,), examples of another space, or None
    again: Callable[
        [], Batch
    ]  # gives another minibatch of the same round, for algorithms that need k of them


class Step(NamedTuple):
    """One step of a walk that ends in samples."""

    t: int  # how many steps are left
    x: Tensor  # (n, *shape), the samples so far


class Family(nn.Module, ABC):
    """A model of one paper. Subclasses are final: no family inherits from another."""

    name: ClassVar[str]  # the address, the command-line word
    title: ClassVar[str]
    source: ClassVar[str]  # authors, year, address of the paper
    branch: ClassVar[Literal["tractable", "approximate", "implicit", "beside"]]  # the lecture's taxonomy
    Config: ClassVar[type[BaseConfig]]
    players: ClassVar[tuple[str, ...]] = ("model",)  # names of the modules that take turns
    kinds: ClassVar[tuple[type[Space], ...]] = (Line, Plane, Picture)  # of data that it can model
    recipes: ClassVar[dict[Any, dict[str, Any]]] = {}  # other defaults, by kind of space or name of data
    heavy: ClassVar[bool] = False  # a heavy run gets a worker of its own
    labelled: ClassVar[bool] = False  # it needs data with classes
    algorithm: ClassVar[tuple[str, ...]] = ()  # methods that `turns` calls, for slow motion
    stackable: ClassVar[tuple[str, ...]] = ()  # knobs that may differ in a stack (engine/stack.py)
    stacked: ClassVar[tuple[str, ...]] = ()  # methods without randomness that are called on all members
    draws: ClassVar[tuple[str, ...]] = ()  # methods that draw the noise of n samples
    conditional: bool = False  # whether it is told labels where there are any
    members: int = 0  # how many models it holds, if it is a stack

    def __init__(self, config: BaseConfig, space: Space) -> None:
        super().__init__()
        self.config: Any = config
        self.space = space

    @classmethod
    def configure(cls, space: Space, values: dict[str, Any] | None = None) -> BaseConfig:
        """The config for this space: the recipe's defaults, then `values`. Raises `Refused`."""
        return cls.Config.of(cls.recipe(space) | (values or {}))

    @classmethod
    def recipe(cls, space: Space) -> dict[str, Any]:
        """The defaults for this space that differ from those of the `Config`."""
        of_kind = next((cls.recipes[kind] for kind in type(space).__mro__ if kind in cls.recipes), {})
        return of_kind | cls.recipes.get(space.name, {})

    def __init_subclass__(cls) -> None:
        """Let a family give kinds of space by class or by name."""
        cls.kinds = tuple(known(kind) for kind in cls.kinds)
        cls.recipes = {known(kind): recipe for kind, recipe in cls.recipes.items()}

    @classmethod
    def prepare(cls) -> None:
        """Load what all models of this family share and what takes long to load; nothing by default."""

    @abstractmethod
    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """One training round: each player in turn, with the named terms whose sum it descends.

        The generator is lazy: what follows a `yield` (weight clipping, averages) runs after that player's
        step, and the next player's loss sees the stepped weights. No turn keeps what an earlier one computed.
        """

    def walk(self, n: int, y: Tensor | None = None) -> Iterator[Any]:
        """n samples, step by step: the `x` of the last step is what `sample` returns. By default one step."""
        yield Step(0, self.sample(n, y))

    @abstractmethod
    def sample(self, n: int, y: Tensor | None = None) -> Tensor:
        """n samples of the model, shape (n, *space.shape)."""

    def in_parts(self, n: int, y: Tensor | None = None) -> Iterator[Tensor]:
        """n samples as `sample` draws them, AT_ONCE numbers at a time, so that memory does not grow with n.
        The parts together have all labels in turn, if the model knows labels and y is None."""
        if y is None and (self.labelled or self.conditional):
            y = self.labels(n)
        size = max(1, AT_ONCE // self.space.size)
        for start in range(0, n, size):
            part = slice(start, min(start + size, n))
            yield self.sample(part.stop - part.start, None if y is None else y[part])

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        return self.like["device"]

    @property
    def like(self) -> dict[str, Any]:
        """Device and dtype of the weights, or of the buffers if there are no weights, for new tensors."""
        tensors = chain(self.parameters(), self.buffers())
        first = next((t for t in tensors if t.is_floating_point()), torch.empty(0))
        return {"device": first.device, "dtype": first.dtype}

    def count(self, x: Tensor) -> int:
        """The number B of examples in x of shape (..., B, *space.shape)."""
        return x.shape[-1 - len(self.space.shape)]

    def known(self, y: Tensor | None) -> Tensor:
        """The labels y. Raises `Refused` if there are none."""
        if y is None:
            raise Refused(f"{self.title} needs data with labels.")
        return y

    def hot(self, y: Tensor) -> Tensor:
        """Labels y (..., m) as one-hot vectors (..., m, classes)."""
        return one_hot(y, self.space.classes).to(self.like["dtype"])

    def labels(self, n: int) -> Tensor:
        """n labels in turn: 0, 1, ..., 0, 1, ..."""
        return torch.arange(n, device=self.device) % self.space.classes

    def signs(self, x: Tensor, y: Tensor | None = None) -> dict[str, float]:
        """Numbers that show how the training goes, measured on real x with labels y; none by default."""
        return {}

    def evaluate(self, x: Tensor, y: Tensor | None = None) -> dict[str, float | list[float]]:
        """Numbers measured on held-out x with labels y; none by default."""
        return {}

    def player(self, name: str) -> nn.Module:
        """The module that takes the turns of this name."""
        return self if name == "model" else self.get_submodule(name)

    def optimizer(self, player: str) -> torch.optim.Optimizer | None:
        """What descends this player's terms, by default Adam; None if they are only reported, because the
        model learns in another way."""
        return Adam(self.player(player).parameters(), self.config.lr)
