"""The galleries of the rooms with codes, of diffusion, of flows: settings that provably fail, and cures."""

from __future__ import annotations

from lab.kit.gallery import Cure, Failure

# fmt: off
COLLAPSE = Failure(
    "Posterior collapse",
    "Posterior collapse",
    "The KL term weighs thirty times as much as it should. Sending no code at all is then the cheapest: "
    "q(z | x) becomes the prior for every x, the bars of the KL fall to zero, and the decoder draws the "
    "average of all digits.",
    "digits",
    {"z": 10, "beta": 30.0},
    640,
    [
        Cure("Beta 1", {"beta": 1.0},
             "The ELBO itself weighs a nat of code and a nat of reconstruction alike"),
        Cure("One nat free in each dimension", {"free_bits": 1.0},
             "The KL is charged only beyond the first nat, so that saying nothing saves nothing"),
        Cure("KL warm-up over 200 rounds", {"warm_up": 200},
             "It only puts the collapse off: when beta has reached 30 the codes are given up again", False),
    ],
    family="vae",
)

HOLES = Failure(
    "Holes",
    "Holes",
    "Nothing tells an autoencoder where to put its codes. They spread far beyond the circles of N(0, I), "
    "with gaps between them; draws of N(0, I) meet only the few in the middle, and of what lies between "
    "nobody has ever told the decoder anything.",
    "digits",
    {},
    640,
    [
        Cure("A VAE", {},
             "Each example gets a cloud of codes, and the KL term draws all clouds together until they "
             "fill the prior", family="vae"),
    ],
    family="ae",
)

BLUR = Failure(
    "Blur",
    "Blur",
    "Where z leaves open how a digit goes on, the likelihood of pixels is best served by the mean of all "
    "ways: a blur.",
    "digits",
    {},
    640,
    [
        Cure("A VAE-GAN", {}, "Its discriminator knows that no digit is blurred", family="vae-gan"),
        Cure("A smaller beta", {"beta": 0.3}, "The codes say a little more, but pixels still judge", False),
    ],
    family="vae",
)

FEW_STEPS = Failure(
    "Too few steps",
    "Far from the data",
    "DDIM walks from noise to data in four steps. Each step goes straight on, but the way is bent: the "
    "points end between where they should be, and the two Gaussians come out too narrow.",
    "two-gaussians",
    {"width": 64, "schedule": "linear", "sampler": "DDIM", "steps": 4},
    640,
    [
        Cure("50 steps", {"steps": 50}, "Short steps follow the bent way. The net is the same: only the "
             "walk was at fault"),
        Cure("Heun in 10 steps", {"sampler": "Heun", "steps": 10},
             "It looks twice a step, and so sees the bend"),
    ],
    family="ddpm",
)

FEW_LEVELS = Failure(
    "T too small",
    "Far from the data",
    "The forward process destroys the data in three jumps. On the way back each jump is a Gaussian, and no "
    "Gaussian goes back so far: it would have to split in two.",
    "two-gaussians",
    {"width": 64, "schedule": "linear", "T": 3},
    640,
    [
        Cure("T = 100", {"T": 100}, "A small step back is a Gaussian, nearly exactly"),
        Cure("50 steps of the sampler", {"steps": 50},
             "A sampler can stop at no more levels than there are", False),
    ],
    family="ddpm",
)

UNSCALED = Failure(
    "A schedule made for 1,000 steps",
    "Far from the data",
    "With T = 100 the linear schedule ends at alpha-bar = 0.36 instead of 0.00004: x_T still knows where the "
    "data are. Samples start from N(0, I), which is somewhere else, and end too far to the left. With "
    "data around 0 nobody would see it.",
    "aside",
    {"width": 64, "schedule": "linear", "scaled": False},
    640,
    [
        Cure("Scaled with T", {"scaled": True},
             "Ten times the noise in each of ten times fewer steps: x_T is pure noise, as the start is"),
        Cure("More steps of the sampler", {"steps": 100},
             "The start is wrong, however one walks on from it", False),
    ],
    family="ddpm",
)

