"""Invertible maps that count volume: what normalizing flows are composed of.

Each has `forward(x) -> (z, log_det)` and `inverse(z) -> (x, log_det)`, where log_det (n,) is log |det| of the
Jacobian of the direction that was taken. Points are (n, D), pictures (n, C, H, W).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from engine.nets.masked import MADE

Pair = tuple[Tensor, Tensor]
Law = Callable[[Tensor, Tensor, bool], Pair]  # how numbers are bent: see `Coupling`
STEEPEST = math.log(1000)  # |s| stays below, so that exp(s) neither overflows nor vanishes
HALVINGS = {torch.float32: 30, torch.float64: 60}  # of an interval, until its ends are neighbours


def squash(s: Tensor) -> Tensor:
    """s, bent softly into (-STEEPEST, STEEPEST); steep changes of scale must be learned slowly."""
    return s / (1 + s.abs() / STEEPEST)


class Transform(nn.Module):
    """An invertible map. `title` is a word or two for it."""

    title: ClassVar[str] = "layer"

    def forward(self, x: Tensor) -> Pair:
        """z = f(x) and log |det dz/dx| (n,)."""
        raise NotImplementedError

    def inverse(self, z: Tensor) -> Pair:
        """x = f^-1(z) and log |det dx/dz| (n,)."""
        raise NotImplementedError

    def steps(self, z: Tensor) -> Iterator[Tensor]:
        """The way back in as many steps as it takes; the last is `inverse`."""
        yield self.inverse(z)[0]

    def settle(self, x: Tensor) -> Tensor:
        """What a first minibatch x becomes here; a map that begins with its statistics takes them now."""
        return self.forward(x)[0]


class Inverse(Transform):
    """The same map, the other way round: MAF's becomes IAF's."""

    def __init__(self, of: Transform) -> None:
        super().__init__()
        self.of = of

    @property
    def title(self) -> str:  # type: ignore[override]
        """What the map itself is called, the other way round."""
        return f"inverse {self.of.title}"

    def forward(self, x: Tensor) -> Pair:
        return self.of.inverse(x)

    def inverse(self, z: Tensor) -> Pair:
        return self.of.forward(z)


class Coupling(Transform):
    """z_a = x_a,  z_b = g(x_b; net(x_a)): the kept half says how the other one is changed.

    `keep` (D,) marks the kept numbers, or channels; net: (n, |a|, ...) to (n, |b| k, ...). `law(b, o,
    inverse)` is g with parameters o (n, |b|, ..., k); it gives the new b and the logarithms of its slopes.
    """

    title = "coupling"

    def __init__(self, keep: Tensor, net: nn.Module, law: Law) -> None:
        super().__init__()
        self.net, self.law = net, law
        kept = keep.nonzero()[:, 0]
        changed = (~keep).nonzero()[:, 0]
        self.a: Tensor
        self.b: Tensor
        self.back: Tensor
        self.register_buffer("a", kept)
        self.register_buffer("b", changed)
        self.register_buffer("back", torch.cat([kept, changed]).argsort())

    def forward(self, x: Tensor) -> Pair:
        return self._turn(x, False)

    def inverse(self, z: Tensor) -> Pair:
        return self._turn(z, True)

    def _turn(self, x: Tensor, inverse: bool) -> Pair:
        a, b = x.index_select(1, self.a), x.index_select(1, self.b)
        o = self.net(a).unflatten(1, (b.shape[1], -1)).movedim(2, -1)
        b, log_slope = self.law(b, o, inverse)
        return torch.cat([a, b], 1).index_select(1, self.back), log_slope.flatten(1).sum(1)


def additive(b: Tensor, o: Tensor, inverse: bool) -> Pair:
    """b + t: NICE, eq. (9). Volume is kept."""
    t = o.squeeze(-1)
    return (b - t if inverse else b + t), torch.zeros_like(b)


def affine(b: Tensor, o: Tensor, inverse: bool) -> Pair:
    """b exp(s) + t: Real-NVP, eq. (4)."""
    s, t = o.unbind(-1)
    s = squash(s)
    return ((b - t) * (-s).exp(), -s) if inverse else (b * s.exp() + t, s)


class Elementwise(Transform):
    """z_i = g(x_i) for each number by itself, with parameters that no net has to find."""

    title = "curve"

    def __init__(self, D: int, k: int, law: Law) -> None:
        super().__init__()
        self.o, self.law = nn.Parameter(torch.zeros(D, k)), law

    def forward(self, x: Tensor) -> Pair:
        z, log_slope = self.law(x, self.o.expand(len(x), -1, -1), False)
        return z, log_slope.sum(1)

    def inverse(self, z: Tensor) -> Pair:
        x, log_slope = self.law(z, self.o.expand(len(z), -1, -1), True)
        return x, log_slope.sum(1)


class Autoregressive(Transform):
    """z_i = g(x_i; net(x_1 ... x_{i-1})): MAF, eq. (3), with any law g. z is found in one pass of the net; x
    is not, for each of its numbers needs the ones before."""

    title = "autoregressive"

    def __init__(self, net: MADE, law: Law) -> None:
        super().__init__()
        self.net, self.law = net, law

    def forward(self, x: Tensor) -> Pair:
        z, log_slope = self.law(x, self.net(x), False)
        return z, log_slope.sum(1)

    def inverse(self, z: Tensor) -> Pair:
        *_, (xs, total) = self._one_by_one(z)
        return torch.stack(xs, 1), total

    def steps(self, z: Tensor) -> Iterator[Tensor]:
        """x after each number that has become known, with z where none has."""
        for xs, _ in self._one_by_one(z):
            yield torch.stack(xs, 1)

    def _one_by_one(self, z: Tensor) -> Iterator[tuple[list[Tensor], Tensor]]:
        """After each number: x, of which some numbers are still those of z, and log |det dx/dz| so far."""
        xs, total = [*z.unbind(1)], torch.zeros_like(z[:, 0])
        walk = self.net.one_by_one(len(z))
        i, o = next(walk)
        for _ in range(z.shape[1]):
            xs[i], log_slope = self.law(z[:, i], o, True)
            total = total + log_slope
            i, o = walk.send(xs[i])
            yield xs, total


def standardise(x: Tensor, o: Tensor, inverse: bool) -> Pair:
    """(x - mu) exp(-s): the lecture's MAF."""
    mu, s = o.unbind(-1)
    s = squash(s)
    return (x * s.exp() + mu, s) if inverse else ((x - mu) * (-s).exp(), -s)


