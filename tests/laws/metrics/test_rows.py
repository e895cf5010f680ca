"""What a row says: of which examples, with which labels, in which order; and of walls, member by member."""

import math

import pytest
import torch
from torch import nn

from engine.config import Config
from engine.data import load
from engine.families import find
from engine.family import Family
from engine.metrics import observe as measuring
from engine.metrics.measure import LEFT_OUT
from engine.metrics.observe import SHARES, held_out, observe
from engine.metrics.ruler import SAMPLES, quality, ruler
from engine.stack import stack
from lab.runs import wall

RING = load("ring")


class Witness(Family):
    """It writes down what it is measured on."""

    name, title, Config = "witness", "Witness", Config

    def __init__(self, config, space):
        super().__init__(config, space)
        self.w = nn.Parameter(torch.ones(1))
        self.seen = []

    def turns(self, batch):
        yield self, {"loss": self.w.sum()}

    def sample(self, n, y=None):
        self.seen.append(("sample", n, y))
        return RING.x[:n]

    def signs(self, x, y=None):
        self.seen.append(("signs", x, y))
        return {"pull": 1.0}

    def evaluate(self, x, y=None):
        self.seen.append(("test", x, y))
        return {"test": 2.0}


def test_signs_are_of_training_examples_and_tests_of_others_with_their_labels():
    model = Witness(Config(), RING.space)
    row = observe(model, RING)
    signs, test, sample = model.seen
    assert (signs[0], test[0], sample) == ("signs", "test", ("sample", SAMPLES, None))
    for (_, x, y), (given, labels), n in (
        (signs, (RING.x, RING.y), 128), (test, (RING.test_x, RING.test_y), 64),
    ):  # fmt: skip
        index = torch.arange(n) * len(given) // n
        assert torch.equal(x, given[index])
        assert torch.equal(y, labels[index])
    scores, shares = ruler(RING).look(RING.x[:SAMPLES])
    assert row == {**scores, "pull": 1.0, "test": 2.0, SHARES: [round(s, 4) for s in shares.tolist()]}
    assert list(row)[: len(scores)] == list(scores), "quality comes first"


def test_held_out_asks_for_as_many_as_told():
    model = Witness(Config(), RING.space)
    assert held_out(model, RING, 7) == {"test": 2.0}
    assert len(model.seen[0][1]) == 7


def test_quality_measures_as_many_samples_as_its_ruler_has():
    model = Witness(Config(), RING.space)
    assert quality(model, RING, 300) == ruler(RING, 300).measure(RING.x[:300])
    assert model.seen == [("sample", 300, None)]
    assert quality(model, load("digits")) == {}


def test_what_a_subject_measures_replaces_what_the_family_measures(monkeypatch):
    model = Witness(Config(), RING.space)

    def near(one, data):
        assert not torch.is_grad_enabled()
        assert (one, data) == (model, RING)
        return {"test": 3.0, "own": [1.0]}

    near.__module__ = "engine.coins.measures"
    monkeypatch.setattr(measuring, "serving", lambda *how: [near])
    row = observe(model, RING)
    assert (row["test"], row["own"]) == (3.0, [1.0])

    def lost(one, data):
        return {}["test"]

    lost.__module__ = "engine.coins.measures"
    monkeypatch.setattr(measuring, "serving", lambda *how: [lost])
    (why,) = observe(model, RING)[LEFT_OUT]
    assert why.startswith("What measures.py of coins has could not be measured: KeyError")


SMALL = {"width_G": 8, "width_D": 8, "width": 8, "batch": 12, "depth": 1}
WALLS = {
    "gan": [{"lr_D": 1e-2}, {"lr_G": 1e-2}, {}],
    "cgan": [{"lr_D": 1e-2}, {}],
    "vae": [{"beta": 0.5}, {"beta": 2.0}],
}


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("name", WALLS)
def test_a_members_row_is_the_row_of_the_same_model_alone(name):
    """With the same noise: no sum over members, no other member, no other number of draws or samples."""
    family = find(name)
    small = {k: v for k, v in SMALL.items() if k in family.Config.model_fields}
    configs = [family.configure(RING.space, small | own) for own in WALLS[name]]
    seeds = list(range(len(configs)))
    stacked = stack(family, configs, RING.space, seeds)
    with torch.no_grad():
        for weight in stacked.parameters():  # members that differ, and that are not as they began
            weight += 0.3 * torch.randn_like(weight)
    torch.manual_seed(4)
    rows = wall.observe(stacked, RING)
    assert rows
    for i, config in enumerate(configs):
        alone = family(config, RING.space)
        alone.load_state_dict({k: t[i] for k, t in stacked.state_dict().items() if k != "_extra_state"})
        torch.manual_seed(4)
        row = observe_like_a_wall(alone)
        assert row.keys() == rows.keys()
        for measure, values in rows.items():
            assert len(values) == len(configs)
            assert values[i] == pytest.approx(row[measure], rel=1e-6, abs=1e-9), measure


def observe_like_a_wall(model):
    """What `observe` says of a model alone, without its signs, which a wall does not measure."""
    told = {k: v for k, v in held_out(model, RING).items() if not isinstance(v, list)}
    return told | quality(model, RING)


def test_the_mean_of_a_term_is_over_its_turns():
    assert wall.mean(torch.tensor(6.0), 4) == 1.5
    assert wall.mean(torch.tensor([6.0, math.nan, math.inf, 1.0]), 2) == [3.0, None, None, 0.5]


def test_members_are_counted_row_by_row_and_each_keeps_its_own_values():
    axes = {"lr_D": [1e-3, 1e-2], "lr_G": [1e-4, 1e-5, 1e-1]}
    pairs = [(one["lr_D"], one["lr_G"]) for one in wall.members(axes)]
    assert pairs == [(a, b) for a in axes["lr_D"] for b in axes["lr_G"]]
    gan = find("gan")
    base = gan.configure(RING.space, {"k": 2})
    configs, seeds = wall.check(gan, RING.space, base, {"seed": [5, 3], "lr_D": [0.1, 0.01]})
    assert seeds == [5, 5, 3, 3]
    assert [config.lr_D for config in configs] == [0.1, 0.01, 0.1, 0.01]
    assert all(config.k == 2 for config in configs)
    assert wall.check(gan, RING.space, base, {"lr_D": [0.1]})[1] == [-1]
