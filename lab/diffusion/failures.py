"""The gallery of diffusion: settings that fail for certain, and their cures."""

from __future__ import annotations

from lab.kit.subject import Cure, Failure

FEW_STEPS = Failure(
    "Too few steps",
    "Far from the data",
    "DDIM goes from noise to data in four steps. Each step is straight, but the path is curved: points end "
    "between the places where they should be, and the two Gaussians come out too narrow.",
    "two-gaussians",
    {"width": 64, "schedule": "linear", "sampler": "DDIM", "steps": 4},
    640,
    [
        Cure(
            "50 steps",
            {"steps": 50},
            "Short steps follow the curved path. The net is the same: only the sampling was at fault",
        ),
        Cure(
            "Heun in 10 steps",
            {"sampler": "Heun", "steps": 10},
            "It evaluates the net twice in a step, and so notices the curve",
        ),
    ],
    family="ddpm",
)


FEW_LEVELS = Failure(
    "T too small",
    "Far from the data",
    "The forward process destroys the data in three jumps. On the way back each jump is a Gaussian, but no "
    "Gaussian can undo such a long jump: it would have to split in two.",
    "two-gaussians",
    {"width": 64, "schedule": "linear", "T": 3},
    640,
    [
        Cure("T = 100", {"T": 100}, "A small step back is almost exactly Gaussian"),
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
    "With T = 100 the linear schedule ends at alpha-bar = 0.36 instead of 0.00004: x_T still depends on "
    "where the data are. Samples start from N(0, I), which is somewhere else, and end too far to the left. "
    "With data centred at 0 nobody would notice.",
    "aside",
    {"width": 64, "schedule": "linear", "scaled": False},
    640,
    [
        Cure(
            "Scaled with T",
            {"scaled": True},
            "Each of ten times fewer steps adds ten times the noise: x_T is pure noise, like the start",
        ),
        Cure(
            "More steps of the sampler",
            {"steps": 100},
            "The start is wrong, so no walk from it can be right",
            False,
        ),
    ],
    family="ddpm",
)


LINEAR = Failure(
    "Linear schedule, few steps",
    "Far from the data",
    "The linear schedule spends half of its levels where almost everything is noise already. Of five steps, "
    "too few are left for the levels where the data take shape.",
    "two-gaussians",
    {"width": 64, "schedule": "linear", "steps": 5},
    640,
    [
        Cure(
            "Cosine schedule",
            {"schedule": "cosine"},
            "The noise grows evenly, so each of the five steps has its share of the work",
        ),
        Cure("DDIM", {"sampler": "DDIM"}, "It adds no noise, but stops at the same levels", False),
    ],
    family="ddpm",
)


SLIDE = Failure(
    "The slide's formula",
    "Far from the data",
    "The slide's Algorithm 2 has alpha under the root, where alpha-bar belongs. Every step then removes more "
    "noise than there is: points crowd around the centre of each Gaussian.",
    "two-gaussians",
    {"width": 64, "schedule": "linear", "sampler": "DDPM as on the slide"},
    640,
    [
        Cure(
            "The paper's formula",
            {"sampler": "DDPM"},
            "The mean of a step back is then that of q(x at t − 1 | x at t, x_0) at the predicted x_0",
        ),
        Cure("More steps", {"steps": 100}, "Each of them removes too much", False),
    ],
    family="ddpm",
)


GUIDED = Failure(
    "Guidance too strong",
    "",
    "Guidance 7 exaggerates the evidence for a label. The points of each class move away from the other "
    "class and crowd together. Measure this in the tab of steps and guidance.",
    "two-gaussians",
    {"width": 64, "schedule": "linear", "conditional": True, "guidance": 7.0},
    640,
    [
        Cure(
            "Guidance 1",
            {"guidance": 1.0},
            "This is the conditional model itself, which has learned where each class lies",
        ),
        Cure("More steps", {"steps": 100}, "The steps are precise, but they lead to the wrong place", False),
    ],
    family="ddpm",
)

DDPM_FAILURES = [FEW_STEPS, FEW_LEVELS, UNSCALED, LINEAR, SLIDE, GUIDED]
