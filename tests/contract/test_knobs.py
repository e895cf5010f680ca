"""A knob that is shown changes the numbers of a run; one that is not shown changes none."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from engine.config import Refused
from engine.data import batches
from engine.families import families
from engine.fit import fit, optimizers_of, retune
from engine.nets.backbone import TORCHVISION
from engine.space import Plane
from tests.contract.test_families import EXAMPLES, built

SMALL = {"width": 8, "width_G": 8, "width_D": 8, "layers": 3, "batch": 16, "T": 20, "steps": 5, "size": 64}
SMALL |= {"coarse": 1, "ema": 0.05}
HEAVY = {"batch", "width", "width_G", "width_D", "depth", "layers", "size", "T", "steps", "bins", "k", "k_G"}


def numbers(family, data_name, values, change=None):
    """Weights and samples after three rounds; the change comes while it runs, after the first."""
    model, data = built(family, data_name, **values)
    optimizers = optimizers_of(model)
    stream = batches(data, lambda: model.config.batch, 0)
    torch.manual_seed(1)
    for rounds, new in ((1, change or {}), (2, {})):
        for _turn in fit(model, islice(stream, rounds), optimizers):
            pass
        retune(model, optimizers, model.config.change(new))
    torch.manual_seed(2)
    y = model.labels(8) if model.conditional or model.labelled else None
    pictures = torch.tensor(len(getattr(model, "transforms", ())))  # of the way from x to z
    return [*(p.detach().clone() for p in model.parameters()), model.sample(8, y), pictures]


def same(a, b):
    return len(a) == len(b) and all(map(torch.equal, a, b))


@pytest.mark.exhaustive
@pytest.mark.parametrize("family", families().values(), ids=lambda f: f.name)
def test_a_shown_knob_changes_the_numbers_and_a_hidden_one_does_not(family):
    wrong = []
    for kind in family.kinds:
        small = {name: value for name, value in SMALL.items() if name in family.Config.knobs()}
        model, data = built(family, EXAMPLES[kind.kind], **small)
        base, hidden = model.config, model.config.without_effect(data.space)
        usual = numbers(family, EXAMPLES[kind.kind], small)
        for name, knob in family.Config.knobs().items():
            slow = name in HEAVY and kind is not Plane
            for end in knob.ends()[: 1 if slow else None]:
                if end == getattr(base, name) or (name == "backbone" and end in TORCHVISION):
                    continue
                try:
                    if knob.live:
                        new = numbers(family, EXAMPLES[kind.kind], small, {name: end})
                    else:
                        new = numbers(family, EXAMPLES[kind.kind], small | {name: end})
                except Refused:
                    continue
                if same(usual, new) != (name in hidden):
                    what = "something" if name in hidden else "nothing"
                    wrong.append(f"{name}={end} on {kind.kind}: {what} changes")
    assert not wrong, "; ".join(wrong)
