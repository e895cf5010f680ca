r"""Normalizing flows: an invertible z = f(x) turns the data's density into a simple one, and counts volume.

    p_x(x) = p_z(f(x)) |det df/dx|,      f = f_L o ... o f_1,      x = h_0 -> h_1 -> ... -> h_L = z
    log p_x(x) = log p_z(z) + sum_l log |det dh_l / dh_{l-1}|

Training descends -E[log p_x(x)], which is exact; a sample is x = f^{-1}(z) with z ~ p_z. (These are the
lecture's directions. Rezende and Mohamed 2015, https://arxiv.org/abs/1505.05770, call the other one f.)

Pixels have 256 levels, at which a density could be infinite. So a level v becomes v + u with u uniform in
[0, 1) (dequantization: Theis et al. 2016, https://arxiv.org/abs/1511.01844). Then -E[log p(v + u)] is at
least -log P(v). Per number and in base 2 it is called bits per dimension.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn

from engine.adam import Adam
from engine.average import Averaged
from engine.config import Config, Refused, Where, knob
from engine.device import precise
from engine.family import Batch, Terms
from engine.flow.bases import BASES, Base
from engine.flow.linear import ActNorm
from engine.flow.pixels import Logit, Reshape
from engine.flow.transforms import Bijection, Coupling, Law, Pair, Transform
from engine.metrics.measure import Floor, Measure, term
from engine.nets.layers import Activation, mlp
from engine.space import Picture, Space

NLL = term("−log p(x)", "model", chart="−log p(x), nats", label="training")
BITS = term("bits per dimension", "model", chart="bits per dimension", label="training")
"""The loss for points and for pictures."""
TEST = {
    NLL: Measure(
        f"test {NLL}", chart=NLL.chart, label="test", unit="nats", better="lower", role="data",
        floor=lambda data: None if data.target is None else Floor(data.target.entropy(), says="entropy"),
    ),
    BITS: Measure(f"test {BITS}", chart=BITS.chart, label="test", better="lower", role="data"),
}  # fmt: skip
"""The same on test examples."""
PICTURES: dict[str, Any] = {"layers": 6, "width": 384, "depth": 1, "batch": 128, "lr": 1e-3}
"""Defaults for pictures, where they differ from those for points."""
RELU = partial(nn.ReLU, inplace=True)  # in place, because memory takes more time than arithmetic
PIECE, LEAST = 2**16, 16  # numbers at once, and of a place at least: more than 4096 places take longer


class FlowConfig(Config):
    """Knobs of all flows."""

    layers: int = knob(8, 1, 16, label="Layers", symbol="L", says="invertible layers, one after another")
    base: Literal["normal", "uniform", "mixture"] = knob(
        "normal", label="Base", symbol="p_z",
        says="the simple density: normal, uniform with soft edges, or a learned mixture of 8 normals",
    )  # fmt: skip
    order: Literal["alternate", "random", "none"] = knob(
        "alternate", label="Order of the variables",
        says="how the roles of the variables change from layer to layer",
    )  # fmt: skip
    width: int = knob(64, 4, 1024, label="Width", log=True, says="units of each hidden layer of a net")
    depth: int = knob(2, 1, 4, label="Depth", advanced=True, says="hidden layers of a net")
    lr: float = knob(
        2e-3, 1e-5, 0.05, label="Learning rate", symbol=r"\eta", log=True, live=True,
        says="learning rate of Adam",
    )  # fmt: skip
    batch: int = knob(
        256, 2, 2048, label="Batch", symbol="m", live=True, advanced=True, says="examples in a minibatch"
    )
    ema: float = knob(
        0.99, 0, 0.9999, label="Averaging of the weights", live=True, advanced=True,
        says="decay of the moving average of the weights, which gives density and samples",
    )  # fmt: skip
    dequantize: bool = knob(
        True, label="Noise between the levels", symbol="u", advanced=True,
        says="whether each byte v becomes v + u with fresh noise u; without it the density piles up on bytes",
        where=Where("only with pictures", lambda _, space: isinstance(space, Picture)),
    )  # fmt: skip


class Flow(Averaged):
    """A family of invertible layers: `f` is trained; its moving average gives density and samples."""

    branch = "tractable"
    players = ("f",)
    algorithm = ("terms",)
    bijection: ClassVar[type[Bijection]] = Bijection
    slow: ClassVar[tuple[str, ...]] = ()  # "density" or "samples", if these are slow: then fewer are drawn
    settled: Tensor

    def __init__(self, config: FlowConfig, space: Space) -> None:
        super().__init__(config, space)
        self.f = self.bijection(self.build(), BASES[config.base](space.size))
        self.watch(self.f)
        self.register_buffer("settled", torch.zeros((), dtype=torch.bool))

    @abstractmethod
    def build(self) -> list[Transform]:
        """The layers f_1, ..., f_L."""

    def pixels(self) -> list[Transform]:
        """For pictures, layers that take (n, C, H, W) in (0, 256) to vectors of real numbers; else none.

        At first each number has mean 0 and variance 1; in Dinh et al. 2017 batch normalization does this.
        """
        if not isinstance(self.space, Picture):
            return []
        D = self.space.size
        return [Logit(), Reshape(self.space.shape, (D,)), ActNorm(D)]

    # --- the averaged f ------------------------------------------------------------------------------

    @property
    def transforms(self) -> Any:
        """The layers."""
        return self.average.transforms

    @property
    def base(self) -> Base:
        """The density of z."""
        return self.average.base

    def forward(self, x: Tensor) -> Pair:
        """The image z = f(x) and log |det dz/dx| (n,)."""
        return self.average(x)  # type: ignore[no-any-return]

    def inverse(self, z: Tensor) -> Pair:
        """The origin x = f^-1(z) and log |det dx/dz| (n,)."""
        return self.average.inverse(z)

    def log_prob(self, x: Tensor) -> Tensor:
        """The density log p_x(x) (n,) in nats, exact; of a picture that of `dequantized` numbers.

        It is computed, and returned, in float64: in float32 steep layers multiply the rounding of those
        before, and far from the data it is wrong by many nats.
        """
        f = self.exact()
        return torch.cat([f.log_prob(piece) for piece in precise(x).split(self.piece)])

    def exact(self) -> Any:
        """A copy of the averaged f in float64, with which densities are computed."""
        return precise(self.average)

    @torch.no_grad()
    def log_density(self, x: Tensor) -> Tensor:
        """`log_prob` for pictures: in the model's own precision, right to a shade where p can be seen."""
        return torch.cat([self.average.log_prob(piece) for piece in x.split(self.piece)])

    @torch.no_grad()
    def sample(self, n: int, y: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        """Draw n samples x = f^-1(z) with z from the base, whose spread is multiplied by the temperature."""
        return self.made(self.base.sample(n, temperature))

    @torch.no_grad()
    def made(self, z: Tensor) -> Tensor:
        """What is seen of the samples (n, *shape) that z (n, D) become."""
        return torch.cat([self.shown(self.inverse(piece)[0]) for piece in z.split(self.piece)])

    @property
    def piece(self) -> int:
        """How many examples go through the layers at once."""
        return max(1, PIECE // max(LEAST, self.space.size))

    # --- pictures ----------------------------------------------------------------------------------

    def dequantized(self, x: Tensor, noisy: bool = True) -> Tensor:
        """Pictures in [-1, 1] as v + u in (0, 256), with fresh noise u or u = 1/2; points unchanged."""
        if not isinstance(self.space, Picture):
            return x
        u = torch.rand_like(x).clamp(1e-4, 1 - 1e-4) if noisy else 0.5
        return ((x + 1) * 127.5).round() + u

    def shown(self, c: Tensor) -> Tensor:
        """The pictures in [-1, 1] from which dequantized ones come; points unchanged."""
        return c.floor().clamp(0, 255) / 127.5 - 1 if isinstance(self.space, Picture) else c

    # --- training ----------------------------------------------------------------------------------

    def optimizer(self, player: str) -> torch.optim.Optimizer:
        """Adam."""
        return Adam(self.f.parameters(), self.config.lr)

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """The lecture's algorithm: maximum likelihood on a minibatch."""
        x = self.dequantized(batch.x, self.config.dequantize)  #: x
        if not self.settled:  # with noise in any case: a pixel that is always black has no scale without it
            self.initialize(x if self.config.dequantize else self.dequantized(batch.x))
        yield self.f, self.terms(x)
        self.follow(self.f)

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Set the layers that begin with statistics of the data from the first minibatch."""
        for f in self.f.transforms:
            x = f.initialize(x)
        self.average.load_state_dict(self.f.state_dict())
        self.settled.fill_(True)

    def terms(self, x: Tensor) -> Terms:  #: x
        """-E[log p(x)], of pictures in bits per dimension."""
        z, log_det = self.f(x)  #: f z det
        log_p = self.f.base.log_prob(z) + log_det  #: base sum
        return {self.loss: -log_p.mean() * self.unit}  #: loss

    @property
    def loss(self) -> Measure:
        """The term that is descended: NLL for points, BITS for pictures."""
        return BITS if isinstance(self.space, Picture) else NLL

    @property
    def unit(self) -> float:
        """One nat of an example in the unit of the loss."""
        return 1 / (self.space.size * math.log(2)) if isinstance(self.space, Picture) else 1.0

    @torch.no_grad()
    def evaluate(self, x: Tensor, y: Tensor | None = None) -> dict[str, float | list[float]]:
        """The loss on held-out x."""
        log_p = self.log_prob(self.dequantized(x, self.config.dequantize))
        return {TEST[self.loss]: -log_p.mean().item() * self.unit}

    # --- building blocks of the families -------------------------------------------------------------

    def kept(self) -> list[Tensor]:
        """For each coupling layer the half (D,) that it keeps: every other number, or a checkerboard."""
        if self.space.size < 2:
            raise Refused(
                f"{self.title} needs at least two numbers: one half determines how the other changes."
            )
        places = torch.meshgrid(*[torch.arange(n) for n in self.space.shape], indexing="ij")
        return self.halves(torch.stack(places).sum(0).flatten() % 2 == 0)

    def halves(self, first: Tensor) -> list[Tensor]:
        """For each layer the half that it keeps, like `first` (D,) or as the knob `order` says."""
        D, order, halves = len(first), self.config.order, []
        for i in range(self.config.layers):
            if order == "random":
                first = torch.randperm(D) < D // 2
            halves.append(~first if order == "alternate" and i % 2 else first)
        return halves

    def ranks(self) -> list[Tensor]:
        """For each autoregressive layer the position of each variable in its order, (D,)."""
        D, order = self.space.size, self.config.order
        ranks = []
        for i in range(self.config.layers):
            rank = torch.randperm(D) if order == "random" else torch.arange(D)
            ranks.append(rank.flip(0) if order == "alternate" and i % 2 else rank)
        return ranks

    def coupling(self, keep: Tensor, law: Law, k: int) -> Coupling:
        """A layer that keeps `keep` (D,) and changes each other number by a law with k parameters."""
        kept = int(keep.sum())
        return Coupling(keep, self.net(kept, k * (len(keep) - kept)), law)

    def net(self, inputs: int, outputs: int, act: Activation = RELU) -> nn.Sequential:
        """The net of a coupling; its outputs begin at 0, so that the layer begins as the identity."""
        net = mlp(inputs, self.config.width, self.config.depth, outputs, act=act)
        nn.init.zeros_(net[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(net[-1].bias)  # type: ignore[arg-type]
        return net


class Stop(NamedTuple):
    """A step of a walk from z to x: h, of which x is made only when somebody looks."""

    t: int
    h: Tensor
    data: Callable[[Tensor], Tensor]

    @property
    def x(self) -> Tensor:
        """The samples so far, (n, *shape)."""
        return self.data(self.h)


class AutoregressiveFlow(Flow):
    """A flow whose layers change each number depending on the numbers before it."""

    @torch.inference_mode()
    def walk(self, n: int, y: Tensor | None = None) -> Iterator[Stop]:
        """Walk with n samples from z to x: a step for each number of each layer, for IAF each layer."""
        pixels = len(self.pixels())  # layers that turn numbers into pixels; the others take the steps
        layers = self.transforms[pixels:]

        def data(h: Tensor) -> Tensor:
            for g in reversed(self.transforms[:pixels]):
                h = g.inverse(h)[0]
            return self.shown(h)

        h, left = self.base.sample(n), sum(f.waits for f in layers)
        for f in reversed(layers):
            for after in f.steps(h):
                h, left = after, left - 1
                yield Stop(left, h, data)
