"""The gallery of games with labels: each failure shows and each cure cures, for at least four seeds of five.

By default three are tried, and two must do; GENLAB_SEEDS=5 tries all.
"""

import os
from functools import cache

import pytest
import torch

from engine.data import load
from engine.families import find
from engine.fit import fit, optimizers_of
from engine.gan.cgan import CGAN
from engine.metrics.detector import diagnose
from engine.metrics.observe import observe
from engine.metrics.ruler import about
from engine.stack import batch_of, stack
from lab.gan.failures import FAILURES_WITH_LABELS
from lab.kit.subject import Cure, Failure

SEEDS = range(int(os.environ.get("GENLAB_SEEDS", "3")))
MOST = len(SEEDS) * 4 // 5
EVERY = 64  # rounds between two measurements; twice as many later


@cache
def trained(family_name: str, data_name: str, knobs: tuple, rounds: int) -> list[list[dict]]:
    """The measured rows of the runs of all seeds, trained as one."""
    family, data = find(family_name), load(data_name)
    config = family.configure(data.space, dict(knobs))
    together = stack(family, [config] * len(SEEDS), data.space, SEEDS)
    one, optimizers = family(config, data.space), optimizers_of(together)
    rows: list[list[dict]] = [[] for _ in SEEDS]
    for round in range(1, rounds + 1):
        list(fit(together, [batch_of(data, config.batch, SEEDS, round - 1)], optimizers))
        if round % EVERY == 0 and (round < 512 or round % (2 * EVERY) == 0):
            weights = dict(together.named_parameters()) | dict(together.named_buffers())
            for i in SEEDS:
                one.load_state_dict({name: tensor[i] for name, tensor in weights.items()})
                torch.manual_seed(round)
                rows[i].append({"round": round} | observe(one, data))
    return rows


def ends(failure: Failure, cure: Cure | None = None) -> list[tuple[bool, bool]]:
    """Whether the failure is seen in the end, and whether nearly every mode has its fakes, for each seed."""
    family, knobs = failure.of(cure)
    data = load(failure.data)
    runs = trained(family, failure.data, tuple(knobs.items()), failure.rounds)
    named = [{symptom.name for symptom in diagnose(find(family), rows, about(data))} for rows in runs]
    enough = 7 / 8 * len(data.target.modes)
    return [
        (failure.symptom in names, rows[-1]["modes"] >= enough)
        for names, rows in zip(named, runs, strict=True)
    ]


OWN = [failure for failure in FAILURES_WITH_LABELS if failure.family == CGAN.name]
CURES = [pytest.param(f, c, id=f"{f.title}-{c.change}") for f in FAILURES_WITH_LABELS for c in f.cures]


@pytest.mark.parametrize("failure", OWN, ids=lambda f: f.title)
def test_the_failure_shows(failure):
    told = ends(failure)
    assert sum(shown for shown, _ in told) >= MOST, told
    assert sum(all_there for _, all_there in told) <= 1, told


@pytest.mark.parametrize(("failure", "cure"), CURES)
def test_what_is_said_to_cure_cures_and_what_is_said_not_to_does_not(failure, cure):
    told = ends(failure, cure)
    good = sum(all_there and not shown for shown, all_there in told)
    assert good >= MOST if cure.cures else good <= 1, told
