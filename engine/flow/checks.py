"""Laws of normalizing flows: volume is counted right, inverses are exact, samples follow the density."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.autograd.functional import jacobian

from engine.checks import Check, gap
from engine.data import Dataset
from engine.device import seed
from engine.flow.base import Flow
from engine.flow.transforms import Autoregressive, Coupling, Inverse, Transform
from engine.space import Picture

EXAMPLES = 4  # on which a law is measured
SAMPLES = 2000  # of the model
SIDE = {1: 4000, 2: 128}  # cells along a side of the box that holds the samples, by the dimension
DRAWS = 2  # places in each cell where the density is measured


@torch.no_grad()
def measure(model: Flow, data: Dataset) -> list[Check]:
    """The laws on a copy in float64; the density's mass and entropy in the model's own precision."""
    single, model = copy.deepcopy(model).cpu(), copy.deepcopy(model).cpu().double()
    seed(0)
    x = model.dequantized(data.take(slice(EXAMPLES)).cpu().double())
    few = x if not isinstance(model.space, Picture) else x[:1]
    seen = list(layers(model, few))
    volume = max(gap(torch.linalg.slogdet(J).logabsdet, log_det) for _, J, log_det in seen)
    z, log_det = model.forward(x)
    again, back = model.inverse(z)
    checks = [
        Check("log |det| of a layer is that of its Jacobian by autograd.", volume, 1e-8),
        Check("f⁻¹(f(x)) is x, and its log |det| the opposite one.",
              max(gap(again, x), gap(back, -log_det)), 1e-6),
    ]  # fmt: skip
    shapes = [(J, free) for f, J, _ in seen if (free := may_depend(f, few[0])) is not None]
    if shapes:
        worst = max((J * ~free).abs().max().item() for J, free in shapes)
        law = "Jacobians are zero where a layer must not look: above the diagonal, in the order of the layer."
        checks.append(Check(law, worst, 0))
    if not isinstance(model.space, Picture):
        checks += density(single)
    return checks


def layers(model: Flow, x: Tensor) -> Iterator[tuple[Transform, Tensor, Tensor]]:
    """Each layer f with its Jacobian (n, D, D) at its own input, and its log |det|, for x (n, *shape).

    For pictures only the last layer of each kind and shape, because a Jacobian of all pixels takes long.
    """
    picture = isinstance(model.space, Picture)
    places: dict[object, tuple[Transform, Tensor]] = {}
    for f in model.transforms:
        z = f(x)[0]
        places[(f.title, z.shape) if picture else f] = f, x
        x = z
    for f, h in places.values():
        with torch.enable_grad():
            J = jacobian(lambda h, f=f: f(h)[0].flatten(1).sum(0), h, vectorize=picture)
        yield f, J.flatten(2).movedim(1, 0), f(h)[1]


def may_depend(f: Transform, x: Tensor) -> Tensor | None:
    """Which outputs (first index) of f may depend on which inputs, (D, D); None if f promises nothing.

    x is one example of the input of f.
    """
    while isinstance(f, Inverse):
        f = f.of
    if isinstance(f, Autoregressive):
        return f.net.rank[:, None] >= f.net.rank
    if isinstance(f, Coupling):
        D = x.numel()
        changed = torch.zeros(len(f.back), dtype=torch.bool)
        changed[f.b] = True
        changed = changed.repeat_interleave(D // len(changed))  # for every place of a channel
        return torch.eye(D, dtype=torch.bool) | (changed[:, None] & ~changed)
    return None


def density(model: Flow) -> list[Check]:
    """The mass and the entropy of the density in a box that holds nearly all samples.

    They are measured at DRAWS random places in each cell of the box; the differences between these give the
    standard error.
    """
    D = model.space.size
    if D not in SIDE:
        return []
    x = model.sample(SAMPLES)
    middle, reach = x.mean(0), 1.5 * (x - x.mean(0)).abs().amax(0)
    steps = torch.meshgrid(*[torch.arange(SIDE[D])] * D, indexing="ij")
    corners = torch.stack(steps, -1).reshape(-1, D)
    places = (corners + torch.rand(DRAWS, *corners.shape)) / SIDE[D] * 2 - 1
    log_p = model.log_prob((middle + reach * places).flatten(0, 1)).double().view(DRAWS, -1)
    area = (2 * reach).prod().item() / len(corners)
    mass, error = total(log_p.exp() * area)
    entropy, noise = total(-log_p.exp() * log_p * area)
    ours = -model.log_prob(x).double()
    noise = math.hypot(noise, ours.std().item() / SAMPLES**0.5)
    return [
        Check("The density integrates to 1.", abs(mass - 1), 5e-3 + 5 * error),
        Check("The mean of -log p over samples is the entropy of the density, by quadrature.",
              abs(ours.mean().item() - entropy), 5e-3 + 5 * noise),
    ]  # fmt: skip


def total(each: Tensor) -> tuple[float, float]:
    """The sum over cells of the mean of draws (DRAWS, cells), and its standard error."""
    return each.mean(0).sum().item(), (each.var(0).sum() / len(each)).sqrt().item()
