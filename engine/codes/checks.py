"""Laws that encoder, decoder and bound, and PCA's axes, must obey at any stage of training."""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.distributions import Normal

from engine.checks import Check, gap, slope_gap
from engine.codes.base import Coder, Variational, bound, kl, standard
from engine.codes.pca import PCA
from engine.data import Dataset
from engine.device import seed

EXAMPLES = 8  # on which each law is measured
DRAWS, WEIGHTS = 2000, 50  # draws of z for each example; how many of them are decoded


def measure(model: Coder, data: Dataset) -> list[Check]:
    """The laws of coders, on a copy in float64, so that a gap is an error and not rounding."""
    model = copy.deepcopy(model).cpu().double()
    x = data.take(slice(EXAMPLES)).cpu().double()
    y = data.y[:EXAMPLES].cpu() if model.labelled and data.y is not None else None
    laws = of_pca(model) if isinstance(model, PCA) else []
    law = "The code of an example does not depend on the rest of its batch."
    laws.append(Check(law, company(model, x, y), 1e-9))
    if not isinstance(model, PCA):  # which descends no gradient
        law = "The gradient of the loss agrees with central differences."
        laws.append(Check(law, slope_gap(model, x, y), 1e-3))
    if isinstance(model, Variational):
        law = "KL[q(z|x) || p(z)] in closed form is the mean of log q(z|x) - log p(z) over draws of z"
        laws += [
            Check(f"{law}; in standard errors.", kl_gap(model.q(x, y)), 5),
            Check(f"The ELBO is no higher than the bound of {WEIGHTS} draws.", above(model, x, y), 1e-9),
        ]
    return laws


@torch.no_grad()
def company(model: Coder, x: Tensor, y: Tensor | None) -> float:
    """The largest difference between x (n, *shape) restored as one batch and one by one, as a `gap`."""

    def restored(part: slice) -> Tensor:
        label = None if y is None else y[part]
        return model.decode(model.encode(x[part], label)[0], label)

    together = restored(slice(None))
    alone = torch.cat([restored(slice(i, i + 1)) for i in range(len(x))])
    return gap(together, alone) if together.shape == x.shape else float("inf")


@torch.no_grad()
def kl_gap(q: Normal) -> float:
    """How far the closed form of KL[q || N(0, I)] is from draws of q (n, z), in standard errors."""
    seed(0)
    z = q.sample((DRAWS,))
    drawn = (q.log_prob(z) - standard(q).log_prob(z)).sum(-1).mean(1)
    error = drawn.std() / DRAWS**0.5
    return ((drawn.mean() - kl(q).sum(1).mean()).abs() / error.clamp(min=1e-6)).item()


@torch.no_grad()
def above(model: Variational, x: Tensor, y: Tensor | None) -> float:
    """By how many nats, at worst, the ELBO of x (n, *shape) exceeds the bound of the same WEIGHTS draws."""
    seed(0)
    log_w = model.log_w(x, torch.randn(WEIGHTS, len(x), model.config.z).to(x), model.p_u(len(x)), y)
    return (log_w.mean(0) - bound(log_w)).clamp(min=0).max().item()


@torch.no_grad()
def of_pca(model: PCA) -> list[Check]:
    """The laws of PCA (Tipping and Bishop, 1999): its V (size, z) beside the covariance S (size, size)."""
    V, S = model.V, model.S
    skew = (V.T @ V - torch.eye(V.shape[1]).to(V)).abs().max().item()
    left = S.trace() - (V.T @ S @ V).trace()
    least = torch.linalg.eigvalsh(S)[: len(S) - V.shape[1]].sum()
    below = max(0.0, ((least - left) / S.trace().clamp(min=1e-12)).item())
    return [
        Check("The axes V are orthogonal and have length 1.", skew, 1e-5),
        Check("V leaves out at least as much variance as the smallest eigenvalues hold.", below, 1e-5),
    ]
