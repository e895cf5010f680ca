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
        "The squared distance of two Gaussians with the mean and covariance of the features of real and of "
        "generated pictures. The FID takes them from one network, Inception.",
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
        "Nash equilibrium", ("Nash equilibrium",),
        "A state of a game in which no player gains by a change of its own. In the GAN's, the fakes are "
        "distributed like the data, and D says ½ everywhere.",
    ),
    Term(
        "Lipschitz", ("Lipschitz",),
        "A function is Lipschitz if its slope has a bound, its Lipschitz constant. That of a Wasserstein "
        "critic should be 1.",
    ),
    Term(
        "critic", ("critic",),
        "The D of a Wasserstein game. Its scores are no beliefs: the mean score of real examples minus that "
        "of fakes estimates a distance.",
    ),
    Term(
        "D's score", ("D's score",),
        "The number a that D gives an example. In the games of logarithms its belief that x is real is "
        "D(x) = 1/(1 + e⁻ᵃ).",
    ),
    Term(
        "R1", ("R1",),
        "A penalty on the squared slope of D's score at real examples, so that D stays flat there.",
    ),
    Term(
        "minibatch", ("minibatch", "minibatches"),
        "A few examples drawn from the data, on which one step of training is computed.",
    ),
    Term(
        "one-hot", ("one-hot",),
        "A label as a vector: 1 at its own place, and 0 at all others.",
    ),
    Term(
        "reparameterization", ("reparameterization", "Reparameterization", "reparameterized"),
        "Writing a random z as a function of noise, z = μ + σ ε, so that gradients pass through μ and σ.",
    ),
    Term(
        "mutual information", ("mutual information",),
        "How much one variable tells of another: the KL divergence of their joint distribution from the "
        "product of the two. It is 0 if they are independent.",
    ),
    Term(
        "guidance", ("Guidance", "guidance"),
        "Multiplying the difference that a label makes to the prediction: samples follow the label more, and "
        "vary less.",
    ),
    Term(
        "signal-to-noise ratio", ("signal-to-noise ratio", "SNR"),
        "The variance of what is left of x₀ in xₜ over the variance of the noise in it.",
    ),
    Term(
        "dequantized", ("dequantized",),
        "Pixels have 256 levels, which have no density. Uniform noise of the width of a level makes them "
        "real numbers, which have one.",
    ),
    Term(
        "U-Net", ("U-Net",),
        "A network that makes a picture small and large again, with direct links between layers of the same "
        "size. Its output is a picture, too.",
    ),
    Term(
        "L-BFGS", ("L-BFGS",),
        "A method of descent that estimates the curvature of the loss from its last steps.",
    ),
    Term(
        "VGG-19", ("VGG-19",),
        "A convolutional network of 19 layers with weights that was trained to classify photographs. Here it "
        "stays as it is.",
    ),
    Term(
        "Inception Score", ("Inception Score",),
        "exp of the mean KL divergence of p(y | x) from p(y), for a classifier's labels y of generated "
        "pictures x: high if each is clear and all together are varied.",
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
        "The products of all pairs of feature maps, averaged over places: which features occur together, and "
        "not where.",
    ),
)  # fmt: skip


def for_browsers() -> list[dict[str, Any]]:
    """What the script of the pages needs."""
    return [{"term": name, "words": words, "says": says} for name, words, says in GLOSSARY]