LINEAR = Failure(
    "Linear schedule, few steps",
    "Far from the data",
    "The linear schedule spends half of its levels where nearly all is noise already. Of five steps too few "
    "are left for where the data take shape.",
    "two-gaussians",
    {"width": 64, "schedule": "linear", "steps": 5},
    640,
    [
        Cure("Cosine schedule", {"schedule": "cosine"}, "The noise grows evenly, and each of the five steps "
             "has its share of the work"),
        Cure("DDIM", {"sampler": "DDIM"}, "It adds no noise, but stops at the same levels", False),
    ],
    family="ddpm",
)

SLIDE = Failure(
    "The slide's formula",
    "Far from the data",
    "The slide's Algorithm 2 has alpha where alpha-bar belongs, under the root. Every step then takes away "
    "more noise than there is: the points crowd around the middle of each Gaussian.",
    "two-gaussians",
    {"width": 64, "schedule": "linear", "sampler": "DDPM as on the slide"},
    640,
    [
        Cure("The paper's formula", {"sampler": "DDPM"}, "The mean of a step back is then that of "
             "q(x at t − 1 | x at t, x_0), at the guessed x_0"),
        Cure("More steps", {"steps": 100}, "Too much is taken away in each of them", False),
    ],
    family="ddpm",
)

GUIDED = Failure(
    "Guidance too strong",
    "",
    "Guidance 7 exaggerates what speaks for a label. The points of each class move away from "
    "the other class and crowd together. Measure it in the tab of steps and guidance.",
    "two-gaussians",
    {"width": 64, "schedule": "linear", "conditional": True, "guidance": 7.0},
    640,
    [
        Cure("Guidance 1", {"guidance": 1.0}, "That is the conditional model itself, which learned where "
             "each class lies"),
        Cure("More steps", {"steps": 100}, "The steps are fine, but they go to another place", False),
    ],
    family="ddpm",
)

FEW_LAYERS = Failure(
    "Too few layers",
    "Bridges",
    "Two layers that scale and shift cannot even begin to part the one blob of the base into eight groups: "
    "broad bridges lie between them, and the loss stays a whole nat above the entropy.",
    "ring",
    {"layers": 2},
    1024,
    [
        Cure("Four layers of splines", {}, "A curve can be steep between two groups and flat in them, so "
             "bridges become thin", family="spline-flow"),
        Cure("Eight layers", {"layers": 8}, "Thinner bridges, but scaling and shifting cannot squeeze them "
             "away", False),
    ],
    family="real-nvp",
)

BASE = Failure(
    "Wrong base",
    "Bridges",
    "Eight layers, and still bridges: the ring is eight pieces and the normal base one. A map that tears "
    "nothing cannot make eight of one.",
    "ring",
    {},
    1024,
    [
        Cure("A mixture of eight as the base", {"base": "mixture"}, "The base is in pieces already, and the "
             "layers need not tear anything; for two seeds of three in this time"),
    ],
    family="real-nvp",
)

AFFINE = Failure(
    "Scaling and shifting a checkerboard",
    "",
    "Sharp edges and empty squares: layers that scale and shift smear them, and stay twice as far above the "
    "entropy as layers of curves.",
    "checkerboard",
    {},
    320,
    [
        Cure("Splines", {}, "A curve may be flat over a square and steep at its edge", family="spline-flow"),
    ],
    family="real-nvp",
)

NO_ORDER = Failure(
    "No permutation",
    "Frozen half",
    "In all eight layers the same number of x is kept and the same is changed. So z₁ = x₁ exactly, and the "
    "model takes the moons' x₁ for a bell N(0, 1): half of the plane is frozen.",
    "moons",
    {"order": "none"},
    512,
    [
        Cure("Change the roles at every layer", {"order": "alternate"}, "Each number sees the other one, and "
             "each is changed"),
    ],
    family="real-nvp",
)
# fmt: on

VAE_FAILURES = [COLLAPSE, BLUR]
AE_FAILURES = [HOLES]
DDPM_FAILURES = [FEW_STEPS, FEW_LEVELS, UNSCALED, LINEAR, SLIDE, GUIDED]
FLOW_FAILURES = [FEW_LAYERS, BASE, NO_ORDER, AFFINE]
DISENTANGLED = "/vae?data=ellipses&z=6&beta=4&width=128&batch=64&tab=Factors"
