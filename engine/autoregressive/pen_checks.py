"""Laws of models of handwriting, measured on the very model."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor

from engine.autoregressive.mixture import Mixture
from engine.autoregressive.writer import Writer
from engine.checks import Check, gap, slope_gap
from engine.data import Dataset, floats

WRITTEN = 3  # examples that are written
PLACES = 6  # whose dependence is measured
NODES = 400  # along each side of the grid
DEVIATIONS = 9.0  # of each Gaussian that lie within the grid


def measure(model: Writer, data: Dataset) -> list[Check]:
    """The laws of a model of handwriting, on a copy in float64."""
    model = copy.deepcopy(model).cpu().double()
    x = floats(data.test_x[:WRITTEN]).cpu().double()
    y = None if data.test_y is None else data.test_y[:WRITTEN].cpu()
    told, steps = model.told(y), model.steps(x)
    with torch.no_grad():
        first = model.said(model.start(WRITTEN), told).p.at(0)
    off = max(abs(total(first, i) - 1) for i in range(WRITTEN))
    return [
        Check("No step is predicted from itself or from a later one.", ahead(model, steps, told), 0),
        Check("A step's density integrates to 1.", off, 1e-3),
        Check("What is written step by step has the density that one pass gives it.",
              written_gap(model, told), 1e-9),
        Check("The gradient of the loss agrees with central differences.", slope_gap(model, x, y), 1e-3),
    ]  # fmt: skip


def ahead(model: Writer, steps: Tensor, y: Tensor | None) -> float:
    """The largest slope of what is said of a step in that step or in a later one, over a few places."""
    steps, y = steps[:1].clone().requires_grad_(), None if y is None else y[:1]
    said = model.said(torch.cat([model.start(1), steps[:, :-1]], 1), y)
    told = torch.cat([part.flatten(2) for part in said.p], -1)
    if said.lift is not None:
        told = torch.cat([told, said.lift[..., None]], -1)
    T = int(model.inked(steps).sum())
    worst = 0.0
    for t in sorted({round(i * (T - 1) / (PLACES - 1)) for i in range(PLACES)}):
        (slope,) = torch.autograd.grad(told[0, t].sum(), steps, retain_graph=True, allow_unused=True)
        worst = max(worst, 0.0 if slope is None else slope[0, t:].abs().max().item())
    return worst


def total(p: Mixture, i: int) -> float:
    """The integral of the i-th density, each Gaussian on a grid of its own."""
    sum_of, u = 0.0, torch.linspace(-DEVIATIONS, DEVIATIONS, NODES, dtype=torch.float64)
    for pi, mu, sigma, rho in zip(*(part[i] for part in p), strict=True):
        one = Mixture(torch.ones(1).double(), mu[None], sigma[None], rho[None])
        grid = mu + sigma * torch.cartesian_prod(u, u)
        cell = sigma.prod() * (u[1] - u[0]) ** 2
        sum_of += (pi * one.log_prob(grid).exp().sum() * cell).item()
    return sum_of


@torch.no_grad()
def written_gap(model: Writer, y: Tensor | None) -> float:
    """How far the log-densities of what is written are from those of one pass."""
    each = []
    for now in model.written(WRITTEN, y):
        last = now.steps[:, -1]
        log_p = now.p.log_prob(last[:, :2])
        if now.phi is not None:
            log_p = log_p + torch.where(last[:, 2] > 0.5, now.e, 1 - now.e).log()
        each.append(log_p)
    steps = model.padded(now.steps)
    whole = -model.losses_of(steps, y)[:, : len(each)]
    inked = model.inked(steps)[:, : len(each)]
    return gap(torch.stack(each, 1)[inked], whole[inked]) if inked.any() else math.nan
