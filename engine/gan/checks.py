"""Laws of the games of D against G, as the chosen game has them: each fails for a model that breaks it."""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import mse_loss

from engine.checks import Check, gap
from engine.data import Dataset
from engine.family import Batch
from engine.gan.base import Discriminator, Game
from engine.gan.losses import slopes, total
from engine.nets.layers import SpectralLinear

EXAMPLES = 32
ROUNDING = 1e-9
LAG = 0.5  # of power iteration: a healthy one is at most 0.3 behind early in training


def measure(model: Game, data: Dataset) -> list[Check]:
    """The laws of a game on a copy of the model in float64, so that a gap is an error and not rounding."""
    used = [lag(layer) for layer in model.D.modules() if isinstance(layer, SpectralLinear)]
    model = copy.deepcopy(model).cpu().double()
    batch = data.batch(EXAMPLES, 0, 0)
    x, y = batch.x.cpu().double(), None if batch.y is None else batch.y.cpu()
    D_gap, G_gap = terms_gap(model, x, y)
    game = "its game says, worked out anew from D's scores."
    checks = [
        Check(f"D descends what {game}", D_gap, ROUNDING),
        Check(f"G descends what {game}", G_gap, ROUNDING),
        Check(
            "A fake's arrow points down the gradient of G's loss in this game.",
            pull_gap(model, x, y),
            ROUNDING,
        ),
    ]
    if not model.D.in_company:
        law = "D's slope, as the penalties take it, is that of one backward pass for each example."
        checks.append(Check(law, slope_gap(model, x, y), ROUNDING))
    if model.config.penalty == "weight clipping":
        beyond = max(w.abs().max().item() for w in model.D.parameters()) - model.config.clip
        checks.append(Check("D's weights lie within the range of clipping.", max(0.0, beyond), 1e-6))
    if used:
        law = "The norm that divides each matrix of D follows its largest singular value."
        checks.append(Check(law, max(used), LAG))
    return checks


def D_loss(model: Game, real: Tensor, fake: Tensor) -> Tensor:
    """What D descends in the chosen game, without penalties, from its scores of real and of fake examples."""
    s = model.config.smooth
    match model.config.loss:
        case "least squares":
            return (mse_loss(real, torch.full_like(real, 1 - s)) + mse_loss(fake, torch.zeros_like(fake))) / 2
        case "hinge":
            return (1 - real).clamp(min=0).mean() + (1 + fake).clamp(min=0).mean()
        case "Wasserstein":
            return fake.mean() - real.mean()
    told = torch.full_like(real, 1 - s)
    return cross_entropy(real, told) + cross_entropy(fake, torch.zeros_like(fake))


def G_loss(model: Game, fake: Tensor) -> Tensor:
    """What G descends in the chosen game, from D's scores of its fakes."""
    match model.config.loss:
        case "minimax":
            return -cross_entropy(fake, torch.zeros_like(fake))
        case "non-saturating":
            return cross_entropy(fake, torch.ones_like(fake))
        case "least squares":
            return mse_loss(fake, torch.ones_like(fake)) / 2
    return -fake.mean()


def penalty(model: Game, x: Tensor, fake: Tensor, eps: Tensor | None, y: Tensor | None) -> Tensor:
    """The chosen penalty on the slope of D at real x or, for the gradient penalty, between x and fakes."""
    c, at = model.config, x
    if c.penalty not in ("gradient penalty", "R1"):
        return x.new_zeros(())
    if eps is not None:
        eps = eps.view(-1, *[1] * (x.dim() - 1))
        at = eps * x + (1 - eps) * fake
    at = at.detach().requires_grad_()
    (slope,) = torch.autograd.grad(model.score(at, y).sum(), at)
    square = slope.flatten(1).square().sum(1)
    return c.weight * ((square.sqrt() - 1).square().mean() if eps is not None else square.mean() / 2)


def ahead(model: Game, real: Tensor, fake: Tensor) -> Discriminator:
    """D as G meets it: as it is or, with unrolling, after five steps of descent on what it sees."""
    D = copy.deepcopy(model.D)
    if getattr(model.config, "diversity", "") != "unrolling":
        return D
    descent = torch.optim.SGD(D.parameters(), lr=0.05)
    for _ in range(5):
        descent.zero_grad()
        D_loss(model, D(real), D(fake)).backward()
        descent.step()
    return D


def terms_gap(model: Game, x: Tensor, y: Tensor | None) -> tuple[float, float]:
    """How far the sums that D and G descend in a round on real x (n, *shape) with labels y are from the
    formulas of the chosen game, each as a `gap`. Both turns get the same noise."""
    model, gaps = copy.deepcopy(model), [0.0, 0.0]
    model.config = model.config.change({"k": 1, "k_G": 1})
    noises = {name: getattr(model, name)(len(x)) for name in model.draws}
    for name, drawn in noises.items():
        setattr(model, name, lambda n, drawn=drawn: drawn)
    z, eps, noise = (noises[name] for name in ("p_z", "p_eps", "p_noise"))
    batch = Batch(0, x, y, lambda: batch)
    for player, terms in model.turns(batch):
        fake = model.fakes(z, y).detach()
        real, fake = (x, fake) if noise is None else (x + noise[0], fake + noise[1])
        if player is model.player("D"):
            expected = D_loss(model, model.score(real, y), model.score(fake, y))
            expected = expected + penalty(model, real, fake, eps, y)
        else:
            judge = copy.deepcopy(model)
            judge.D = ahead(model, real, fake)
            expected = G_loss(model, judge.score(fake, y))
        gaps[player is not model.player("D")] = gap(total(terms), expected)
    return gaps[0], gaps[1]


def pull_gap(model: Game, x: Tensor, y: Tensor | None) -> float:
    """How far the gradient of `value_to_descend` at x (n, *shape) with labels y is from dL_G / da, by hand,
    times the gradient of D's score a, as a `gap`."""
    x = x.detach().requires_grad_()
    a = model.score(x, y)
    by_hand = {
        "minimax": -a.sigmoid(), "non-saturating": a.sigmoid() - 1, "least squares": a - 1,
    }.get(model.config.loss, -torch.ones_like(a))  # fmt: skip
    (expected,) = torch.autograd.grad(a, x, by_hand)
    (told,) = torch.autograd.grad(model.value_to_descend(x, y).sum(), x)
    return gap(told, expected)


def slope_gap(model: Game, x: Tensor, y: Tensor | None) -> float:
    """How far `slopes` of all x (n, *shape) with labels y (n,) is from one backward pass each, relative."""
    quick, slow = slopes(lambda x: model.score(x, y), x), []
    for i, one in enumerate(x):
        one = one[None].requires_grad_()
        score = model.score(one, None if y is None else y[i : i + 1])
        slow.append(torch.autograd.grad(score.sum(), one)[0].norm())
    return ((quick - torch.stack(slow)).abs().max() / quick.max().clamp(min=1e-12)).item()


def lag(layer: SpectralLinear) -> float:
    """How far the norm that divides the matrix is from the norm that torch.linalg finds, relative."""
    weight = layer.weight.cpu()
    if not weight.isfinite().all():
        return float("inf")
    largest = torch.linalg.matrix_norm(weight, 2)
    return ((layer.sigma().cpu() - largest).abs() / largest).item()
