"""Invertible maps that count volume: the layers of normalizing flows.

Each has `forward(x) -> (z, log_det)` and `inverse(z) -> (x, log_det)`, where log_det (n,) is log |det| of the
Jacobian in that direction. Points are (n, D), pictures (n, C, H, W).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from engine.flow.bases import Base
from engine.nets.masked import MADE

Pair = tuple[Tensor, Tensor]
Law = Callable[[Tensor, Tensor, bool], Pair]  # how a layer changes single numbers: see `Coupling`
STEEPEST = math.log(1000)  # bound of |s|, so that exp(s) neither overflows nor vanishes
HALVINGS = {torch.float32: 30, torch.float64: 60}  # of an interval, until its ends are adjacent numbers


def squash(s: Tensor) -> Tensor:
    """Squash s softly into (-STEEPEST, STEEPEST), so that steep changes of scale are learned slowly."""
    return s / (1 + s.abs() / STEEPEST)


class Transform(nn.Module):
    """An invertible map. `title` is a word or two for it; `waits` is the number of its `steps`."""

    title: str = "layer"
    waits: int = 1

    def forward(self, x: Tensor) -> Pair:
        """The image z = f(x) and log |det dz/dx| (n,)."""
        raise NotImplementedError

    def inverse(self, z: Tensor) -> Pair:
        """The origin x = f^-1(z) and log |det dx/dz| (n,)."""
        raise NotImplementedError

    def steps(self, z: Tensor) -> Iterator[Tensor]:
        """The inverse x step by step, where each step needs the one before; the last is that of `inverse`."""
        yield self.inverse(z)[0]

    def initialize(self, x: Tensor) -> Tensor:
        """The image of a first minibatch x; a map that begins with statistics of the data takes them here."""
        return self.forward(x)[0]


class Inverse(Transform):
    """The inverse of a map: MAF's layer becomes IAF's."""

    def __init__(self, of: Transform) -> None:
        super().__init__()
        self.of, self.title = of, f"inverse {of.title}"

    def forward(self, x: Tensor) -> Pair:
        """The inverse of the map."""
        return self.of.inverse(x)

    def inverse(self, z: Tensor) -> Pair:
        """The map itself."""
        return self.of.forward(z)


class Coupling(Transform):
    """z_a = x_a,  z_b = g(x_b; net(x_a)): the kept half determines how the other half changes.

    `keep` (D,) marks the kept numbers or channels. The net maps (n, |a|, ...) to (n, |b| k, ...). `law(b, o,
    inverse)` is g with parameters o (n, |b|, ..., k); it returns the new b and the logarithms of its slopes.
    """

    title = "coupling"
    a: Tensor
    b: Tensor
    back: Tensor

    def __init__(self, keep: Tensor, net: nn.Module, law: Law) -> None:
        super().__init__()
        self.net, self.law = net, law
        self.register_buffer("a", keep.nonzero()[:, 0])
        self.register_buffer("b", (~keep).nonzero()[:, 0])
        self.register_buffer("back", torch.cat([self.a, self.b]).argsort())

    def forward(self, x: Tensor) -> Pair:
        """Keep a, change b."""
        return self._turn(x, False)

    def inverse(self, z: Tensor) -> Pair:
        """Keep a, change b back."""
        return self._turn(z, True)

    def _turn(self, x: Tensor, inverse: bool) -> Pair:
        a, b = x.index_select(1, self.a), x.index_select(1, self.b)
        o = self.net(a).unflatten(1, (b.shape[1], -1)).movedim(2, -1)
        b, log_slope = self.law(b, o, inverse)
        return torch.cat([a, b], 1).index_select(1, self.back), log_slope.flatten(1).sum(1)


def additive(b: Tensor, o: Tensor, inverse: bool) -> Pair:
    """Shift b by t: NICE, eq. (9). Volume stays the same."""
    t = o.squeeze(-1)
    return (b - t if inverse else b + t), torch.zeros_like(b)


def affine(b: Tensor, o: Tensor, inverse: bool) -> Pair:
    """Scale b by exp(s) and shift it by t: Real-NVP, eq. (4)."""
    s, t = o.unbind(-1)
    s = squash(s)
    return ((b - t) * (-s).exp(), -s) if inverse else (b * s.exp() + t, s)


class Elementwise(Transform):
    """z_i = g(x_i) for each number by itself, with parameters of its own instead of a net."""

    title = "curve"

    def __init__(self, D: int, k: int, law: Law) -> None:
        super().__init__()
        self.o, self.law = nn.Parameter(torch.zeros(D, k)), law

    def forward(self, x: Tensor) -> Pair:
        """Apply g to each number."""
        z, log_slope = self.law(x, self.o.expand(len(x), -1, -1), False)
        return z, log_slope.sum(1)

    def inverse(self, z: Tensor) -> Pair:
        """The inverse of g for each number."""
        x, log_slope = self.law(z, self.o.expand(len(z), -1, -1), True)
        return x, log_slope.sum(1)


class Autoregressive(Transform):
    """z_i = g(x_i; net(x_1 ... x_{i-1})): MAF, eq. (3), with any law g.

    z takes one pass of the net; x takes D steps, because each of its numbers needs the ones before.
    """

    title = "autoregressive"

    def __init__(self, net: MADE, law: Law) -> None:
        super().__init__()
        self.net, self.law, self.waits = net, law, net.D

    def forward(self, x: Tensor) -> Pair:
        """Find z in one pass."""
        z, log_slope = self.law(x, self.net(x), False)
        return z, log_slope.sum(1)

    def inverse(self, z: Tensor) -> Pair:
        """Find x number by number."""
        xs, total = [*z.unbind(1)], torch.zeros_like(z[:, 0])
        for i, x_i, log_slope in self._one_by_one(z):
            xs[i], total = x_i, total + log_slope
        return torch.stack(xs, 1), total

    def steps(self, z: Tensor) -> Iterator[Tensor]:
        """The inverse x after each number that has become known; the others are still those of z."""
        x = z.clone()
        for i, x_i, _ in self._one_by_one(z):
            x[:, i] = x_i
            yield x.clone()

    def _one_by_one(self, z: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Each number in its order: its place i, x_i, and its part of log |det dx/dz|."""
        walk = self.net.one_by_one(len(z))
        i, o = next(walk)
        for _ in range(z.shape[1]):
            x_i, log_slope = self.law(z[:, i], o, True)
            yield i, x_i, log_slope
            i, o = walk.send(x_i)


