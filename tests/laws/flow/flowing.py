"""Flows far from the identity, and the oracles their laws are held against."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from engine.families import find
from engine.flow.base import Flow
from engine.space import Picture, Space

LINE, PLANE, FIVE, PICTURE = Space.of((1,)), Space.of((2,)), Space.of((5,)), Space.of((1, 4, 4))
COLOUR = Space.of((3, 4, 8))  # and wider than high
SMALL = {"width": 12, "layers": 3}


def shaken(module: nn.Module, by: float = 0.3) -> None:
    """Every weight is moved by chance, so that no net says 0."""
    with torch.no_grad():
        for weight in module.parameters():
            weight += by * torch.randn_like(weight)


def flow(name: str, space: Space, by: float = 0.3, **knobs: Any) -> Flow:
    """A small flow whose weights have been shaken."""
    torch.manual_seed(0)
    family = find(name)
    model = family(family.configure(space, SMALL | knobs), space)
    shaken(model.f, by / 3 if isinstance(space, Picture) else by)  # behind the logit numbers are larger
    model.average.load_state_dict(model.f.state_dict())
    return model


def jacobians(f: Any, x: Tensor) -> Tensor:
    """dy/dx (n, size of y, size of x) of y = f(x), each example by itself, by autograd."""
    of = torch.autograd.functional.jacobian(lambda x: f(x).flatten(1).sum(0), x)
    return of.flatten(2).movedim(1, 0)


def log_dets(f: Any, x: Tensor) -> Tensor:
    """log |det dy/dx| (n,), by autograd."""
    return torch.linalg.slogdet(jacobians(f, x)).logabsdet


def cells(log_prob: Any, box: list[tuple[float, float]], fine: int, coarse: int) -> Tensor:
    """The mass (coarse, ...) of each of coarse^D cells of the box, by the midpoint rule on fine^D places."""
    middles = [a + (b - a) * (torch.arange(fine) + 0.5) / fine for a, b in box]
    places = torch.stack(torch.meshgrid(*middles, indexing="ij"), -1).reshape(-1, len(box))
    with torch.no_grad():
        p = torch.cat([log_prob(part).exp() for part in places.split(20_000)])
    area = float(np.prod([(b - a) / fine for a, b in box]))
    split = p.view([n for _ in box for n in (coarse, fine // coarse)])
    return split.sum(tuple(range(1, 2 * len(box), 2))) * area


def fits(samples: Tensor, mass: Tensor, box: list[tuple[float, float]]) -> float:
    """The p-value of the chi-squared test that samples (n, D) fall into cells with these masses; what is
    rare, or outside of the box, counts as one cell."""
    seen = np.histogramdd(samples.numpy(), bins=mass.shape, range=box)[0].ravel()
    expected = len(samples) * mass.numpy().ravel()
    often = expected >= 10
    seen = np.append(seen[often], len(samples) - seen[often].sum())
    expected = np.append(expected[often], len(samples) - expected[often].sum())
    if expected[-1] < 5:  # too rare to be a cell
        assert seen[-1] < 5 + 5 * max(expected[-1], 0) ** 0.5 + 5
        seen, expected = seen[:-1], expected[:-1] * seen[:-1].sum() / expected[:-1].sum()
    return float(stats.chisquare(seen, expected).pvalue)
