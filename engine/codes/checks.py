"""Laws that encoder, decoder and bound, and PCA's axes, must obey at any stage of training."""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Normal

from engine.checks import Check, gap, slope_gap
from engine.codes.base import LOG_P, Coder, Pixels, Variational, standard
from engine.codes.pca import PCA
from engine.data import Dataset
from engine.device import precise, seed
from engine.family import Batch

EXAMPLES = 8  # on which each law is measured
DRAWS, WEIGHTS = 2000, 50  # draws of z for each example; how many of them are decoded
KNOWN = 4000  # training examples whose mean is compared with PCA's
LARGEST = 1024  # examples in a round of PCA, at most
TURNING = 1000  # of 1000 random axes, one is so far from the leading one that it hardly turns at first


def measure(model: Coder, data: Dataset) -> list[Check]:
    """The laws of coders, on a copy in float64, so that a gap is an error and not rounding."""
    model = copy.deepcopy(model).cpu().double()
    x = data.take(slice(EXAMPLES)).cpu().double()
    y = data.y[:EXAMPLES].cpu() if model.labelled and data.y is not None else None
    laws = of_pca(model, data) if isinstance(model, PCA) else []
    law = "The code of an example does not depend on the rest of its batch."
    laws.append(Check(law, company(model, x, y), 1e-9))
    if not isinstance(model, PCA):  # which descends no gradient
        law = "The gradient of the loss agrees with central differences."
        laws.append(Check(law, slope_gap(model, x, y), 1e-3))
    return laws + of_bound(model, x, y) if isinstance(model, Variational) else laws


@torch.no_grad()
def company(model: Coder, x: Tensor, y: Tensor | None) -> float:
    """The largest difference between x (n, *shape) restored as one batch and one by one, as a `gap`."""

    def restored(part: slice) -> Tensor:
        label = None if y is None else y[part]
        return model.decode(model.encode(x[part], label)[0], label)

    together = restored(slice(None))
    alone = torch.cat([restored(slice(i, i + 1)) for i in range(len(x))])
    return gap(together, alone) if together.shape == x.shape else float("inf")


# --- the bound -----------------------------------------------------------------------------------


@torch.no_grad()
def of_bound(model: Variational, x: Tensor, y: Tensor | None) -> list[Check]:
    """The laws of the bound on x (n, *shape), for a KL term of weight 1."""
    plain = {"beta": 1.0, "warm_up": 0, "free_bits": 0.0}
    model.config = model.config.change({k: v for k, v in plain.items() if k in model.config.knobs()})
    seed(0)
    x = model.target(x, model.p_u(len(x)))[0]  # pixels that are black or white stay so
    batch = Batch(0, x, y, lambda: batch)
    losses = torch.stack([torch.stack([*next(model.turns(batch))[1].values()]) for _ in range(WEIGHTS)])
    eps = torch.randn(WEIGHTS, len(x), model.config.z).to(x)
    elbos = model.log_w(x, eps, model.p_u(len(x)), y).mean(1)
    q = model.q(x, y)
    z = q.sample((DRAWS,))
    drawn = (q.log_prob(z) - standard(q).log_prob(z)).sum(-1).mean(1)
    reported = model.bounds(x, eps, model.p_u(len(x)), y)[LOG_P]
    law = "The KL term of the loss is the mean of log q(z|x) - log p(z) over draws of z"
    laws = [Check(f"{law}; in standard errors.", apart(losses[:, 1], drawn), 5)]
    law = "The loss with beta 1 is minus the mean of log p(x, z) - log q(z|x) over draws of z"
    laws.append(Check(f"{law}; in standard errors.", apart(losses.sum(1), -elbos), 5))
    law = f"The bound of {WEIGHTS} draws is the logarithm of the mean of p(x, z) / q(z|x)."
    return [*laws, Check(law, gap(reported, log_mean_w(model, x, y, eps)), 1e-9)]


def apart(a: Tensor, b: Tensor) -> float:
    """How far the means of two rows of independent draws are from each other, in standard errors."""
    variance = a.var() / len(a) + b.var() / len(b)
    # what does not vary is rounded all the same
    return ((a.mean() - b.mean()).abs() / variance.sqrt().clamp(min=1e-9 * (1 + b.mean().abs()))).item()


def log_mean_w(model: Variational, x: Tensor, y: Tensor | None, eps: Tensor) -> Tensor:
    """log 1/k sum_i p(x | z_i) p(z_i) / q(z_i | x), averaged over x (n, *shape), z_i by eps (k, n, z): Burda
    et al. 2016, eq. 8, density by density."""
    q, each = model.q(x, y), []
    for one in eps:
        z = q.mean + q.stddev * one
        p: Distribution = model.p(z, y)
        if isinstance(p, Pixels):
            p = Bernoulli(logits=p.logits)
        parts = (p.log_prob((x + 1) / 2 if isinstance(p, Bernoulli) else x), Normal(0.0, 1.0).log_prob(z),
                 -Normal(q.mean, q.stddev).log_prob(z))  # fmt: skip
        each.append(torch.stack([part.flatten(1).sum(1) for part in parts]).sum(0))
    log_w = torch.stack(each)
    most = log_w.amax(0)
    return ((log_w - most).exp().mean(0).log() + most).mean()


# --- PCA -----------------------------------------------------------------------------------------


@torch.no_grad()
def of_pca(model: PCA, data: Dataset) -> list[Check]:
    """The laws of PCA (Tipping and Bishop, 1999): its V (size, z) beside the covariance S (size, size)."""
    V, S, n = model.V, model.S, model.n.item()
    total, inner = S.trace().clamp(min=1e-30), V.T @ S @ V
    skew = (V.T @ V - torch.eye(V.shape[1]).to(V)).abs().max().item()
    mixed = (inner - inner.diagonal().diag()).abs().max()
    rise = inner.diagonal().diff().clamp(min=0).sum()
    most = torch.linalg.eigvalsh(precise(S))[len(S) - V.shape[1] :].sum().to(S)
    turns = torch.linalg.matrix_norm(S @ V - V @ inner, "nuc") / total
    # V is still on its way while it turns, or after few rounds (Kuczynski and Wozniakowski 1992)
    allowed = min(1.0, 1e-5 + TURNING * turns.item(), LARGEST / max(n, 1))
    x = data.some(KNOWN)[0].cpu().double().flatten(1)
    off = (model.m - x.mean(0)).norm() / (x.var(0).sum() * (1 / len(x) + 1 / max(n, 1))).sqrt().clamp(
        min=1e-12
    )
    return [
        Check("The axes V are orthogonal and have length 1.", skew, 1e-5),
        Check("The codes are uncorrelated, and the first axis has the most variance.",
              ((mixed + rise) / total).item(), 1e-5),
        Check("V leaves out no more variance than the smallest eigenvalues hold, once it hardly turns.",
              ((most - inner.trace()) / total).item(), allowed),
        Check("m is the mean of the data; in standard errors of the mean of as many examples.",
              off.item() if n else 0.0, 5),
    ]  # fmt: skip
