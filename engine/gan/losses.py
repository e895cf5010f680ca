"""The games that D and G may play, and the penalties that bound D's slope.

The discriminator gives each example a logit (or score) a. D(x) = sigmoid(a) is its belief that x is real. A
critic (Wasserstein) only scores; it has no belief.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.func import grad
from torch.nn.functional import relu, softplus

from engine.family import Terms
from engine.metrics.measure import Measure, term

Score = Callable[[Tensor], Tensor]


class Loss(NamedTuple):
    """A game: what D descends on real and on fake examples, and what G descends, elementwise in a score a.
    `real` also takes s of one-sided label smoothing: real examples get the label 1 - s.

    The name of a term is its formula, which pages render. In it D(x) is the belief in a game of logarithms,
    and the score in the others."""

    real: Callable[[Tensor, Any], Tensor]
    fake: Score
    G: Score
    terms: tuple[Measure, Measure, Measure]  # what D descends on real and on fake examples; what G descends
    smoothed: Measure | None = None  # the first of them with label smoothing; None where that does nothing


def _cross_entropy(a: Tensor, s: float | Tensor) -> Tensor:
    """-(1 - s) log D - s log(1 - D): log D = -softplus(-a) and log(1 - D) = -softplus(a) cannot overflow."""
    smooth = isinstance(s, Tensor) or s  # else s a is nothing, and takes time
    return softplus(-a) + s * a if smooth else softplus(-a)


_D, _G = partial(term, role="critic"), partial(term, role="model")
_LOG = _D("-E[log D(x)]"), _D("-E[log(1 - D(G(z)))]")
_SMOOTH = _D("-E[(1 - s) log D(x) + s log(1 - D(x))]")
_SCORE = _G("-E[D(G(z))]")
LOSSES: dict[str, Loss] = {
    # Goodfellow et al. 2014, eq. 1, and the loss for G that their section 3 advises
    "minimax": Loss(
        _cross_entropy, softplus, lambda a: -softplus(a), (*_LOG, _G("E[log(1 - D(G(z)))]")), _SMOOTH
    ),
    "non-saturating": Loss(
        _cross_entropy, softplus, lambda a: softplus(-a), (*_LOG, _G("-E[log D(G(z))]")), _SMOOTH
    ),
    # Mao et al. 2017, eq. 9: D regresses the labels 1 and 0
    "least squares": Loss(
        lambda a, s: (a - 1 + s).square() / 2, lambda a: a.square() / 2, lambda a: (a - 1).square() / 2,
        (_D("E[(D(x) - 1)²]/2"), _D("E[D(G(z))²]/2"), _G("E[(D(G(z)) - 1)²]/2")), _D("E[(D(x) - 1 + s)²]/2"),
    ),
    # Lim and Ye 2017; Miyato et al. 2018, eq. 16 and 17
    "hinge": Loss(
        lambda a, s: relu(1 - a), lambda a: relu(1 + a), lambda a: -a,
        (_D("E[max(0, 1 - D(x))]"), _D("E[max(0, 1 + D(G(z)))]"), _SCORE),
    ),
    # Arjovsky et al. 2017, eq. 3: the critic's slope must be bounded, by clipping or by a penalty
    "Wasserstein": Loss(
        lambda a, s: -a, lambda a: a, lambda a: -a, (_D("-E[D(x)]"), _D("E[D(G(z))]"), _SCORE)
    ),
}  # fmt: skip


def discriminator_terms(
    real: Tensor, fake: Tensor, loss: str = "non-saturating", smooth: float | Tensor = 0
) -> Terms:
    """What D descends, from its scores of real and of fake examples, with s = `smooth`."""
    game = LOSSES[loss]
    on_real, on_fake, _ = game.terms
    if game.smoothed and (isinstance(smooth, Tensor) or smooth):  # a tensor holds the s of a wall's members
        on_real = game.smoothed
    return {on_real: game.real(real, smooth).mean(), on_fake: game.fake(fake).mean()}


def generator_terms(fake: Tensor, loss: str) -> Terms:
    """What G descends, from D's scores of G(z). The minimax gradient fades as D wins (D -> 0); the
    non-saturating one is (1 - D) / D times as strong."""
    return {LOSSES[loss].terms[2]: LOSSES[loss].G(fake).mean()}


def belief(a: Tensor, loss: str, middle: Tensor | float = 0.0) -> Tensor:
    """D(x) in [0, 1] from scores a. Least squares score beliefs; a critic's belief is 1/2 at `middle`."""
    return a.clamp(0, 1) if loss == "least squares" else torch.sigmoid(a - middle)


LOGARITHMIC = ("minimax", "non-saturating")
"""The games in which D raises the V(D, G) of the 2014 paper, and D(x) = sigmoid(a)."""
BELIEVING = (*LOGARITHMIC, "least squares", "hinge")
"""The games whose D has a belief D(x) in [0, 1]; a Wasserstein critic only scores."""


def best_belief(p: Tensor, p_g: Tensor, loss: str, s: float = 0) -> Tensor | None:
    """The belief of the best possible D where real examples have the density p and fakes p_g. A critic has
    none: without a bound on its slope its scores grow for ever."""
    if loss == "Wasserstein":
        return None
    if loss == "hinge":  # the score is 1 where p > p_g and -1 where p < p_g: only the sign is learned
        return torch.sigmoid(torch.sign(p - p_g))
    return (1 - s) * p / (p + p_g).clamp(min=1e-300)


def score_of(D: Tensor, loss: str) -> Tensor:
    """The score a at which D believes D(x): the inverse of `belief`."""
    return D if loss == "least squares" else torch.logit(D, eps=1e-6)


def pull(D: Tensor, loss: str) -> Tensor:
    """|dL_G / da| at each D(G(z)), (n,): how hard this loss pulls at D's score of a fake."""
    return grad(lambda a: LOSSES[loss].G(a).sum())(score_of(D, loss)).abs()


def curves(nodes: int = 199) -> dict[str, np.ndarray]:
    """G's loss in each of BELIEVING as rows (D(G(z)), L_G, |dL_G / da|), float64 (3, nodes)."""
    D = torch.linspace(0, 1, nodes + 2, dtype=torch.float64)[1:-1]
    return {
        loss: torch.stack([D, LOSSES[loss].G(score_of(D, loss)), pull(D, loss)]).numpy() for loss in BELIEVING
    }


def slopes(D: Score, x: Tensor) -> Tensor:
    """|grad_x D(x)| of each example, (m,). It can itself be differentiated with respect to D's weights."""
    return grad(lambda x: D(x).sum())(x).flatten(1).norm(dim=1)


SLOPE_BETWEEN = term("λ E[(|∇D| - 1)²]", "gradient")
SLOPE_AT_REAL = term("λ E[|∇D(x)|²]/2", "gradient")


def gradient_penalty(D: Score, x: Tensor, fake: Tensor, eps: Tensor) -> Tensor:
    """E[(|grad D| - 1)^2] at eps x + (1 - eps) G(z), eps of shape (m,) (Gulrajani et al. 2017, eq. 3)."""
    eps = eps.reshape(-1, *[1] * (x.dim() - 1))
    return (slopes(D, eps * x + (1 - eps) * fake) - 1).square().mean()


def r1(D: Score, x: Tensor) -> Tensor:
    """E[|grad D(x)|^2] / 2 at real examples (Mescheder et al. 2018, eq. 9)."""
    return slopes(D, x).square().mean() / 2


def total(terms: Terms) -> Tensor:
    """The sum that a player descends."""
    return torch.stack(list(terms.values())).sum(0)
