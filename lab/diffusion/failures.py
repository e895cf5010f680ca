"""The gallery of diffusion: settings that provably fail, and cures."""

from __future__ import annotations

from lab.kit.subject import Cure, Failure

FEW_STEPS = Failure(
    "Too few steps",
    "Far from the data",
    "DDIM walks from noise to data in four steps. Each step goes straight on, but the way is bent: the "
    "points end between where they should be, and the two Gaussians come out too narrow.",
    "two-gaussians",
    {"width": 64, "schedule": "linear", "sampler": "DDIM", "steps": 4},
    640,
    [
        Cure(
            "50 steps",
            {"steps": 50},
            "Short steps follow the bent way. The net is the same: only the walk was at fault",
        ),
        Cure(
            "Heun in 10 steps",
            {"sampler": "Heun", "steps": 10},
            "It looks twice a step, and so sees the bend",
        ),
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
        Cure(
            "50 steps of the sampler",
            {"steps": 50},
            "A sampler can stop at no more levels than there are",
            False,
        ),
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
        Cure(
            "Scaled with T",
            {"scaled": True},
            "Ten times the noise in each of ten times fewer steps: x_T is pure noise, as the start is",
        ),
        Cure(
            "More steps of the sampler",
            {"steps": 100},
            "The start is wrong, however one walks on from it",
            False,
        ),
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
        Cure(
            "Cosine schedule",
            {"schedule": "cosine"},
            "The noise grows evenly, and each of the five steps has its share of the work",
        ),
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
        Cure(
            "The paper's formula",
            {"sampler": "DDPM"},
            "The mean of a step back is then that of q(x at t − 1 | x at t, x_0), at the guessed x_0",
        ),
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
        Cure(
            "Guidance 1",
            {"guidance": 1.0},
            "That is the conditional model itself, which learned where each class lies",
        ),
        Cure("More steps", {"steps": 100}, "The steps are fine, but they go to another place", False),
    ],
    family="ddpm",
)

DDPM_FAILURES = [FEW_STEPS, FEW_LEVELS, UNSCALED, LINEAR, SLIDE, GUIDED]
