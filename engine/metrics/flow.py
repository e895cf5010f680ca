"""The detector of flows: what goes well or wrong, told from the rows of a run; and what it needs in them.

Like `symptoms`, of which this is the counterpart for flows, it is a pure function of the rows. Where the
density of the data is known, so is the least possible loss, their entropy; what is above it is
KL(data || model), and no other family has so plain a measure of how far it has come.
"""

from __future__ import annotations

import torch

from engine.data import Dataset
from engine.flow import BITS, NLL, Flow

EXAMPLES = 2000  # test examples
KL = "KL(data ‖ model)"


@torch.no_grad()
def measure(model: Flow, data: Dataset) -> dict[str, float | list[float]]:
    """Of points or numbers on a line, on test examples: the loss; KL(data || model) where the data's density
    is known, as the mean of log p_data - log p_model, which strays less than either; and "frozen" if there
    are any, the numbers of x that the model only scales and shifts. Of pictures nothing."""
    if data.space.kind == "image":
        return {}
    x = data.some(EXAMPLES, test=True)[0]
    z, log_det = model(x)
    log_p = model.base.log_prob(z) + log_det
    found: dict[str, float | list[float]] = {f"test {NLL}": -log_p.mean().item()}
    if data.target is not None:
        found[KL] = (data.target.log_prob(x) - log_p).mean().item()
    if frozen := int((alike(x, z) < FROZEN).sum()):
        found["frozen"] = float(frozen)
    return found


FROZEN = 1e-8  # of the variance is not a line's; rounding leaves 1e-12


def alike(x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """For each number i the share of the variance of z_i (n, D) that is not a line's through (x_i, z_i)."""
    x, z = (a.double() - a.double().mean(0) for a in (x, z))
    both = (x * z).mean(0).square()
    return 1 - both / (x.square().mean(0) * z.square().mean(0)).clamp(min=1e-300)
