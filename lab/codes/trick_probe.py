"""What a page may ask a variational model: how noisy its gradient is, with and without reparameterization."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Normal
from torch.func import grad

from engine.codes.base import Coder, Variational, log_prob
from engine.config import Refused
from engine.data import Dataset
from engine.device import precise
from engine.device import seed as reseed
from engine.space import Picture
from lab.codes.digits_probe import tests, within_budget
from lab.probes import Answer, seed_of, whole
from lab.probes.brought import CHUNK, place
from lab.scenes.arrays import pictures

__all__ = ["trick"]

DRAWS, BINS = 2000, 61


class Estimates(NamedTuple):
    """One-draw estimates of d E_q[f(z)] / d mu, each (n, z), and f (n,) itself."""

    pathwise: Tensor
    score: Tensor
    baseline: Tensor
    f: Tensor


def trick(model: Coder, data: Dataset, index: int, dimension: int = 0, seed: int = 0) -> Answer:
    """Estimates of the gradient of E_q[log p(x | z)] with respect to mu, for test example `index`.

    Three methods estimate it from one draw at a time, on the same DRAWS draws. For the chosen dimension each
    has a histogram (all with the same `edges`), mean, standard error and sd; "total" is the variance summed
    over all dimensions.
    """
    if not isinstance(model, Variational):
        raise Refused(f"{model.title} draws no z for an example, so there is no gradient to estimate.")
    dimension = whole(dimension, "dimension", 0, model.config.z - 1)
    n = within_budget(model, DRAWS)
    x, y = tests(model, data, [place(data, index)])
    reseed(seed_of(seed), model.device)
    eps = model.p_eps(n)
    seen, target = model.target(x, model.p_u(1))
    q = model.q(seen, y)
    estimated = estimates(model, q, target, eps, y)
    if not all(part.isfinite().all() for part in estimated):
        raise Refused("log p(x|z) of this model is infinite for some z; train it for longer, or rewind it.")
    drawn = {name: precise(getattr(estimated, name)).numpy() for name in Estimates._fields[:3]}
    edge = float(np.quantile(np.abs(drawn["score"][:, dimension]), 0.98)) or 1.0
    answer: Answer = {
        "draws": n, "edges": np.linspace(-edge, edge, BINS + 1),
        "mu": q.mean[0, dimension].item(), "sigma": q.stddev[0, dimension].item(),
        "picture": pictures(x)[0] if isinstance(data.space, Picture) else None,
    }  # fmt: skip
    for name, each in drawn.items():
        column, sd = each[:, dimension], each[:, dimension].std(ddof=1)
        answer[name] = {
            "mean": float(column.mean()), "sd": float(sd), "error": float(sd / math.sqrt(n)),
            "histogram": np.histogram(np.clip(column, -edge, edge), answer["edges"])[0],
            "total": precise(getattr(estimated, name)).var(0).sum().item(),
        }  # fmt: skip
    return answer


def estimates(
    model: Variational, q: Normal, target: Tensor, eps: Tensor, y: Tensor | None = None
) -> Estimates:
    """Estimates from one draw z = mu + sigma eps each, for eps (n, z) and f(z) = log p(x | z).

    pathwise: df/dz, because dz/dmu = 1 (Kingma and Welling 2014, section 2.4). score: f(z) dlog q(z)/dmu =
    f(z) eps / sigma (Williams 1992), which needs no derivative of f. baseline: (f(z) - b) eps / sigma, where
    b is the mean f of the other draws. The mean stays the same, because b does not depend on this eps, and
    E[eps] = 0.
    """

    def f(z: Tensor) -> Tensor:
        p = model.p(z, None if y is None else y.expand(len(z)))
        return log_prob(p, target.expand(len(z), *target.shape[1:]))

    z = q.mean + q.stddev * eps
    parts = z.split(CHUNK)
    value = torch.cat([f(part) for part in parts])
    pathwise = torch.cat([grad(lambda z: f(z).sum())(part) for part in parts])
    pull = eps / q.stddev
    others = (value.sum() - value) / (len(value) - 1)
    return Estimates(pathwise, value[:, None] * pull, (value - others)[:, None] * pull, value)
