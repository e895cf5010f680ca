"""A flow's exact loss on test examples, and how far it is from the lowest possible one."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from engine.data import Dataset
from engine.device import precise
from engine.flow.base import NLL, TEST, Flow
from engine.metrics.measure import Measure
from engine.space import Picture

EXAMPLES = 2000  # test examples
PICTURES = 16  # test pictures
MOST_SPIKES = 99.0  # bits per dimension; more says no more
SAME = 1e-8  # share of a variance that a line leaves unexplained; rounding leaves 1e-12
KL = Measure("KL(data ‖ model)", label="KL(data ‖ model), nats", unit="nats", better="lower", draw="number")
SPIKES = Measure(
    "spikes", label="bits per dimension that grey levels gain over what lies between them", digits=2,
    draw="number",
)  # fmt: skip
FROZEN = Measure("frozen", label="numbers of x that are only scaled and shifted", digits=0, draw="number")


@torch.no_grad()
def measure(model: Flow, data: Dataset) -> dict[str, float | list[float]]:
    """The loss of points or numbers on a line on test examples; of pictures the SPIKES.

    Where the data's density is known, also KL(data || model), the mean of log p_data - log p_model; it varies
    less than either term, so the loss is then reported as the entropy plus KL. FROZEN, if not 0, counts the
    numbers of x that the model only scales and shifts.
    """
    if isinstance(data.space, Picture):
        return {SPIKES: spikes(model, data.some(PICTURES, test=True)[0])}
    x = data.some(EXAMPLES, test=True)[0]
    log_p = model.log_prob(x)
    measured: dict[str, float | list[float]] = {TEST[NLL]: -log_p.mean().item()}
    if data.target is not None:
        above = (exact(data) - log_p).mean().item()
        measured |= {TEST[NLL]: data.target.entropy() + above, KL: above}
    if frozen := int((alike(x, model(x)[0]) < SAME).sum()):
        measured[FROZEN] = float(frozen)
    return measured


def spikes(model: Flow, x: Tensor) -> float:
    """How much denser, in bits per dimension, the model is at the middle of each byte of pictures x than
    anywhere between, for the median picture: little for an honest density, to which bytes are only bins."""
    v = ((x + 1) * 127.5).round()
    noise = torch.rand(v.shape, generator=torch.Generator().manual_seed(0)).to(v).clamp(1e-4, 1 - 1e-4)
    above = model.log_prob(v + 0.5) - model.log_prob(v + noise)
    return min(MOST_SPIKES, above.median().item() * model.unit)


@lru_cache(maxsize=8)
def exact(data: Dataset) -> Tensor:
    """The density log p_data of the test examples, which are the same in every measurement."""
    assert data.target
    return data.target.log_prob(precise(data.some(EXAMPLES, test=True)[0]))


def alike(x: Tensor, z: Tensor) -> Tensor:
    """For each number i the share of the variance of z_i (n, D) that no line through x_i explains."""
    x, z = (a - a.mean(0) for a in (precise(x), precise(z)))
    both = (x * z).mean(0).square()
    return 1 - both / (x.square().mean(0) * z.square().mean(0)).clamp(min=1e-300)
