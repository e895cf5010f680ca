r"""What models of handwriting share (Graves, 2013, https://arxiv.org/abs/1308.0850).

Handwriting is one step of a pen after another, and a step is a real vector. A recurrent net reads the steps
so far and says where the next may lead, as a mixture of M Gaussians:

    p(x) = prod_t p(x_t | x_{<t}),   p(x_t | x_{<t}) = sum_j pi_j N(x_t | mu_j, sigma_j, rho_j)        (23)

A net that is trained by squared error says one step only, the mean. Where a pen may go left or right, the
mean goes straight on.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from engine.autoregressive.mixture import Mixture, of_mean, of_output
from engine.config import Config, knob
from engine.family import Batch, Family, Step, Terms


class WriterConfig(Config):
    """Knobs of all models of handwriting."""

    h: int = knob(128, 4, 512, label="Hidden units", symbol="h", log=True, says="numbers in the state")
    M: int = knob(10, 1, 40, label="Components", symbol="M", says="Gaussians in the mixture of a step")
    output: Literal["mixture", "squared error"] = knob(
        "mixture", label="Output", says="a density of the next step, or the mean alone"
    )
    lr: float = knob(
        4e-3, 1e-5, 0.05, label="Learning rate", symbol=r"\eta", log=True, live=True,
        says="learning rate of Adam",
    )  # fmt: skip
    batch: int = knob(
        64, 2, 512, label="Batch", symbol="m", live=True, advanced=True, says="examples in a minibatch"
    )


class Said(NamedTuple):
    """What a net says of t steps of n examples, and what it carries on."""

    p: Mixture  # (n, t, M), of the step
    lift: Tensor | None  # (n, t), the logit of the probability that the pen is lifted after it
    phi: Tensor | None  # (n, t, U), the weights of the letters
    state: Any


class Drawn(NamedTuple):
    """A step that has been drawn, or was given."""

    left: int  # how many steps are still to come, at most
    p: Mixture  # (n, M), of this step, biased
    e: Tensor  # (n,), the probability that the pen is lifted after it
    steps: Tensor  # (n, t, 3), all steps so far: dx, dy, lift
    phi: Tensor | None  # (n, U), the weights of the letters


class Writer(Family):
    """A recurrent net that writes step by step."""

    branch = "tractable"
    algorithm: ClassVar[tuple[str, ...]] = ("losses", "said", "loss")

    def sizes(self) -> int:
        """How many outputs a density of the next step takes."""
        return 6 * self.config.M if self.config.output == "mixture" else 2

    # --- what a family says ------------------------------------------------------------------------

    @abstractmethod
    def steps(self, x: Tensor) -> Tensor:
        """Data (n, *shape) as steps (n, T, 3): dx, dy, lift."""

    @abstractmethod
    def shown(self, steps: Tensor) -> Tensor:
        """The data (n, *shape) that T steps (n, T, 3) stand for."""

    @abstractmethod
    def said(self, before: Tensor, y: Tensor | None, state: Any = None) -> Said:
        """What the net says of t steps, told the steps `before` each (n, t, 3), and labels or texts y. It
        goes on from the state that it had before them."""

    @abstractmethod
    def told(self, y: Tensor | None) -> Tensor | None:
        """The labels or texts, if this model is told any."""

    @abstractmethod
    def inked(self, steps: Tensor) -> Tensor:
        """Which of the steps (n, T, 3) come before the end, (n, T) of bool."""

    @abstractmethod
    def ended(self, steps: Tensor, phi: Tensor | None, y: Tensor | None) -> Tensor:
        """Which of n examples have come to their end with the last of these steps (n, t, 3), (n,) of bool."""

    @abstractmethod
    def loss(self, losses: Tensor, steps: Tensor) -> Terms:
        """The mean of the losses (n, T) of steps, in the unit of these data."""

    # --- what follows from it ------------------------------------------------------------------------

    def density(self, out: Tensor) -> Mixture:
        """The density that outputs (..., sizes) stand for."""
        return of_output(out) if self.config.output == "mixture" else of_mean(out)

    def losses_of(self, steps: Tensor, y: Tensor | None) -> Tensor:
        """-log p of each step (n, T), in nats; 0 after the end."""
        before = torch.cat([self.start(len(steps)), steps[:, :-1]], 1)
        said = self.said(before, y)  #: net p
        losses = -said.p.log_prob(steps[..., :2])  #: log_p
        if said.lift is not None:
            losses = losses + binary_cross_entropy_with_logits(said.lift, steps[..., 2], reduction="none")
        return losses * self.inked(steps)

    def losses(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """-log p(x_t | x_<t) of each step of data x (n, *shape), (n, T), in nats; 0 after the end. Where the
        pen is lifted, this holds its probability, too."""
        return self.losses_of(self.steps(x), self.told(y))

    def log_prob(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """log p(x) (n,) in nats, exact."""
        return -self.losses(x, y).sum(1)

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """Maximum likelihood on a minibatch."""
        x = self.noisy(batch.x)  #: x
        steps = self.steps(x)
        yield self, self.loss(self.losses_of(steps, self.told(batch.y)), steps)

    def noisy(self, x: Tensor) -> Tensor:
        """What the net is trained on; data as they are, by default."""
        return x

    def start(self, n: int) -> Tensor:
        """What stands before the first step, (n, 1, 3): the pen is up."""
        return torch.tensor([0.0, 0.0, 1.0], **self.like).expand(n, 1, 3)

    # --- one step after another ----------------------------------------------------------------------

    @torch.no_grad()
    def written(
        self,
        n: int,
        y: Tensor | None = None,
        given: Tensor | None = None,
        b: float = 0.0,
        mean: bool = False,
    ) -> Iterator[Drawn]:
        """Draw n examples step by step, of labels (n,) or texts (n, U) y if the model is told any. `given`
        (n, t, 3) stands for the first t steps, and nothing is drawn there. With a bias b > 0 the writing is
        neater, and less varied. A net that is trained by squared error writes its mean; with `mean` any net
        does, and lifts the pen where that is likelier than not."""
        T, y, mean = self.space.shape[0], self.asked(n, y), mean or self.config.output == "squared error"
        steps, state = torch.zeros(n, 0, 3, **self.like), None
        over = torch.zeros(n, dtype=torch.bool, device=self.device)
        before, ahead = self.start(n), 0 if given is None else given.shape[1]
        for t in range(T):
            said = self.said(before, y, state)
            state, p, phi = said.state, said.p.at(0).biased(b), None if said.phi is None else said.phi[:, 0]
            e = torch.zeros(n, **self.like) if said.lift is None else said.lift[:, 0].sigmoid()
            if t < ahead:
                assert given is not None
                now = given[:, t].to(**self.like)
            else:
                place, lift = (p.mean(), e.round()) if mean else (p.drawn(), torch.bernoulli(e))
                now = torch.cat([place, lift[:, None]], 1)
            now = now * ~over[:, None]
            steps, before = torch.cat([steps, now[:, None]], 1), now[:, None]
            if t + 1 >= ahead:
                over = over | self.ended(steps, phi, y)
            left = 0 if over.all() else T - 1 - t
            yield Drawn(left, p, e, steps, phi)
            if not left:
                return

    def walk(self, n: int, y: Tensor | None = None) -> Iterator[Step]:
        """n samples, step by step."""
        for now in self.written(n, y):
            yield Step(now.left, self.shown(self.padded(now.steps)))

    def sample(self, n: int, y: Tensor | None = None) -> Tensor:
        """n samples, of the labels or texts y, or of all in turn if the model is told any."""
        *_, last = self.written(n, y)
        return self.shown(self.padded(last.steps))

    def padded(self, steps: Tensor) -> Tensor:
        """Steps (n, t, 3) with zeros up to T."""
        return nn.functional.pad(steps, (0, 0, 0, self.space.shape[0] - steps.shape[1]))

    def asked(self, n: int, y: Tensor | None) -> Tensor | None:
        """The labels or texts of n samples, if this model is told any: y, or all in turn."""
        return None if not self.conditional else self.labels(n) if y is None else y


def places(steps: Tensor) -> Tensor:
    """Steps (n, t, 3) as places (n, t, 3) of the pen: x, y, and the lift after it."""
    return torch.cat([steps[..., :2].cumsum(1), steps[..., 2:]], -1)
