r"""Masked autoencoder for distribution estimation (Germain et al., 2015, https://arxiv.org/abs/1502.03509).

An autoencoder whose weights are masked so that the output for x_d sees only what comes before it. Each unit k
has a degree m(k), the rank of the last input that it may see; with ranks from 0,

    M^W_{k,k'} = 1 if m(k) >= m(k'),   M^V_{d,k} = 1 if rank(d) > m(k)                      eq. (12), (13)

and the strict > keeps x_d itself out. One net can serve several orders, whose masks take turns in training.
Each order gives a p(x); their mean is a p(x), too, and the mean of their logits is not.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from engine.autoregressive.base import with_first
from engine.autoregressive.pixels import OrderConfig, Pixels, ranks
from engine.config import knob
from engine.family import Batch, Terms
from engine.nets.masked import in_turn
from engine.space import Picture, Space


class MADEConfig(OrderConfig):
    """Knobs of MADE."""

    orders: int = knob(
        1, 1, 16, label="Orders and masks",
        says="sets of masks that take turns: the first has the order above, the others random ones",
    )  # fmt: skip
    width: int = knob(500, 8, 1024, label="Width", log=True, says="units of each hidden layer")
    depth: int = knob(1, 1, 4, label="Depth", advanced=True, says="hidden layers")
    mask: Literal[">", ">="] = knob(
        ">", label="Mask at the output", advanced=True,
        says="an output sees units of a smaller degree, or wrongly of the same, which see its own pixel",
    )  # fmt: skip


class MADE(Pixels):
    """One masked net for all pixels."""

    name = "made"
    title = "MADE"
    source = "Germain et al., 2015, https://arxiv.org/abs/1502.03509"
    Config = MADEConfig
    recipes = {Picture: {"batch": 100}}
    ranks: Tensor  # (orders, D)
    m: Tensor  # (orders, depth, width), the degrees

    def __init__(self, config: MADEConfig, space: Space) -> None:
        super().__init__(config, space)
        D, H = self.D, config.width
        kinds = [config.order, *["random"] * (config.orders - 1)]
        self.register_buffer("ranks", torch.stack([ranks(k, self.H, self.W, i) for i, k in enumerate(kinds)]))
        self.register_buffer("m", torch.randint(max(1, D - 1), (config.orders, config.depth, H)))
        self.rank = self.ranks[0].clone()
        sizes = [self.C * D, *[H] * config.depth]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.out = nn.Linear(H, D * (self.K - 1))
        nn.init.normal_(self.out.weight, std=0.01)
        nn.init.zeros_(self.out.bias)

    def masks(self, which: int = 0) -> list[Tensor]:
        """The masks of one order: (units, D) of the first layer, then (units, units), at last (D, units)."""
        before, masks = self.ranks[which], []
        for m in self.m[which]:
            masks.append(m[:, None] >= before)
            before = m
        rank = self.ranks[which][:, None]
        return [*masks, rank > before if self.config.mask == ">" else rank >= before]

    def layers(self, which: int) -> list[tuple[Tensor, Tensor]]:
        """The masked weights and the biases of each layer."""
        first, *others, last = self.masks(which)
        masks = [first.repeat(1, self.C), *others, last.repeat_interleave(self.K - 1, 0)]
        return [(f.weight * M, f.bias) for f, M in zip([*self.hidden, self.out], masks, strict=True)]

    def logits(self, v: Tensor, y: Tensor | None = None, which: int = 0) -> Tensor:
        """From v (n, C, D) to logits (n, D, K), with the masks of one order."""
        *layers, (V, b) = self.layers(which)
        h = v.flatten(1)  #: net
        for W, bias in layers:
            h = linear(h, W, bias).relu()  #: net
        return with_first(linear(h, V, b).unflatten(1, (self.D, self.K - 1)))

    def log_prob(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """log p(x) (n,) in nats, exact: of the mean of the p(x) of all orders."""
        k = self.coded(x)
        each = torch.stack([self.log_probs(k, y, which).sum(1) for which in range(len(self.ranks))])
        return each.logsumexp(0) - math.log(len(each))

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """Maximum likelihood on a minibatch, with the masks whose turn it is."""
        k = self.coded(batch.x)  #: x
        yield self, self.loss(self.log_probs(k, None, batch.round % len(self.ranks)), batch.x)

    def one_by_one(self, n: int, y: Tensor | None = None) -> Generator[tuple[int, Tensor], Tensor]:
        """In the first order; each hidden unit is computed once, as soon as it can be."""
        values = self.values
        if self.config.mask == ">=":  # it asks for what is not drawn yet: a 0 stands for it
            yield from super().one_by_one(n, y)
            return
        *hidden, (V, b) = self.layers(0)
        by_degree = [m.argsort() for m in self.m[0]]
        known = [
            torch.searchsorted(m.sort()[0], torch.arange(self.D).to(m), right=True).tolist()
            for m in self.m[0]
        ]
        sorted_ = [(W[units], bias[units]) for (W, bias), units in zip(hidden, by_degree, strict=True)]
        for j, units in enumerate(by_degree[:-1], 1):
            sorted_[j] = (sorted_[j][0][:, units], sorted_[j][1])
        out = V[:, by_degree[-1]].unflatten(0, (self.D, self.K - 1))
        steps = in_turn(n, self.rank, known, sorted_, out, b.unflatten(0, (self.D, self.K - 1)))
        i, o = next(steps)
        while i >= 0:
            k = yield i, with_first(o)
            i, o = steps.send(values[k])
