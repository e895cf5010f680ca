r"""Normalizing flows: an invertible z = f(x) bends the data's density into a simple one, and counts volume.

    p_x(x) = p_z(f(x)) |det df/dx|,      f = f_L o ... o f_1,      x = h_0 -> h_1 -> ... -> h_L = z
    log p_x(x) = log p_z(z) + sum_l log |det dh_l / dh_{l-1}|

Training descends -E[log p_x(x)], which is exact; a sample is x = f^{-1}(z) with z ~ p_z. (The lecture's
directions. Rezende and Mohamed 2015, https://arxiv.org/abs/1505.05770, name the other one f.)

Pictures have 256 levels, to which a density could give an infinite likelihood; so a level v becomes v + u
with u uniform in [0, 1) (dequantisation: Theis et al. 2016, https://arxiv.org/abs/1511.01844). Then
-E[log p(v + u)] is at least -log P(v), and per number and in base 2 it is called bits per dimension.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from engine.average import Averaged
from engine.config import Config, Refused, knob
from engine.family import Batch, Step, Terms, adam
from engine.flow.bases import BASES, Base
from engine.flow.pixels import Logit, Reshape
from engine.flow.transforms import ActNorm, Coupling, Law, Pair, Transform
from engine.metrics.measure import Floor, Measure, term
from engine.nets.layers import Activation, mlp
from engine.space import Picture, Space

NLL = term("−log p(x)", "model", chart="−log p(x), nats", label="training")
BITS = term("bits per dimension", "model", chart="bits per dimension", label="training")
"""What is descended, of points and of pictures."""
TEST = {
    NLL: Measure(
        f"test {NLL}", chart=NLL.chart, label="test", unit="nats", better="lower", role="data",
        floor=lambda data: None if data.target is None else Floor(data.target.entropy(), says="entropy"),
    ),
    BITS: Measure(f"test {BITS}", chart=BITS.chart, label="test", better="lower", role="data"),
}  # fmt: skip
"""The same on test examples."""
PICTURES: dict[str, Any] = {"layers": 6, "width": 384, "depth": 1, "batch": 128, "lr": 1e-3}
"""What pictures need otherwise than points."""
RELU = partial(nn.ReLU, inplace=True)  # in place, for memory takes more of the time than the sums
PIECE = 4096  # places at once: with more, a third of the time goes to memory


class FlowConfig(Config):
    """Knobs that all flows have."""

    layers: int = knob(8, 1, 16, label="Layers", symbol="L", says="invertible layers, one after another")
    base: Literal["normal", "uniform", "mixture"] = knob(
        "normal", label="Base", symbol="p_z",
        says="the simple density: normal, uniform with soft edges, or a mixture of 8 normals that learns",
    )  # fmt: skip
    order: Literal["alternate", "random", "none"] = knob(
        "alternate", label="Order of the variables",
        says="how the roles of the variables change from layer to layer",
    )  # fmt: skip
    width: int = knob(64, 4, 1024, label="Width", log=True, says="units of a hidden layer of a net")
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
        says="share of the old average that a round keeps; density and samples are those of the average",
    )  # fmt: skip


class Bijection(nn.Module):
    """z = f(x) = f_L(... f_1(x)) with a density of z, and so a density of x."""

    def __init__(self, transforms: list[Transform], base: Base) -> None:
        super().__init__()
        self.transforms: Any = nn.ModuleList(transforms)
        self.base = base

    def forward(self, x: Tensor) -> Pair:
        """z = f(x) and log |det dz/dx| (n,)."""
        return composed(self.way(x))

    def inverse(self, z: Tensor) -> Pair:
        """x = f^-1(z) and log |det dx/dz| (n,)."""
        return composed(self.back(z))

    def way(self, x: Tensor) -> list[Pair]:
        """h_l and log |det dh_l / dh_{l-1}| for l = 1 ... L."""
        found = []
        for f in self.transforms:
            x, log_det = f(x)
            found.append((x, log_det))
        return found

    def back(self, z: Tensor) -> list[Pair]:
        """h_{l-1} and log |det dh_{l-1} / dh_l| for l = L ... 1."""
        found = []
        for f in reversed(self.transforms):
            z, log_det = f.inverse(z)
            found.append((z, log_det))
        return found

    def log_prob(self, x: Tensor) -> Tensor:
        """log p_x(x) (n,) in nats, exact."""
        z, log_det = self(x)
        return self.base.log_prob(z) + log_det


def composed(way: list[Pair]) -> Pair:
    """Where a way ends, and the sum of its log-dets."""
    return way[-1][0], torch.stack([log_det for _, log_det in way]).sum(0)


class Flow(Averaged):
    """A family that composes invertible transforms. `f` is trained; what one sees is its average over the
    last rounds, which does not jitter."""

    branch = "tractable"
    players = ("f",)
    algorithm = ("terms",)
    slow: ClassVar[tuple[str, ...]] = ()  # "density" or "samples", if they take long: then fewer are drawn
    settled: Tensor

    def __init__(self, config: FlowConfig, space: Space) -> None:
        super().__init__(config, space)
        self.f = self.bijection(self.build(), BASES[config.base](space.size))
        self.watch(self.f)
        self.register_buffer("settled", torch.zeros((), dtype=torch.bool))

    @abstractmethod
    def build(self) -> list[Transform]:
        """f_1, ..., f_L."""

    def bijection(self, transforms: list[Transform], base: Base) -> Bijection:
        """f of its layers."""
        return Bijection(transforms, base)

    def pixels(self) -> list[Transform]:
        """Of pictures, what takes them (n, C, H, W) in (0, 256) to vectors of numbers on the whole line, each
        with mean 0 and variance 1 at first (batch normalisation has that part in Dinh et al. 2017)."""
        if not isinstance(self.space, Picture):
            return []
        D = self.space.size
        return [Logit(), Reshape(self.space.shape, (D,)), ActNorm(D)]

    # --- what the averaged f says --------------------------------------------------------------------

    @property
    def transforms(self) -> Any:
        """The layers."""
        return self.average.transforms

    @property
    def base(self) -> Base:
        """The density of z."""
        return self.average.base

    def forward(self, x: Tensor) -> Pair:
        """z = f(x) and log |det dz/dx| (n,)."""
        return self.average(x)  # type: ignore[no-any-return]

    def inverse(self, z: Tensor) -> Pair:
        """x = f^-1(z) and log |det dx/dz| (n,)."""
        return self.average.inverse(z)

    def way(self, x: Tensor) -> list[Pair]:
        """h_l and log |det dh_l / dh_{l-1}| for l = 1 ... L."""
        return self.average.way(x)

    def back(self, z: Tensor) -> list[Pair]:
        """h_{l-1} and log |det dh_{l-1} / dh_l| for l = L ... 1."""
        return self.average.back(z)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p_x(x) (n,) in nats, exact; of a picture the density of `dequantised` numbers."""
        return self.average.log_prob(x)

    @torch.no_grad()
    def log_density(self, x: Tensor) -> Tensor:
        """`log_prob` of many places, without gradients: in pieces that stay in the processor's cache."""
        return torch.cat([self.log_prob(piece) for piece in x.split(PIECE)])

    @torch.no_grad()
    def sample(self, n: int, y: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        """x = f^-1(z) with z from the base, whose spread is multiplied by the temperature."""
        return self.shown(self.inverse(self.base.sample(n, temperature))[0])

    # --- pictures ----------------------------------------------------------------------------------

    def dequantised(self, x: Tensor) -> Tensor:
        """Pictures in [-1, 1] as v + u in (0, 256), with fresh noise; points as they are."""
        if not isinstance(self.space, Picture):
            return x
        v = ((x + 1) * 127.5).round()
        return v + torch.rand_like(x).clamp(1e-4, 1 - 1e-4)

    def shown(self, c: Tensor) -> Tensor:
        """The pictures in [-1, 1] that dequantised ones come from; points as they are."""
        return c.floor().clamp(0, 255) / 127.5 - 1 if isinstance(self.space, Picture) else c

    # --- training ----------------------------------------------------------------------------------

    def optimizer(self, player: str) -> torch.optim.Optimizer:
        return adam(self.f, self.config.lr)

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """The lecture's algorithm: maximum likelihood on a minibatch."""
        x = self.dequantised(batch.x)
        if not self.settled:
            self.settle(x)
        yield self.f, self.terms(x)
        self.follow(self.f)

    @torch.no_grad()
    def settle(self, x: Tensor) -> None:
        """Layers that begin with statistics of the data take them from the first minibatch."""
        for f in self.f.transforms:
            x = f.settle(x)
        self.average.load_state_dict(self.f.state_dict())
        self.settled.fill_(True)

    def terms(self, x: Tensor) -> Terms:
        """-E[log p(x)], of pictures in bits per dimension."""
        return {self.loss: -self.f.log_prob(x).mean() * self.unit}

    @property
    def loss(self) -> Measure:
        return BITS if isinstance(self.space, Picture) else NLL

    @property
    def unit(self) -> float:
        """Of the loss, in nats of an example."""
        return 1 / (self.space.size * math.log(2)) if isinstance(self.space, Picture) else 1.0

    @torch.no_grad()
    def evaluate(self, x: Tensor, y: Tensor | None = None) -> dict[str, float | list[float]]:
        """The loss on held-out x."""
        return {TEST[self.loss]: -self.log_prob(self.dequantised(x)).mean().item() * self.unit}

    # --- what the families share -------------------------------------------------------------------

    def kept(self) -> list[Tensor]:
        """For each coupling layer the half (D,) that it keeps. In a picture it is a checkerboard."""
        D, order = self.space.size, self.config.order
        if D < 2:
            raise Refused(f"{self.title} needs two numbers or more, one half to say how the other changes.")
        first = torch.arange(D) % 2 == 0
        if isinstance(self.space, Picture):
            places = torch.meshgrid(*[torch.arange(n) for n in self.space.shape], indexing="ij")
            first = torch.stack(places).sum(0).flatten() % 2 == 0
        found = []
        for i in range(self.config.layers):
            if order == "random":
                first = torch.randperm(D) < D // 2
            found.append(~first if order == "alternate" and i % 2 else first)
        return found

    def ranks(self) -> list[Tensor]:
        """For each autoregressive layer the place of each variable in its order, (D,)."""
        D, order = self.space.size, self.config.order
        found = []
        for i in range(self.config.layers):
            rank = torch.randperm(D) if order == "random" else torch.arange(D)
            found.append(rank.flip(0) if order == "alternate" and i % 2 else rank)
        return found

    def coupling(self, keep: Tensor, law: Law, k: int) -> Coupling:
        """A layer that keeps `keep` (D,), and bends each other number by a law with k parameters."""
        kept = int(keep.sum())
        return Coupling(keep, self.net(kept, k * (len(keep) - kept)), law)

    def net(self, inputs: int, outputs: int, act: Activation = RELU) -> nn.Sequential:
        """The net of a coupling; it begins with outputs 0, so that a layer begins as the identity."""
        net = mlp(inputs, self.config.width, self.config.depth, outputs, act=act)
        nn.init.zeros_(net[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(net[-1].bias)  # type: ignore[arg-type]
        return net


class AutoregressiveFlow(Flow):
    """A flow whose every layer changes each number by what it sees of the numbers before it."""

    @torch.inference_mode()
    def walk(self, n: int, y: Tensor | None = None) -> Iterator[Step]:
        """n samples on their way from z to x, one number of one layer after the other."""
        transforms = list(self.transforms)
        outside = len(self.pixels())  # what makes numbers of pixels, and pixels of numbers
        h, left = self.base.sample(n), (len(transforms) - outside) * self.space.size
        for f in reversed(transforms[outside:]):
            for x in f.steps(h):
                h = x
                for g in reversed(transforms[:outside]):
                    x = g.inverse(x)[0]
                left -= 1
                yield Step(left, self.shown(x))
