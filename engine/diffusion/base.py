r"""What all diffusions share: x_t = signal_t x_0 + noise_t eps, a net that sees x_t, and walks back to data.

The output o of the net mixes eps and x_0, so o and x_t together give both. With (p, q) of `mixture`,

    o = p eps + q x_0,   x_t = signal x_0 + noise eps    =>    x_0 = (p x_t - noise o) / (p signal - q noise)
                                                               eps = (signal o - q x_t) / (p signal - q noise)

Classifier-free guidance (Ho and Salimans 2022, https://arxiv.org/abs/2207.12598): a net that learned with
the label hidden now and then knows o(x, t, y) and o(x, t). It is used as o(x, t) + s (o(x, t, y) - o(x, t)):
s = 0 is unconditional, s = 1 conditional. (The paper's w is s - 1.)
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from engine.average import Averaged
from engine.config import Config, Refused, Where, knob
from engine.diffusion.samplers import Predict, Step
from engine.diffusion.schedule import groups, levels
from engine.family import Batch, Terms
from engine.metrics.measure import Measure, term
from engine.nets.unet import PointNet, UNet
from engine.space import Picture, Space

OBJECTIVES = {
    "eps": term("‖ε − ε_θ‖²", "model"), "x0": term("‖x₀ − x_θ‖²", "model"), "v": term("‖v − v_θ‖²", "model"),
    "u": term("‖u − u_θ‖²", "model"),
}  # fmt: skip
"""What a net may predict, and the name of its loss."""
TEST_LOSS = Measure("test loss", chart="error of ε on test data", better="lower", role="model")
BY_LEVEL = Measure("loss by t", label="error of ε by noise level", unit="part of T", draw="bars")
PICTURES: dict[str, Any] = {
    "T": 200, "steps": 20, "guidance": 2.0, "conditional": True, "width": 32, "depth": 1, "batch": 64,
    "ema": 0.999,
}  # fmt: skip
"""Defaults for pictures, which a U-Net learns, where they differ from those for points."""
LEVELS = 10  # groups of t, in each of which the loss is measured
REPEATS = 4  # draws of the noise for each example of a measurement
MOST = 2**21  # numbers of a layer that are held at a time: 8 MB


LABELS = Where("only with labelled data", lambda _, space: space.classes > 0)
TOLD = Where("only if the net is told labels", lambda c, space: c.conditional and space.classes > 0)


class DenoiserConfig(Config):
    """Knobs of all diffusions."""

    T: int = knob(
        100, 2, 1000, label="Steps of the forward process", symbol="T", says="how many noise levels there are"
    )
    steps: int = knob(
        50, 1, 1000, label="Steps of the sampler", live=True,
        says="how many steps a sampler takes from T to 0; at most T",
    )  # fmt: skip
    guidance: float = knob(
        1.0, 0, 10, label="Guidance", symbol="s", step=0.1, live=True,
        says="weight of the label: 0 ignores it, 1 is the conditional model, more exaggerates", where=TOLD,
    )  # fmt: skip
    conditional: bool = knob(
        False, label="Told the label", advanced=True,
        says="whether the net also sees the label, where the data have labels", where=LABELS,
    )  # fmt: skip
    drop: float = knob(
        0.15, 0, 1, label="Labels hidden", live=True, advanced=True,
        says="share of examples whose label is hidden, so that the net learns to work without one too",
        where=TOLD,
    )  # fmt: skip
    lr: float = knob(
        2e-3, 1e-5, 0.1, label="Learning rate", symbol=r"\eta", log=True, live=True, advanced=True,
        says="learning rate of Adam",
    )  # fmt: skip
    batch: int = knob(
        128, 2, 2048, label="Batch", symbol="m", live=True, advanced=True, says="examples in a minibatch"
    )  # fmt: skip
    width: int = knob(
        128, 8, 256, label="Width", step=8, advanced=True, says="units, or channels, of a layer"
    )
    depth: int = knob(3, 1, 5, label="Depth", advanced=True, says="layers, or blocks at each size")
    ema: float = knob(
        0.995, 0, 0.9999, label="Averaging of the weights", live=True, advanced=True,
        says="decay of the moving average of the weights, from which samples are drawn",
    )  # fmt: skip


class Denoiser(Averaged):
    """A family that generates data from noise by denoising step by step."""

    players = ("net",)
    algorithm = ("terms",)
    samplers: ClassVar[tuple[str, ...]]  # the choices of the knob `sampler`
    predicts: str  # the quantity that the net predicts, a key of OBJECTIVES
    signal: Tensor
    noise: Tensor

    def __init__(self, config: DenoiserConfig, space: Space, signal: Tensor, noise: Tensor) -> None:
        """Build the net; `signal` and `noise` (T + 1,) in float64 define x_t = signal_t x_0 + noise_t eps."""
        super().__init__(config, space)
        self.conditional = config.conditional and space.classes > 0
        kind = UNet if isinstance(space, Picture) else PointNet
        self.net = kind(space, config.width, config.depth, space.classes if self.conditional else 0)
        self.watch(self.net)
        self.chunk = max(1, MOST // (config.width * (math.prod(space.shape[1:]) if kind is UNet else 4) // 4))
        self.register_buffer("signal", signal.to(torch.get_default_dtype()), persistent=False)
        self.register_buffer("noise", noise.to(torch.get_default_dtype()), persistent=False)

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """Algorithm 1 of Ho et al. 2020: one t and one eps for each example."""
        x0 = batch.x  #: x0
        t = torch.randint(1, self.config.T + 1, (len(x0),), device=x0.device)  #: t
        eps = torch.randn_like(x0)  #: eps
        yield self.net, self.terms(x0, t, eps, self.hidden(batch.y))
        self.follow(self.net)

    def hidden(self, y: Tensor | None) -> Tensor | None:
        """Labels y (n,) with some replaced by the label that stands for none; None if the net sees none."""
        if not self.conditional or y is None:
            return None
        drop = torch.rand(len(y), device=y.device) < self.config.drop
        return y.masked_fill(drop, self.space.classes)

    def terms(self, x0: Tensor, t: Tensor, eps: Tensor, y: Tensor | None = None) -> Terms:  #: x0 t eps
        """The weighted mean squared error over all numbers of x_0 (n, *shape); t (n,) in 1 ... T."""
        x_t = self.q(x0, t, eps)  #: x_t
        o = self.net(x_t, (t / self.config.T).to(x_t), y)  #: net out
        error = (o - self.target(x0, t, eps)).square().flatten(1).mean(1)  #: loss
        return {OBJECTIVES[self.predicts]: (self.weight(t) * error).mean()}  #: loss

    def at(self, t: Tensor | int, values: Tensor) -> Tensor:
        """values_t, shaped so that it multiplies x (n, *shape)."""
        return values[t] if isinstance(t, int) else values[t].reshape(-1, *[1] * len(self.space.shape))

    def q(self, x0: Tensor, t: Tensor | int, eps: Tensor) -> Tensor:
        """x_t in one jump: Ho et al. 2020, eq. (4)."""
        return self.at(t, self.signal) * x0 + self.at(t, self.noise) * eps

    def mixture(self, t: Tensor | int) -> tuple[Tensor, Tensor]:
        """The factors p and q of o = p eps + q x_0."""
        signal, noise = self.at(t, self.signal), self.at(t, self.noise)
        one, zero = torch.ones_like(signal), torch.zeros_like(signal)
        return {"eps": (one, zero), "x0": (zero, one), "v": (signal, -noise), "u": (one, -one)}[self.predicts]

    def target(self, x0: Tensor, t: Tensor | int, eps: Tensor) -> Tensor:
        """The output that the net should have: o = p eps + q x_0."""
        p, q = self.mixture(t)
        return p * eps + q * x0

    def both(self, x: Tensor, t: Tensor | int, o: Tensor) -> tuple[Tensor, Tensor]:
        """The eps and x_0 of x_t = x, from the output o of the net."""
        (p, q), signal, noise = self.mixture(t), self.at(t, self.signal), self.at(t, self.noise)
        det = p * signal - q * noise
        return (signal * o - q * x) / det, (p * x - noise * o) / det

    def weight(self, t: Tensor) -> Tensor:
        """The weight of the loss at each t (n,)."""
        return torch.ones_like(t, dtype=self.signal.dtype)

    def predict(
        self, x: Tensor, t: int | Tensor, y: Tensor | None = None, guidance: float | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predict eps and x_0 from x_t = x (n, *shape) by the averaged net, guided by labels y (n,); t is one
        level, or (n,)."""
        s = self.config.guidance if guidance is None else guidance
        at = torch.as_tensor(t / self.config.T, **self.like).reshape(-1)
        if y is None or not self.conditional or s == 0:
            o = self.out(x, at)
        elif s == 1:
            o = self.out(x, at, y)
        else:
            none = torch.full_like(y, self.space.classes)
            each = at if len(at) == 1 else at.repeat(2)
            without, with_y = self.out(torch.cat([x, x]), each, torch.cat([none, y])).chunk(2)
            o = without + s * (with_y - without)
        return self.both(x, t, o)

    def out(self, x: Tensor, at: Tensor, y: Tensor | None = None) -> Tensor:
        """The output of the averaged net for x (n, *shape), at t / T (1,) or (n,); a part of x at a time."""
        parts = [slice(i, i + self.chunk) for i in range(0, len(x), self.chunk)]
        outs = [
            self.average(x[part], at if len(at) == 1 else at[part], None if y is None else y[part])
            for part in parts
        ]
        return torch.cat(outs) if len(outs) > 1 else outs[0]

    def score(self, x: Tensor, t: int, y: Tensor | None = None) -> Tensor:
        """The model's gradient of log p_t at x (n, *shape): -eps / noise_t, for t > 0."""
        return -self.predict(x, t, y)[0] / self.noise[t]

    def walk(self, n: int, y: Tensor | None = None, **other: Any) -> Iterator[Step]:
        """Walk with n samples from noise to data; see `walk_from`."""
        return self.walk_from(self.p_T(n), y, **other)

    @torch.inference_mode()
    def walk_from(
        self, x: Tensor, y: Tensor | None = None, stops: list[int] | None = None, **other: Any
    ) -> Iterator[Step]:
        """From x (n, *shape) to data: a `Step` at every level, the last at t = 0. Raises `Refused`.

        `stops` replaces the levels, and its first is that of x; `other` replaces knobs of the model.
        """
        c = self.config.change(other)
        if c.T != self.config.T:
            raise Refused("T belongs to the trained model; change the steps of the sampler instead.")
        stops = levels(c.T, c.steps) if stops is None else stops
        yield from self.way(c, lambda x, t: self.predict(x, t, y, c.guidance), x, stops)

    @abstractmethod
    def way(self, c: Any, predict: Predict, x: Tensor, stops: list[int]) -> Iterator[Step]:
        """Run the sampler that config c names from x at level stops[0] down to 0."""

    def p_T(self, n: int) -> Tensor:
        """Noise x_T ~ N(0, I), (n, *shape)."""
        return torch.randn(n, *self.space.shape, **self.like)

    @torch.inference_mode()
    def sample(self, n: int, y: Tensor | None = None, **other: Any) -> Tensor:
        """Draw n samples, of the classes y (n,) if these are given."""
        for step in self.walk(n, y, **other):
            x = step.x
        return x

    @torch.no_grad()
    def evaluate(self, x: Tensor, y: Tensor | None = None) -> dict[str, float | list[float]]:
        """The mean squared error of eps on held-out x (n, *shape): over all t, and in LEVELS groups of t. In
        a group, the draws are spread evenly over its levels."""
        T, repeats = self.config.T, REPEATS
        if isinstance(self.space, Picture):  # they cost a hundred times as much as points
            x, y, repeats = x[::2], None if y is None else y[::2], 1
        x0 = x.repeat(repeats, *[1] * len(self.space.shape))
        y = None if y is None else y.repeat(repeats)
        middles = (torch.arange(len(x0), device=x.device) + 0.5) / len(x0)
        errors, among = [], groups(T, LEVELS)
        for group in among:
            t = group[0] + (middles * len(group)).long()
            eps = torch.randn(repeats, *x.shape, **self.like).flatten(0, 1)
            guess, _ = self.predict(self.q(x0, t, eps), t, y, 1.0)
            errors.append((eps - guess).square().mean().item())
        over_all = sum(error * len(group) for error, group in zip(errors, among, strict=True)) / T
        return {BY_LEVEL: errors, TEST_LOSS: over_all}