class Planar(Transform):
    """z = x + u tanh(w x + b): Rezende and Mohamed 2015, eq. (10). Invertible while w u >= -1, which u is
    made to obey (their appendix A.1), by so much that rounding does not undo it. The inverse has no formula:
    along u it is the root of a rising function of one number, found by halving."""

    title = "planar"
    EDGE = 1e-3  # w u stays above -1 + EDGE

    def __init__(self, D: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(D))
        self.u = nn.Parameter(torch.randn(D) * 0.1)
        self.b = nn.Parameter(torch.randn(()))

    def bent(self) -> Tensor:
        """u with w u replaced by -1 + EDGE + softplus(w u)."""
        wu = self.w @ self.u
        return self.u + (softplus(wu) - 1 + self.EDGE - wu) * self.w / self.w.square().sum().clamp(min=1e-12)

    def forward(self, x: Tensor) -> Pair:
        u, h = self.bent(), (x @ self.w + self.b).tanh()
        return x + u * h[:, None], ((1 - h.square()) * (self.w @ u)).log1p()

    def inverse(self, z: Tensor) -> Pair:
        with torch.no_grad():
            u = self.bent()
            at, c = z @ self.w, self.w @ u
            low, high = at - c.abs(), at + c.abs()  # w x lies between, for |tanh| <= 1
            for _ in range(HALVINGS[z.dtype]):
                middle = (low + high) / 2
                above = middle + c * (middle + self.b).tanh() > at
                low, high = torch.where(above, low, middle), torch.where(above, middle, high)
            x = z - u * ((low + high) / 2 + self.b).tanh()[:, None]
        return x, -self.forward(x)[1]


class ActNorm(Transform):
    """z = (x - m) exp(s), a mean and a scale for each channel (or coordinate), which begin as those of the
    first minibatch: Kingma and Dhariwal 2018, section 3.1."""

    title = "actnorm"

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.m = nn.Parameter(torch.zeros(channels))
        self.s = nn.Parameter(torch.zeros(channels))

    def _seen(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """m and s as they meet x, and log |det|: every place of a picture counts."""
        shape = (-1,) + (1,) * (x.ndim - 2)
        places = x[0, 0].numel()
        return self.m.view(shape), self.s.view(shape), (places * self.s.sum()).expand(len(x))

    def forward(self, x: Tensor) -> Pair:
        m, s, log_det = self._seen(x)
        return (x - m) * s.exp(), log_det

    def inverse(self, z: Tensor) -> Pair:
        m, s, log_det = self._seen(z)
        return z * (-s).exp() + m, -log_det

    @torch.no_grad()
    def settle(self, x: Tensor) -> Tensor:
        per = x.transpose(0, 1).flatten(1)
        self.m.copy_(per.mean(1))
        self.s.copy_(-per.std(1).clamp(min=1e-3).log())
        return self.forward(x)[0]


class Mix(Transform):
    """z = W x over the channels (a 1 x 1 convolution) or coordinates; W = P L U with P fixed, so that
    log |det W| is the sum of log |U_ii|: Kingma and Dhariwal 2018, eq. (10). W begins as a rotation."""

    title = "1 × 1"

    def __init__(self, channels: int) -> None:
        super().__init__()
        W = torch.linalg.qr(torch.randn(channels, channels, dtype=torch.float64))[0]
        W[0] *= W.det().sign()  # no reflection
        P, L, U = torch.linalg.lu(W)
        plain = torch.get_default_dtype()
        self.register_buffer("P", P.to(plain))
        self.register_buffer("sign", U.diagonal().sign().to(plain))
        self.L = nn.Parameter(L.to(plain))
        self.U = nn.Parameter(U.to(plain))
        self.log_s = nn.Parameter(U.diagonal().abs().log().to(plain))
        self.P: Tensor
        self.sign: Tensor

    def parts(self) -> tuple[Tensor, Tensor]:
        """P L and U."""
        one = torch.eye(len(self.P), dtype=self.P.dtype, device=self.P.device)
        return self.P @ (self.L.tril(-1) + one), self.U.triu(1) + (self.sign * self.log_s.exp()).diag()

    def forward(self, x: Tensor) -> Pair:
        PL, U = self.parts()
        return torch.einsum("ij,nj...->ni...", PL @ U, x), self._log_det(x)

    def inverse(self, z: Tensor) -> Pair:
        PL, U = self.parts()
        W = torch.linalg.inv(U.double()) @ torch.linalg.inv(PL.double())
        return torch.einsum("ij,nj...->ni...", W.to(z), z), -self._log_det(z)

    def _log_det(self, x: Tensor) -> Tensor:
        return (x[0, 0].numel() * self.log_s.sum()).expand(len(x))
