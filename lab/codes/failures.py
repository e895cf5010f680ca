"""The galleries of the rooms with codes: settings that provably fail, and their cures."""

from __future__ import annotations

from lab.kit.subject import Cure, Failure

# fmt: off
COLLAPSE = Failure(
    "Posterior collapse",
    "Posterior collapse",
    "The KL term weighs thirty times as much as it should. Sending no code at all is then cheapest: "
    "q(z | x) becomes the prior for every x, the bars of the KL fall to zero, and the decoder draws the "
    "average of all digits.",
    "digits",
    {"z": 10, "beta": 30.0},
    640,
    [
        Cure("Beta 1", {"beta": 1.0},
             "The ELBO itself gives a nat of code and a nat of reconstruction the same weight"),
        Cure("One nat free in each dimension", {"free_bits": 1.0},
             "The KL is charged only beyond the first nat, so an empty code saves nothing"),
        Cure("KL warm-up over 200 rounds", {"warm_up": 200},
             "It only postpones the collapse: once beta has reached 30, the codes are given up again", False),
    ],
    family="vae",
)

HOLES = Failure(
    "Holes",
    "Holes",
    "Nothing tells an autoencoder where to put its codes. They spread far beyond the circles of N(0, I), "
    "with gaps between them. Draws from N(0, I) reach only the few codes in the middle, and the decoder has "
    "never been trained on the gaps.",
    "digits",
    {},
    640,
    [
        Cure("A VAE", {},
             "Each example gets a cloud of codes, and the KL term pulls all clouds together until they "
             "fill the prior", family="vae"),
    ],
    family="ae",
)

BLUR = Failure(
    "Blur",
    "Blur",
    "Where z leaves open how a digit continues, the mean of all possibilities has the best pixelwise "
    "likelihood: a blur.",
    "digits",
    {},
    640,
    [
        Cure("A VAE-GAN", {}, "Its discriminator knows that no digit is blurred", family="vae-gan"),
        Cure("A smaller beta", {"beta": 0.3},
             "The codes say a little more, but the likelihood is still pixelwise", False),
    ],
    family="vae",
)

DISENTANGLED = "/vae?data=ellipses&z=6&beta=4&width=128&batch=64&tab=Factors"

VAE_FAILURES = [COLLAPSE, BLUR]
AE_FAILURES = [HOLES]
