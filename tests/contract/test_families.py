"""What every family promises, for every family that is found."""

import copy
import json
import math
from itertools import islice, pairwise

import pytest
import torch

from engine.checks import measure
from engine.config import Refused
from engine.data import batches, load
from engine.data.transfer import Transfer
from engine.families import families, find
from engine.family import Family
from engine.fit import fit, optimizers_of, retune
from engine.metrics.measure import LEFT_OUT
from engine.metrics.observe import observe
from engine.nets.backbone import TORCHVISION
from engine.space import Picture, Plane
from lab.runs import picture, wire

EXAMPLES = {"line": "two-bumps", "points": "ring", "image": "digits", "transfer": "flower.cat"}
EXAMPLES |= {"wave": "voices", "text": "villages", "pen": "pen-digits", "script": "words"}
SMALL = {"style": {"size": 64}}  # as small as they go, where the defaults are slow
SMALL |= {"wavenet": {"channels": 8, "dilations": 3, "levels": "16"}}
FAMILIES = list(families().values())


def knob_ends() -> list:
    return [
        pytest.param(family, name, end, id=f"{family.name}-{name}-{end}")
        for family in FAMILIES
        for name, knob in family.Config.knobs().items()
        for end in knob.ends()
    ]


def built(family: type[Family], data_name: str, **values) -> tuple[Family, object]:
    data = load(data_name)
    torch.manual_seed(0)
    values = SMALL.get(family.name, {}) | values
    return family(family.configure(data.space, values), data.space), data


def train(model: Family, data, rounds: int = 1) -> dict[str, float]:
    seen = {}
    for turn in fit(model, islice(batches(data, lambda: model.config.batch, 0), rounds)):
        seen |= {name: term.item() for name, term in turn.terms.items()}
    return seen


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_the_family_says_what_it_is(family):
    assert find(family.name) is family
    assert family.title
    assert "http" in family.source
    assert family.branch in ("tractable", "approximate", "implicit", "beside")
    shown = [k for k in family.Config.knobs().values() if not k.advanced]
    assert len(shown) <= 6, "at most six sliders first, the rest advanced"
    for kind in family.kinds:
        family.configure(load(EXAMPLES[kind.kind]).space)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("family", "name", "end"), knob_ends())
def test_both_ends_of_every_knob_train_one_finite_round(family, name, end):
    if name == "backbone" and end in TORCHVISION:
        pytest.skip("it is downloaded; tests/laws/nets/test_backbone.py takes such networks apart")
    for kind in family.kinds:
        if kind is Picture and name in ("width_G", "width_D", "width", "batch"):
            continue  # the points have shown it, and these are slow
        try:
            # small nets show it as well, and convolutions are slow
            small = {"width": 8} if kind is Picture and "width" in family.Config.model_fields else {}
            model, data = built(family, EXAMPLES[kind.kind], **small | {name: end})
        except Refused:  # with a sentence: PCA of two numbers has no 64 directions
            continue
        assert all(map(math.isfinite, train(model, data).values()))
        assert all(p.isfinite().all() for p in model.parameters())
        shape = model.picture().shape[1:] if kind is Transfer else data.space.shape  # as large as asked for
        assert model.sample(5).shape == (5, *shape)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_every_weight_of_a_player_learns_on_its_turn(family):
    for kind in family.kinds:
        model, data = built(family, EXAMPLES[kind.kind])
        before = {name: p.clone() for name, p in model.named_parameters()}
        # what is inside a block that starts as the identity learns a round later
        train(model, data, rounds=2)
        still = [name for name, p in model.named_parameters() if torch.equal(p, before[name])]
        assert not still


