"""The gallery of diffusion: every failure is seen and every cure cures, for at least four seeds of five. By
default three are tried, and two must do; GENLAB_SEEDS=5 tries five.

What belongs to the walk from noise to data is no part of the training, so those settings share their nets.
"""

import os
from copy import deepcopy
from functools import cache

import pytest
import torch

from engine.data import batches, load
from engine.families.ddpm import DDPM
from engine.fit import fit, optimizers_of
from engine.metrics import about, floors, observe, quality
from engine.metrics.diffusion import FAR, SURE, WINDOW, symptoms
from lab.kit.failures import DDPM_FAILURES, GUIDED
from lab.kit.gallery import Cure, Failure
from lab.probes import ask

SEEDS = range(int(os.environ.get("GENLAB_SEEDS", "3")))  # five take half as long again
MOST = len(SEEDS) * 4 // 5
EVERY = 64  # rounds between two measurements, as in a run
TOLD = 1280  # rounds, by which the detector, who looks back, has seen it; of the first seed only
WALK = {"sampler", "steps", "guidance"}


@cache
def nets(data_name: str, trained: tuple, rounds: int, seed: int) -> dict[int, DDPM]:
    """Models of a training by round: of `rounds`, and of the first seed those that the detector needs."""
    data, found = load(data_name), {}
    kept = {rounds} | ({TOLD - EVERY * i for i in range(WINDOW)} if seed == 0 else set())
    torch.manual_seed(seed)
    model = DDPM(DDPM.configure(data.space, dict(trained)), data.space)
    optimizers = optimizers_of(model)
    drawn = batches(data, lambda: model.config.batch, seed)
    for round, batch in zip(range(1, max(kept) + 1), drawn, strict=False):
        for _turn in fit(model, [batch], optimizers):
            pass
        if round in kept:
            found[round] = deepcopy(model)
    return found


def models(failure: Failure, cure: Cure | None, seed: int) -> dict[int, DDPM]:
    """Those of this setting: trained once, walking as it says."""
    family, knobs = failure.of(cure)
    assert family == "ddpm"
    trained = tuple(sorted((k, v) for k, v in knobs.items() if k not in WALK))
    config = DDPM.configure(load(failure.data).space, knobs)
    found = nets(failure.data, trained, failure.rounds, seed)
    for model in found.values():
        model.config = config
    return found


def measured(failure: Failure, cure: Cure | None, seed: int) -> dict[str, float]:
    """The quality of samples in the end; under guidance of such with labels."""
    model, data = models(failure, cure, seed)[failure.rounds], load(failure.data)
    torch.manual_seed(seed)
    if failure is not GUIDED:
        return quality(model, data)
    c = model.config
    return ask(model, data, "tradeoff", {"sampler": c.sampler, "steps": c.steps, "guidance": c.guidance})[
        "quality"
    ]


def fails(failure: Failure, found: dict[str, float]) -> bool:
    """Far from the data; under guidance also with too little variety."""
    data = load(failure.data)
    floor = floors(data)["sliced Wasserstein"]
    far = found["sliced Wasserstein"] > max(FAR * about(data).spread, floor.value + SURE * floor.error)
    return far and found.get("diversity", 0.0) < 0.8


@pytest.mark.parametrize("failure", DDPM_FAILURES, ids=lambda f: f.title)
def test_the_failure_shows(failure):
    found = [measured(failure, None, seed) for seed in SEEDS]
    assert sum(fails(failure, one) for one in found) >= MOST, found


CURES = [pytest.param(f, c, id=f"{f.title}-{c.change}") for f in DDPM_FAILURES for c in f.cures]


@pytest.mark.parametrize(("failure", "cure"), CURES)
def test_what_is_said_to_cure_cures_and_what_is_said_not_to_does_not(failure, cure):
    seeds = SEEDS if cure.cures else range(3)
    found = [measured(failure, cure, seed) for seed in seeds]
    bad = sum(fails(failure, one) for one in found)
    assert bad <= 1 if cure.cures else bad >= 2, found


@pytest.mark.parametrize("failure", [f for f in DDPM_FAILURES if f.symptom], ids=lambda f: f.title)
def test_the_detector_names_it_and_is_content_with_the_cure(failure):
    data = load(failure.data)
    for cure in (None, *(c for c in failure.cures if c.cures)):
        rows = []
        for round, model in sorted(models(failure, cure, 0).items())[-WINDOW:]:
            torch.manual_seed(round)
            rows.append({"round": round} | observe(model, data))
        names = [one.name for one in symptoms(rows, about(data))]
        assert names == [failure.symptom] if cure is None else names[0] in ("Learning", "Working"), names


def test_guidance_moves_the_classes_apart():
    strong = models(GUIDED, None, 0)[GUIDED.rounds]
    y = strong.labels(1000)
    torch.manual_seed(0)
    far = strong.sample(1000, y)
    near = strong.sample(1000, y, guidance=1.0)
    apart = lambda x: (x[y == 1] - x[y == 0]).mean(0)[0].item()  # noqa: E731
    assert apart(near) == pytest.approx(2, abs=0.2)  # the centres are at -1 and 1
    assert apart(far) > apart(near) + 0.15


def test_the_links_say_the_settings():
    slide = next(f for f in DDPM_FAILURES if "slide" in f.title)
    place = "/ddpm?data=two-gaussians&width=64&schedule=linear&sampler=DDPM"
    assert slide.address() == f"{place}%20as%20on%20the%20slide"
    assert slide.address(slide.cures[0]) == place
