"""The games of the papers, written out with weights as matrices and probabilities as probabilities."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

M = 6  # examples in a minibatch
STEPS, RATE = 5, 0.05  # of unrolling


class Net(NamedTuple):
    """Matrices and offsets in turn, with LeakyReLU(0.2) between them; for each matrix the vectors u and v of
    its spectral norm u' W v, which divides it, or None."""

    weights: list[Tensor]
    norms: list[tuple[Tensor, Tensor] | None]

    def __call__(self, h: Tensor) -> Tensor:
        for i, norm in enumerate(self.norms):
            W, b = self.weights[2 * i : 2 * i + 2]
            if norm is not None:
                W = W / torch.einsum("i,ij,j->", norm[0], W, norm[1])
            h = h @ W.T + b
            if i + 1 < len(self.norms):
                h = torch.where(h > 0, h, 0.2 * h)
        return h

    @property
    def sizes(self) -> list[tuple[int, ...]]:
        return [tuple(W.shape) for W in self.weights[::2]]


def net(module: torch.nn.Module) -> Net:
    """The linear layers of a module."""
    layers = [layer for layer in module.modules() if isinstance(layer, torch.nn.Linear)]
    norms = [(layer.u, layer.v) if hasattr(layer, "u") else None for layer in layers]
    return Net([w for layer in layers for w in (layer.weight, layer.bias)], norms)


def scores(D: Net, x: Tensor, c: Any, hot: Tensor | None = None) -> Tensor:
    """D's scores of x (m, d), one for each pair of neighbours with packing."""
    diversity = getattr(c, "diversity", "none")
    if diversity == "packing":
        x = torch.cat([x[0::2], x[1::2]], 1)
    if diversity == "minibatch std":
        spread = ((x - x.mean(0)).square().mean(0) + 1e-8).sqrt()
        x = torch.cat([x, spread.expand(len(x), -1)], 1)
    if hot is not None:
        x = torch.cat([x, hot], 1)
    return D(x)[:, 0]


def on_real(a: Tensor, c: Any) -> Tensor:
    """What D descends on its scores of real examples."""
    D, s = torch.sigmoid(a), c.smooth
    return {
        "minimax": lambda: -(1 - s) * D.log() - s * (1 - D).log(),
        "non-saturating": lambda: -(1 - s) * D.log() - s * (1 - D).log(),
        "least squares": lambda: 0.5 * (a - (1 - s)) ** 2,
        "hinge": lambda: torch.maximum(torch.zeros_like(a), 1 - a),
        "Wasserstein": lambda: -a,
    }[c.loss]().mean()


def on_fake(a: Tensor, c: Any) -> Tensor:
    """What D descends on its scores of fakes."""
    return {
        "minimax": lambda: -(1 - torch.sigmoid(a)).log(),
        "non-saturating": lambda: -(1 - torch.sigmoid(a)).log(),
        "least squares": lambda: 0.5 * a**2,
        "hinge": lambda: torch.maximum(torch.zeros_like(a), 1 + a),
        "Wasserstein": lambda: a,
    }[c.loss]().mean()


def of_G(a: Tensor, c: Any) -> Tensor:
    """What G descends, from D's scores of its fakes."""
    return {
        "minimax": lambda: (1 - torch.sigmoid(a)).log(),
        "non-saturating": lambda: -torch.sigmoid(a).log(),
        "least squares": lambda: 0.5 * (a - 1) ** 2,
        "hinge": lambda: -a,
        "Wasserstein": lambda: -a,
    }[c.loss]().mean()


def bound(D: Net, x: Tensor, fake: Tensor, eps: Tensor | None, c: Any, hot: Tensor | None) -> list:
    """The penalty on D's slope, weighted, if one is chosen: a list of at most one term."""
    if c.penalty not in ("R1", "gradient penalty"):
        return []
    at = x
    if eps is not None:
        at = torch.stack([e * a + (1 - e) * b for e, a, b in zip(eps, x, fake, strict=True)])
    at = at.detach().requires_grad_()
    (slope,) = torch.autograd.grad(scores(D, at, c, hot).sum(), at, create_graph=True)
    if c.penalty == "R1":
        return [c.weight * (slope**2).sum(1).mean() / 2]
    return [c.weight * ((slope**2).sum(1).sqrt() - 1).square().mean()]


def ahead(D: Net, x: Tensor, fake: Tensor, c: Any) -> Net:
    """D after STEPS steps of descent on its loss; the steps depend on the fakes."""
    for _ in range(STEPS):
        loss = on_real(scores(D, x, c), c) + on_fake(scores(D, fake, c), c)
        slope = torch.autograd.grad(loss, D.weights, create_graph=True)
        D = D._replace(weights=[w - RATE * g for w, g in zip(D.weights, slope, strict=True)])
    return D


def draws(c: Any, m: int, d: int, player: str) -> tuple[Tensor, Tensor | None, Tensor]:
    """z, eps between real and fake, and instance noise of real and of fakes, from torch's stream."""
    z = 2 * torch.rand(m, c.z) - 1 if c.noise == "uniform" else torch.randn(m, c.z)
    eps = torch.rand(m) if player == "D" and c.penalty == "gradient penalty" else None
    return z, eps, c.noise_x * torch.randn(2, m, d) if c.noise_x else torch.zeros(2, m, d)


def D_turn(D: Net, x: Tensor, fake: Tensor, eps: Tensor | None, c: Any, hot: Tensor | None) -> list:
    """The terms that D descends on what it sees: real x and fakes, with their noise."""
    terms = [on_real(scores(D, x, c, hot), c), on_fake(scores(D, fake, c, hot), c)]
    return terms + bound(D, x, fake, eps, c, hot)


def G_turn(D: Net, x: Tensor, fake: Tensor, c: Any, hot: Tensor | None) -> list:
    """The term that G descends."""
    judge = ahead(D, x, fake, c) if getattr(c, "diversity", "none") == "unrolling" else D
    return [of_G(scores(judge, fake, c, hot), c)]
