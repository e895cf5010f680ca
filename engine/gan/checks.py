"""Laws of the GAN (Goodfellow et al., 2014)."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from engine.checks import Check
from engine.data import Dataset
from engine.gan.gan import GAN
from engine.gan.losses import discriminator_terms, generator_terms, slopes
from engine.nets.layers import SpectralLinear


def measure(model: GAN, data: Dataset) -> list[Check]:
    """The GAN's own laws, at the logits that D gives this model's fakes."""
    with torch.no_grad():
        logits = model.D(model.sample(500)).double()
    # beyond e^-15 a probability of float64 keeps too few digits to form 1 - D: compare inside
    a = logits.clamp(-15, 15)
    x = data.take(slice(32)).to(logits.device)
    return [
        *_bounds(model, x),
        Check("With the best D on three atoms, D's loss is log 4 - 2 JSD.", optimal_loss(_ATOMS), 1e-9),
        Check("D's loss from logits equals -log D - log(1 - D) from probabilities.", from_logits(a), 1e-6),
        Check("The non-saturating gradient is (1 - D) / D times the minimax gradient.", ratio(a), 1e-9),
    ]


def _bounds(model: GAN, x: Tensor) -> list[Check]:
    """What holds of D's slope and weights in this setting."""
    found = [
        Check("D's slope, as the penalties take it, is that of one backward pass an example.",
              slope_gap(model.D, x), 1e-3),
    ] if model.D.pack == 1 and not model.D.spread else []  # fmt: skip
    if model.config.penalty == "weight clipping":
        beyond = max(w.abs().max().item() for w in model.D.parameters()) - model.config.clip
        found.append(Check("D's weights lie within the range of clipping.", max(0.0, beyond), 1e-6))
    layers = [layer for layer in model.D.modules() if isinstance(layer, SpectralLinear)]
    if layers:
        found.append(Check("Power iteration finds each layer's largest singular value.",
                           max(map(sigma_gap, layers)), 1e-4))  # fmt: skip
    return found


def slope_gap(D: nn.Module, x: Tensor) -> float:
    """Largest relative difference between `slopes` and one backward pass for each of x (n, *shape)."""
    quick, slow = slopes(D, x), []
    for one in x:
        one = one[None].clone().requires_grad_()
        slow.append(torch.autograd.grad(D(one).sum(), one)[0].norm())
    return ((quick - torch.stack(slow)).abs().max() / quick.abs().max().clamp(min=1e-12)).item()


def sigma_gap(layer: SpectralLinear) -> float:
    """Relative difference between sigma after 200 power iterations and torch.linalg's singular value."""
    layer = copy.deepcopy(layer)
    layer.iterate(200)
    largest = torch.linalg.matrix_norm(layer.weight.detach(), 2)
    return ((layer.sigma().detach() - largest).abs() / largest).item()


_ATOMS = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]], dtype=torch.float64)


def optimal_loss(atoms: Tensor) -> float:
    """| loss of D* - (log 4 - 2 JSD(p, g)) | for distributions p, g on atoms (2, n); theorem 1.

    A minibatch that holds each atom in proportion to its probability makes the means exact.
    """
    p, g = atoms
    logit = (p / g).log()  # D* = p / (p + g)
    count = 1000
    real = logit.repeat_interleave((p * count).round().long())
    fake = logit.repeat_interleave((g * count).round().long())
    loss = torch.stack(list(discriminator_terms(real, fake).values())).sum()
    middle = (p + g) / 2
    jsd = ((p * (p / middle).log()).sum() + (g * (g / middle).log()).sum()) / 2
    return (loss - (torch.tensor(4.0, dtype=p.dtype).log() - 2 * jsd)).abs().item()


def from_logits(a: Tensor) -> float:
    """Largest relative difference of the loss's two forms at logits a."""
    terms = discriminator_terms(a, a)
    plain = -a.sigmoid().log().mean(), -(1 - a.sigmoid()).log().mean()
    pairs = zip(terms.values(), plain, strict=True)
    return max(((t - q).abs() / (1 + q.abs())).item() for t, q in pairs)


def ratio(a: Tensor) -> float:
    """Largest difference between the two gradients' ratio at logits a and (1 - D) / D, relative."""
    a = a.detach().flatten().requires_grad_()
    gradients = {}
    for loss in ("minimax", "non-saturating"):
        (total,) = generator_terms(a, loss).values()
        (gradients[loss],) = torch.autograd.grad(total, a)
    theory = ((1 - a.sigmoid()) / a.sigmoid()).detach()
    return (gradients["non-saturating"] / gradients["minimax"] / theory - 1).abs().max().item()