@pytest.mark.exhaustive
@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_a_knob_that_is_changed_while_training_counts_as_if_it_had_been_so_from_the_beginning(family):
    """For the next round and for samples; weights, drawn at the beginning, do not hang on it."""
    small = {"width": 8, "width_G": 8, "width_D": 8, "layers": 2, "batch": 8, "T": 9, "conditional": True}
    kind = Plane if Plane in family.kinds else family.kinds[0]
    small = {name: value for name, value in small.items() if name in family.Config.model_fields}
    for name, knob in family.Config.knobs().items():
        quick = name == "batch" or kind is Transfer
        for end in knob.ends()[: 1 if quick else None] if knob.live else ():
            ends = []
            for values, change in (({name: end}, {}), ({}, {name: end})):
                model, data = built(family, EXAMPLES[kind.kind], **small | values)
                if change:  # nothing may be kept of what it was
                    first = copy.deepcopy(model.state_dict())
                    train(model, data)
                    model.sample(1)
                    model.load_state_dict(first)
                optimizers = optimizers_of(model)
                retune(model, optimizers, model.config.change(change))
                torch.manual_seed(5)
                for _turn in fit(model, [data.batch(model.config.batch, 0, 0)], optimizers):
                    pass
                y = model.labels(4) if model.conditional or model.labelled else None
                ends.append([model.sample(4, y), *model.parameters()])
            assert all(torch.equal(*pair) for pair in zip(*ends, strict=True)), (name, end)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_no_layer_stands_in_two_places(family):
    """Each that a knob asks for has weights of its own."""
    many = {
        name: 3 for name in ("layers", "depth", "depth_G", "depth_D") if name in family.Config.model_fields
    }
    for kind in family.kinds:
        model, _data = built(family, EXAMPLES[kind.kind], **many)
        places: dict[int, list[str]] = {}
        for name, part in model.named_modules(remove_duplicate=False):
            if next(part.parameters(), None) is not None:
                places.setdefault(id(part), []).append(name)
        assert [names for names in places.values() if len(names) > 1] == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_a_model_that_takes_the_state_of_another_goes_on_as_that_one_would(family):
    """Whatever chance drew for it, and whatever it did before."""
    odd = {"order": "random", "base": "mixture", "spectral": True}
    odd |= {"width": 8, "layers": 3, "T": 20, "steps": 3}
    odd = {name: value for name, value in odd.items() if name in family.Config.model_fields}
    for kind in family.kinds:
        one, data = built(family, EXAMPLES[kind.kind], **odd)
        train(one, data, rounds=2)
        new, used = (family(one.config, one.space) for _ in range(2))  # with other random numbers
        train(used, data)
        used.sample(3)
        ends = []
        for model in (new, used):
            model.load_state_dict(copy.deepcopy(one.state_dict()))
        for model in (one, new, used):
            torch.manual_seed(5)
            ends.append([model.sample(4)])
            train(model, data)
            ends[-1] += [model.sample(4), *model.parameters(), *model.buffers()]
        assert all(torch.equal(a, b) and torch.equal(a, c) for a, b, c in zip(*ends, strict=True))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_a_walk_counts_down_to_0_and_ends_in_the_sample_of_the_same_noise(family):
    model, _data = built(family, EXAMPLES[family.kinds[0].kind])
    for name, weight in model.named_parameters():
        if "average" in name:  # as it begins, many a net says 0, and then no step would change anything
            weight.data += 0.1 * torch.randn_like(weight)
    torch.manual_seed(3)
    steps, seen = [], []
    for step in model.walk(3):
        steps.append(step)
        seen.append(step.x.clone())
    after = torch.rand(1)
    torch.manual_seed(3)
    sample = model.sample(3)
    assert torch.equal(torch.rand(1), after), "both draw the same noise"
    assert torch.equal(steps[-1].x, sample)
    assert steps[-1].t == 0
    assert all(before.t > step.t for before, step in pairwise(steps))
    assert all(torch.equal(step.x, x) for step, x in zip(steps, seen, strict=True)), "later ones change none"
    assert all(step.x.shape == sample.shape for step in steps)


@pytest.mark.exhaustive
@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_the_laws_of_the_check_tab_hold_on_a_trained_model(family):
    model, data = built(family, EXAMPLES[family.kinds[0].kind])
    size = 1 if family.kinds[0] is Transfer else 64
    for _turn in fit(model, islice(batches(data, lambda: size, 0), 20)):
        pass
    before = {name: t.clone() for name, t in model.state_dict().items()}
    config, learning = model.config, {name: p.requires_grad for name, p in model.named_parameters()}
    broken = [check for check in measure(model, data) if not check.holds or check.why]
    assert not broken
    assert model.config is config, "only copies are measured"
    assert {name: p.requires_grad for name, p in model.named_parameters()} == learning
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
@pytest.mark.exhaustive
def test_all_is_measured_and_drawn_on_the_data_of_the_lab(family):
    """So that no mistake hides behind a measure that is left out with its reason."""
    for kind in family.kinds:
        model, data = built(family, EXAMPLES[kind.kind])
        row = observe(model, data)
        assert row.get(LEFT_OUT, []) == []
        about = json.loads(wire.header(picture.of(model, data, [{"round": 1} | row], {}))["frame"])
        assert "trouble" not in about
