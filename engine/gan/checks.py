"""Laws of the games of D against G (Goodfellow et al., 2014)."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor
from torch.func import grad

from engine.checks import Check
from engine.data import Dataset
from engine.gan.base import Game
from engine.gan.losses import discriminator_terms, generator_terms, slopes, total
from engine.nets.layers import SpectralLinear


def measure(model: Game, data: Dataset) -> list[Check]:
    """The laws of a game, at the logits that D gives this model's fakes."""
    with torch.no_grad():
        logits = model.score(model.sample(500), model.asked(500)).double()
    # beyond e^-15 a probability in float64 keeps too few digits to form 1 - D: compare within
    a = logits.clamp(-15, 15)
    return [
        *_bounds(model, *data.some(32)),
        Check("With the best D on three atoms, D's loss is log 4 - 2 JSD.", optimal_loss(_ATOMS), 1e-9),
        Check("D's loss from logits equals -log D - log(1 - D) from probabilities.", from_logits(a), 1e-6),
        Check("The non-saturating gradient is (1 - D) / D times the minimax gradient.", ratio(a), 1e-9),
    ]


def _bounds(model: Game, x: Tensor, y: Tensor | None) -> list[Check]:
    """What holds for D's slope and weights in this setting."""
    checks = []
    if model.D.pack == 1 and not model.D.spread:
        law = "D's slope, as the penalties take it, is that of one backward pass an example."
        checks.append(Check(law, slope_gap(model, x, y), 1e-3))
    if model.config.penalty == "weight clipping":
        beyond = max(w.abs().max().item() for w in model.D.parameters()) - model.config.clip
        checks.append(Check("D's weights lie within the range of clipping.", max(0.0, beyond), 1e-6))
    if layers := [layer for layer in model.D.modules() if isinstance(layer, SpectralLinear)]:
        law = "Power iteration finds each layer's largest singular value."
        checks.append(Check(law, max(map(sigma_gap, layers)), 1e-4))
    return checks


def slope_gap(model: Game, x: Tensor, y: Tensor | None) -> float:
    """How far `slopes` of all x (n, *shape) with labels y (n,) is from one backward pass each, relative."""
    quick, slow = slopes(lambda x: model.score(x, y), x), []
    for i, one in enumerate(x):
        one = one[None].clone().requires_grad_()
        score = model.score(one, None if y is None else y[i : i + 1])
        slow.append(torch.autograd.grad(score.sum(), one)[0].norm())
    return ((quick - torch.stack(slow)).abs().max() / quick.abs().max().clamp(min=1e-12)).item()


def sigma_gap(layer: SpectralLinear) -> float:
    """How far sigma is after 200 power iterations from the norm that torch.linalg finds, relative."""
    layer = copy.deepcopy(layer)
    layer.iterate(200)
    largest = torch.linalg.matrix_norm(layer.weight.detach(), 2)
    return ((layer.sigma().detach() - largest).abs() / largest).item()


_ATOMS = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]], dtype=torch.float64)


def optimal_loss(atoms: Tensor) -> float:
    """| loss of D* - (log 4 - 2 JSD(p, g)) | for distributions p and g on n atoms, (2, n); theorem 1."""
    p, g = atoms
    logit = (p / g).log()  # D* = p / (p + g)
    # minibatches that hold each atom in proportion to its probability make the means exact
    real, fake = (logit.repeat_interleave((atom * 1000).round().long()) for atom in (p, g))
    loss = total(discriminator_terms(real, fake))
    middle = (p + g) / 2
    jsd = ((p * (p / middle).log()).sum() + (g * (g / middle).log()).sum()) / 2
    return (loss - (math.log(4) - 2 * jsd)).abs().item()


def from_logits(a: Tensor) -> float:
    """The largest relative difference between the two forms of the loss at logits a."""
    terms = discriminator_terms(a, a)
    plain = -a.sigmoid().log().mean(), -(1 - a.sigmoid()).log().mean()
    return max(((t - q).abs() / (1 + q.abs())).item() for t, q in zip(terms.values(), plain, strict=True))


def ratio(a: Tensor) -> float:
    """The largest relative difference between (1 - D) / D and the ratio of the two gradients at logits a."""
    a, D = a.detach().flatten(), a.detach().flatten().sigmoid()
    minimax, other = (
        grad(lambda a, loss=loss: total(generator_terms(a, loss)))(a)
        for loss in ("minimax", "non-saturating")
    )
    return (other / minimax / ((1 - D) / D) - 1).abs().max().item()