def standardize(x: Tensor, o: Tensor, inverse: bool) -> Pair:
    """Standardize to (x - mu) exp(-s), as in the lecture's MAF."""
    mu, s = o.unbind(-1)
    s = squash(s)
    return (x * s.exp() + mu, s) if inverse else ((x - mu) * (-s).exp(), -s)


class Planar(Transform):
    """z = x + u tanh(w x + b): Rezende and Mohamed 2015, eq. (10).

    It is invertible while w u >= -1, which `bent` ensures (their appendix A.1) with a margin for rounding.
    The inverse has no formula: along u it is the root of a rising function of one number, found by bisection.
    """

    title = "planar"
    EDGE = 1e-3  # w u stays above -1 + EDGE

    def __init__(self, D: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(D))
        self.u = nn.Parameter(torch.randn(D) * 0.1)
        self.b = nn.Parameter(torch.randn(()))

    def bent(self) -> Tensor:
        """The vector u with w u replaced by -1 + EDGE + softplus(w u)."""
        wu = self.w @ self.u
        return self.u + (softplus(wu) - 1 + self.EDGE - wu) * self.w / self.w.square().sum().clamp(min=1e-12)

    def forward(self, x: Tensor) -> Pair:
        """Push x along u."""
        u, h = self.bent(), (x @ self.w + self.b).tanh()
        return x + u * h[:, None], ((1 - h.square()) * (self.w @ u)).log1p()

    def inverse(self, z: Tensor) -> Pair:
        """Pull z back along u, by bisection."""
        with torch.no_grad():
            u = self.bent()
            at, c = z @ self.w, self.w @ u
            low, high = at - c.abs(), at + c.abs()  # w x lies between, because |tanh| <= 1
            for _ in range(HALVINGS[z.dtype]):
                middle = (low + high) / 2
                above = middle + c * (middle + self.b).tanh() > at
                low, high = torch.where(above, low, middle), torch.where(above, middle, high)
            x = z - u * ((low + high) / 2 + self.b).tanh()[:, None]
        return x, -self.forward(x)[1]


class Bijection(nn.Module):
    """z = f(x) = f_L(... f_1(x)) with a density of z, which gives a density of x."""

    def __init__(self, transforms: list[Transform], base: Base) -> None:
        super().__init__()
        self.transforms: Any = nn.ModuleList(transforms)
        self.base = base

    def forward(self, x: Tensor) -> Pair:
        """The image z = f(x) and log |det dz/dx| (n,)."""
        return composed(self.way(x))

    def inverse(self, z: Tensor) -> Pair:
        """The origin x = f^-1(z) and log |det dx/dz| (n,)."""
        return composed(self.back(z))

    def way(self, x: Tensor) -> list[Pair]:
        """The steps h_l and log |det dh_l / dh_{l-1}| for l = 1 ... L."""
        steps = []
        for f in self.transforms:
            x, log_det = f(x)
            steps.append((x, log_det))
        return steps

    def back(self, z: Tensor) -> list[Pair]:
        """The steps h_{l-1} and log |det dh_{l-1} / dh_l| for l = L ... 1."""
        steps = []
        for f in reversed(self.transforms):
            z, log_det = f.inverse(z)
            steps.append((z, log_det))
        return steps

    def log_prob(self, x: Tensor) -> Tensor:
        """The density log p_x(x) (n,) in nats, exact."""
        z, log_det = self(x)
        return self.base.log_prob(z) + log_det


def composed(way: list[Pair]) -> Pair:
    """The end of a way, and the sum of its log-determinants."""
    return way[-1][0], torch.stack([log_det for _, log_det in way]).sum(0)
