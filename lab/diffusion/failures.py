"""The gallery of diffusion: settings that fail for certain, and their cures."""

from __future__ import annotations

from typing import Any

from lab.kit.subject import Cure, Failure

FAR = "Far from the data"


def failure(
    title: str,
    seen: str,
    knobs: dict[str, Any],
    *cures: Cure,
    symptom: str = FAR,
    data: str = "two-gaussians",
) -> Failure:
    """A failure of a small net with the linear schedule and these knobs, after 640 rounds."""
    knobs = {"width": 64, "schedule": "linear"} | knobs
    return Failure(title, symptom, seen, data, knobs, 640, cures, family="ddpm")


GUIDED = failure(
    "Guidance too strong",
    "Guidance 7 exaggerates the evidence for a label. The points of each class move away from the other "
    "class and crowd together. Measure this in the tab of steps and guidance.",
    {"conditional": True, "guidance": 7.0},
    Cure(
        "Guidance 1",
        {"guidance": 1.0},
        "This is the conditional model itself, which has learned where each class lies",
    ),
    Cure("More steps", {"steps": 100}, "The steps are precise, but they lead to the wrong place", False),
    symptom="",
)

DDPM_FAILURES = [
    failure(
        "Too few steps",
        "DDIM goes from noise to data in four steps. Each step is straight, but the path is curved: points "
        "end between the places where they should be, and the two Gaussians come out too narrow.",
        {"sampler": "DDIM", "steps": 4},
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
    ),
    failure(
        "T too small",
        "The forward process destroys the data in three jumps. On the way back each jump is a Gaussian, but "
        "no Gaussian can undo such a long jump: it would have to split in two.",
        {"T": 3},
        Cure("T = 100", {"T": 100}, "A small step back is almost exactly Gaussian"),
        Cure(
            "50 steps of the sampler",
            {"steps": 50},
            "A sampler can stop at no more levels than there are",
            False,
        ),
    ),
    failure(
        "A schedule made for 1,000 steps",
        "With T = 100 the linear schedule ends at ᾱ = 0.36 instead of 0.00004: x_T still depends on where "
        "the data are. Samples start from N(0, I), which is somewhere else, and end too far to the left. "
        "With data centred at 0 one would hardly notice.",
        {"scaled": False},
        Cure(
            "Scaled with T",
            {"scaled": True},
            "Each of ten times fewer steps adds ten times the noise, so x_T is almost pure noise",
        ),
        Cure(
            "More steps of the sampler",
            {"steps": 100},
            "The start is wrong, so no walk from it can be right",
            False,
        ),
        data="aside",
    ),
    failure(
        "Linear schedule, few steps",
        "The linear schedule spends half of its levels where almost everything is noise already. Of five "
        "steps, too few are left for the levels where the data take shape.",
        {"steps": 5},
        Cure(
            "Cosine schedule",
            {"schedule": "cosine"},
            "The noise grows evenly, so each of the five steps has its share of the work",
        ),
        Cure("DDIM", {"sampler": "DDIM"}, "It adds no noise, but stops at the same levels", False),
    ),
    failure(
        "The slide's formula",
        "The slide's Algorithm 2 has α under the root, where ᾱ belongs. Every step then removes too much "
        "noise: points crowd around the centre of each Gaussian.",
        {"sampler": "DDPM as on the slide"},
        Cure(
            "The paper's formula",
            {"sampler": "DDPM"},
            "The mean of a step back is then that of q(x at t − 1 | x at t, x_0) at the predicted x_0",
        ),
        Cure("More steps", {"steps": 100}, "Each of them removes too much", False),
    ),
    GUIDED,
]
