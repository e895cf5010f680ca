"""The field's terms, each in a sentence or two for a second-year student. Every page explains them where it
uses them, and the page "Glossary" lists them."""

from __future__ import annotations

from typing import Any, NamedTuple


class Term(NamedTuple):
    """A term, the words that mean it, and what it is."""

    name: str
    words: tuple[str, ...]
    says: str


GLOSSARY = (
    Term(
        "nat", ("nat", "nats"),
        "The unit of information with natural logarithms: 1 nat = 1.44 bits.",
    ),
    Term(
        "bit", ("bit", "bits"),
        "The unit of information with logarithms to base 2: one yes-or-no question.",
    ),
    Term(
        "bits per dimension", ("bits per dimension",),
        "−log₂ p(x), divided by the count of numbers in x. Lower is better; 8 bits are needed to store a "
        "byte of which nothing is known.",
    ),
    Term(
        "entropy", ("entropy",),
        "The mean of −log p(x) under p itself: how unpredictable draws are. No model has a lower loss −log "
        "p on data of p.",
    ),
    Term(
        "likelihood", ("likelihood", "log-likelihood"),
        "The density that the model gives to the data. To train by maximum likelihood is to make it large.",
    ),
    Term(
        "KL divergence", ("KL divergence", "KL"),
        "KL(p ‖ q), the mean of log p(x)/q(x) under p: what it costs to take q for p. It is 0 only if they "
        "are equal, and is not symmetric.",
    ),
    Term(
        "JS divergence", ("JS divergence", "Jensen-Shannon divergence", "JS"),
        "Half the sum of the KL divergences of p and of q from their mean: 0 if they are equal, 1 bit if "
        "they never overlap.",
    ),
    Term(
        "sliced Wasserstein", ("sliced Wasserstein",),
        "How far mass must be moved to turn one set of points into the other, averaged over projections on "
        "many lines.",
    ),
    Term(
        "Fréchet distance", ("Fréchet distance", "Fréchet", "FID"),
        "The distance between two Gaussians that have the mean and covariance of the features of real and "
        "of generated pictures. The FID takes the features of one well-known network.",
    ),
    Term(
        "ELBO", ("ELBO", "evidence lower bound"),
        "A lower bound on log p(x): how well x is restored from its code, minus the KL divergence of the "
        "codes from the prior. A VAE raises it.",
    ),
    Term(
        "prior", ("prior",),
        "The distribution of codes z before any x is seen; new samples begin with it.",
    ),
    Term(
        "posterior", ("posterior",),
        "The distribution of codes z once x is known. A VAE's encoder approximates it.",
    ),
    Term(
        "latent", ("latent",),
        "Not in the data: a latent variable z is a code that the model has for each example.",
    ),
    Term(
        "mode", ("mode", "modes"),
        "A place where the density is high: each group of the data is one.",
    ),
    Term(
        "mode collapse", ("mode collapse",),
        "The generator makes only a few kinds of examples and leaves out other modes.",
    ),
    Term(
        "score", ("the score", "exact score"),
        "The gradient of log p(x) with respect to x: the direction in which data become more probable.",
    ),
    Term(
        "Jacobian", ("Jacobian",),
        "The matrix of all partial derivatives of a map. Its determinant says by how much the map "
        "stretches volume.",
    ),
    Term(
        "ODE", ("ODE",),
        "An ordinary differential equation, dx/dt = v(x, t): a velocity that carries points along.",
    ),
    Term(
        "EMA", ("EMA", "moving average"),
        "The exponential moving average of the weights, which forgets old ones slowly and is less noisy.",
    ),
    Term(
        "spectral norm", ("spectral norm", "Spectral norm"),
        "The most by which a matrix can lengthen a vector. To divide by it bounds the slope of a layer.",
    ),
    Term(
        "Gram matrix", ("Gram matrix", "Gram matrices"),
        "The products of all pairs of feature maps, summed over places: which features occur together, and "
        "not where.",
    ),
)  # fmt: skip


def for_browsers() -> list[dict[str, Any]]:
    """What the script of the pages needs."""
    return [{"term": name, "words": words, "says": says} for name, words, says in GLOSSARY]
