"""The gallery of diffusion: every failure is seen and every cure cures, for at least four seeds of five.

What belongs to the walk from noise to data is no part of the training, so those settings share their nets.
"""

from copy import copy

import pytest
import torch

from engine.data import load
from engine.diffusion.ddpm import DDPM
from engine.diffusion.symptoms import FAR, SURE, WINDOW, symptoms
from engine.metrics.observe import observe
from engine.metrics.ruler import about, floors, quality
from lab.diffusion.failures import DDPM_FAILURES, GUIDED
from lab.kit.subject import Cure, Failure
from lab.probes import ask
from tests.trainings.training import MOST, SEEDS, training

EVERY = 64  # rounds between two measurements, as in a run
TOLD = 1280  # rounds, by which the detector, who looks back, has seen it; of the first seed only
WALK = {"sampler", "steps", "guidance"}


def model_of(failure: Failure, cure: Cure | None, seed: int, rounds: int = 0) -> DDPM:
    """Trained once for all settings that walk otherwise, and walking as this one says."""
    family, knobs = failure.of(cure)
    trained = {name: value for name, value in knobs.items() if name not in WALK}
    (shared,) = training(family, failure.data, trained, [seed]).models(rounds or failure.rounds)
    model = copy(shared)
    model.config = DDPM.configure(load(failure.data).space, knobs)
    return model


def measured(failure: Failure, cure: Cure | None, seed: int) -> dict[str, float]:
    """The quality of samples in the end; under guidance of such with labels."""
    model, data = model_of(failure, cure, seed), load(failure.data)
    torch.manual_seed(seed)
    if failure is not GUIDED:
        return quality(model, data)
    c = model.config
    return ask(model, data, "tradeoff", {"sampler": c.sampler, "steps": c.steps, "guidance": c.guidance})[
        "quality"
    ]


def fails(failure: Failure, metrics: dict[str, float]) -> bool:
    """Far from the data; under guidance also with too little variety."""
    data = load(failure.data)
    floor = floors(data)["sliced Wasserstein"]
    far = metrics["sliced Wasserstein"] > max(FAR * about(data).spread, floor.value + SURE * floor.error)
    return far and metrics.get("diversity", 0.0) < 0.8


@pytest.mark.budget(20)
@pytest.mark.parametrize("failure", DDPM_FAILURES, ids=lambda f: f.title)
def test_the_failure_shows(failure):
    by_seed = [measured(failure, None, seed) for seed in SEEDS]
    assert sum(fails(failure, one) for one in by_seed) >= MOST, by_seed


CURES = [pytest.param(f, c, id=f"{f.title}-{c.change}") for f in DDPM_FAILURES for c in f.cures]


@pytest.mark.budget(20)
@pytest.mark.parametrize(("failure", "cure"), CURES)
def test_what_is_said_to_cure_cures_and_what_is_said_not_to_does_not(failure, cure):
    by_seed = [measured(failure, cure, seed) for seed in SEEDS]
    bad = sum(fails(failure, one) for one in by_seed)
    assert bad <= len(SEEDS) - MOST if cure.cures else bad >= MOST, by_seed


@pytest.mark.budget(20)
@pytest.mark.parametrize("failure", [f for f in DDPM_FAILURES if f.symptom], ids=lambda f: f.title)
def test_the_detector_names_it_and_is_content_with_the_cure(failure):
    data = load(failure.data)
    for cure in (None, *(c for c in failure.cures if c.cures)):
        rows = []
        for round in range(TOLD - EVERY * (WINDOW - 1), TOLD + 1, EVERY):
            model = model_of(failure, cure, 0, round)
            torch.manual_seed(round)
            rows.append({"round": round} | observe(model, data))
        names = [one.name for one in symptoms(DDPM, rows, about(data))]
        assert names == [failure.symptom] if cure is None else names[0] in ("Learning", "Close", "Working"), (
            names
        )


@pytest.mark.budget(20)
def test_guidance_moves_the_classes_apart():
    strong = model_of(GUIDED, None, 0)
    y = strong.labels(1000)
    torch.manual_seed(0)
    far = strong.sample(1000, y)
    near = strong.sample(1000, y, guidance=1.0)
    apart = lambda x: (x[y == 1] - x[y == 0]).mean(0)[0].item()  # noqa: E731
    assert apart(near) == pytest.approx(2, abs=0.2)  # the centres are at -1 and 1
    assert apart(far) > apart(near) + 0.15
