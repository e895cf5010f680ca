"""Laws of the GAN (Goodfellow et al., 2014)."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.adversarial import discriminator_terms, generator_terms
from engine.checks import Check
from engine.data import Dataset
from engine.families.gan import GAN
from engine.family import Family


def measure(model: Family, data: Dataset) -> list[Check]:
    """The GAN's own laws, at the logits that D gives this model's fakes."""
    assert isinstance(model, GAN)
    with torch.no_grad():
        logits = model.D(model.sample(500)).double()
    # below e^-20 a probability of float64 keeps too few digits to form 1 - D: compare inside
    a = logits.clamp(-20, 20)
    return [
        Check("With the best D on three atoms, D's loss is log 4 - 2 JSD.", optimal_loss(_ATOMS), 1e-9),
        Check("D's loss from logits equals -log D - log(1 - D) from probabilities.", from_logits(a), 1e-6),
        Check("The non-saturating gradient is (1 - D) / D times the minimax gradient.", ratio(a), 1e-9),
    ]


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
