r"""What models of discrete numbers in an order share.

The chain rule, with the numbers x_1, ..., x_D in some order, is exact for every distribution:

    p(x) = prod_i p(x_i | x_{<i})

A net gives all D conditional distributions, each over K values, in one pass over known x. A sample is slow:
x_i must be drawn before the net can be asked for x_{i+1}.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from engine.config import Config, knob
from engine.family import Batch, Family, Step, Terms
from engine.space import Space


class OrderedConfig(Config):
    """Knobs of all models of this kind."""

    lr: float = knob(
        2e-3, 1e-5, 0.05, label="Learning rate", symbol=r"\eta", log=True, live=True,
        says="learning rate of Adam",
    )  # fmt: skip
    batch: int = knob(
        32, 2, 512, label="Batch", symbol="m", live=True, advanced=True, says="examples in a minibatch"
    )


class Written(NamedTuple):
    """A number that has been drawn, or was given."""

    i: int  # its place, 0 ... D - 1
    logits: Tensor  # (n, K) of its conditional distribution
    k: Tensor  # (n, D), all values so far; those to come are `blank`


class Ordered(Family):
    """A model of D numbers, each one of K values, in the order of their `rank`."""

    branch = "tractable"
    algorithm: ClassVar[tuple[str, ...]] = ("log_probs", "logits", "loss")
    rank: Tensor  # (D,), the position 0 ... D - 1 of each number in the order
    K: int
    blank: int = 0  # the value that stands for a number that is not drawn yet

    def __init__(self, config: Any, space: Space) -> None:
        super().__init__(config, space)
        self.conditional = bool(getattr(config, "conditional", False) and space.classes)

    # --- what a family says ------------------------------------------------------------------------

    @abstractmethod
    def coded(self, x: Tensor) -> Tensor:
        """Data (n, *shape) as whole numbers k (n, D) below K."""

    @abstractmethod
    def shown(self, k: Tensor) -> Tensor:
        """The data (n, *shape) that whole numbers (n, D) stand for."""

    @abstractmethod
    def seen(self, k: Tensor) -> Tensor:
        """What the net is given of k (n, D): real numbers (n, c, D), those of each number in a column."""

    @abstractmethod
    def logits(self, v: Tensor, y: Tensor | None = None) -> Tensor:
        """All conditional distributions p(x_i | x_<i, y) in one pass, from v = seen(k): logits (n, D, K). A
        family may take more, which `log_probs` hands on."""

    # --- what follows from it ------------------------------------------------------------------------

    @property
    def D(self) -> int:
        """How many numbers an example has."""
        return len(self.rank)

    @property
    def order(self) -> list[int]:
        """The places in the order in which they are written."""
        places: list[int] = self.rank.argsort().tolist()
        return places

    def told(self, y: Tensor | None) -> Tensor | None:
        """The labels, if this model is told any."""
        return self.known(y) if self.conditional else None

    def log_probs(self, k: Tensor, y: Tensor | None = None, *more: Any) -> Tensor:
        """log p(x_i | x_<i) of each number of k, (n, D), in nats."""
        logits = self.logits(self.seen(k), y, *more)  #: net p
        return -cross_entropy(logits.movedim(-1, 1), k, reduction="none")  #: log_p

    def log_prob(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """log p(x) (n,) in nats, exact."""
        return self.log_probs(self.coded(x), self.told(y)).sum(1)

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """Maximum likelihood on a minibatch."""
        k = self.coded(batch.x)  #: x
        yield self, self.loss(self.log_probs(k, self.told(batch.y)), batch.x)

    @abstractmethod
    def loss(self, log_probs: Tensor, x: Tensor) -> Terms:
        """The mean of -log p(x), from the logarithms (n, D) of its factors, in the unit of these data x."""

    # --- one number after another ------------------------------------------------------------------

    def one_by_one(self, n: int, y: Tensor | None = None) -> Generator[tuple[int, Tensor], Tensor]:
        """The conditional distributions one number at a time: yields its place i and its logits (n, K), and
        is sent its values (n,). By default a whole pass for each number; a family knows better."""
        k = torch.full((n, self.D), self.blank, device=self.device)
        for i in self.order:
            k[:, i] = yield i, self.logits(self.seen(k), y)[:, i]

    @torch.no_grad()
    def written(
        self, n: int, y: Tensor | None = None, given: Tensor | None = None, temperature: float = 1.0
    ) -> Iterator[Written]:
        """Draw n examples, number by number, of the labels y (n,) if the model is told any. Where `given`
        (n, D) is not -1 that value stands, and nothing is drawn. The logits are divided by the temperature;
        at 0 the likeliest value is taken."""
        k = torch.full((n, self.D), self.blank, device=self.device)
        asked = self.one_by_one(n, y)
        i, logits = next(asked)
        for left in reversed(range(self.D)):
            k[:, i] = drawn(logits, temperature)
            if given is not None:
                k[:, i] = torch.where(given[:, i] < 0, k[:, i], given[:, i])
            yield Written(i, logits, k)
            if left:
                i, logits = asked.send(k[:, i])
        asked.close()

    def walk(self, n: int, y: Tensor | None = None) -> Iterator[Step]:
        """n samples, number by number."""
        for t, now in zip(reversed(range(self.D)), self.written(n, self.asked(n, y)), strict=True):
            yield Step(t, self.shown(now.k.clone()))

    def sample(self, n: int, y: Tensor | None = None) -> Tensor:
        """n samples, of the labels y or of all labels in turn, if the model is told any."""
        *_, last = self.written(n, self.asked(n, y))
        return self.shown(last.k)

    def asked(self, n: int, y: Tensor | None) -> Tensor | None:
        """The labels of n samples, if this model is told any: y, or all in turn."""
        return None if not self.conditional else self.labels(n) if y is None else y


def drawn(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """A value (n,) of the distribution that logits (n, K) give when divided by the temperature."""
    if temperature == 0:
        return logits.argmax(-1)
    return torch.multinomial((logits / temperature).softmax(-1), 1)[:, 0]


def with_first(free: Tensor) -> Tensor:
    """Logits (..., K) of K - 1 free ones: the first is 0, because only differences count. For K = 2 the
    probability of 1 is the sigmoid of the free one."""
    return pad(free, (1, 0))
