"""What a conditional distribution depends on, measured: by gradients, and by changing what is given."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.functional import jacobian

from engine.autoregressive.base import Ordered

LEAKS = "leaks"
"""In a row: of how many outputs the distribution depends on the number itself, and on later ones."""
OUTPUTS = 12  # that are looked at for leaks


class Influence(NamedTuple):
    """What p(x_i | ...) depends on."""

    p: Tensor  # (K,), the distribution
    heat: Tensor  # (D,): sum of |d p_i / d v_j| over the K values and over the numbers that stand for x_j


def influence(model: Ordered, k: Tensor, i: int, y: Tensor | None = None) -> Influence:
    """The influence of all numbers of an example k (D,) on the distribution of its i-th, for a label y ()."""
    label = None if y is None else y[None]

    def p(v: Tensor) -> Tensor:
        return model.logits(v, label)[0, i].softmax(-1)

    with torch.enable_grad():
        v = model.seen(k[None]).detach()
        slopes = jacobian(p, v)  # (K, 1, c, D)
    return Influence(p(v).detach(), slopes.abs().sum((0, 1, 2)))


@torch.no_grad()
def leaks(model: Ordered, k: Tensor, places: list[int], y: Tensor | None = None) -> tuple[int, int]:
    """Of how many of these places the distribution changes when the number itself is changed, and of how many
    when all later numbers are: both should be none. k (D,) is an example, y () its label."""
    rank, now = model.rank, torch.tensor(places, device=k.device)
    at = rank[now]
    other = (k + 1) % model.K
    itself = torch.where(rank[None] == at[:, None], other, k)
    later = torch.where(rank[None] > at[:, None], other, k)
    together = torch.cat([k[None], itself, later])
    label = None if y is None else y.expand(len(together))
    p = model.logits(model.seen(together), label).softmax(-1)
    plain, n = p[0], len(places)
    each = torch.arange(n)

    def changed(others: Tensor) -> int:
        # rounding differs from place to place in a batch, a leak is larger
        return int(((others[each, now] - plain[now]).abs().amax(-1) > 1e-4).sum())

    return changed(p[1 : n + 1]), changed(p[n + 1 :])


def spaced(model: Ordered, n: int) -> list[int]:
    """n places that are evenly spaced in the order, without its first."""
    order = model.order[1:]
    n = min(n, len(order))
    return [order[len(order) * i // n] for i in range(n)]


def touched(model: Ordered, v: Tensor, i: int, y: Tensor | None = None) -> Tensor:
    """How much a random sum of the logits of the i-th number depends on each number of v (1, c, D), as a
    slope, (D,): 0 exactly where none of its logits does. It takes one pass back, and `influence` K."""
    with torch.enable_grad():
        by = torch.randn(model.K, generator=torch.Generator().manual_seed(0)).to(v)
        logits = lambda v: model.logits(v, y)[0, i]  # noqa: E731
        finite = logits(v).isfinite()
        slopes = jacobian(lambda v: logits(v)[finite] @ by[finite], v.detach())
    return slopes[0].abs().sum(0)


def reach(model: Ordered, i: int, draws: int = 3) -> Tensor:
    """Which numbers the distribution of the i-th can depend on at all, whatever the weights, (D,) of bool:
    measured on copies with random weights, because a trained unit may rest by chance."""
    seen = torch.zeros(model.D, dtype=torch.bool)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _ in range(draws):
            other = copy.deepcopy(model).cpu().double()
            for weight in other.parameters():
                numbers = weight[0].numel() if weight.ndim > 1 else 1
                weight.data = torch.randn_like(weight) / numbers**0.5
            v = other.seen(torch.randint(other.K, (1, other.D)))
            seen |= touched(other, v, i, torch.zeros(1, dtype=torch.long) if other.conditional else None) > 0
    return seen
