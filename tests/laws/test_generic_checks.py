"""The laws of the Check tab that hold for every family: a sound model keeps each, a broken one breaks it."""

import itertools
import math

import pytest
import torch
from torch import nn

from engine.checks import Check, gap, measure, slope_gap, trespass, unrepeatable
from engine.config import Config, Refused, knob
from engine.data import load
from engine.family import Family
from engine.fit import fit
from engine.space import Line, Picture, Plane, Space

DATA = load("moons")
COUNT = itertools.count()


class Rates(Config):
    batch: int = knob(4, 1, 8, says="examples")
    lr: float = knob(0.1, 0, 1, says="learning rate")


class Sound(Family):
    """a descends E|x - a|^2 and then b descends E|a - b|^2, by gradient descent."""

    name, title, Config, players = "sound", "Sound", Rates, ("a", "b")

    def __init__(self, config, space):
        super().__init__(config, space)
        self.a, self.b = (nn.Linear(1, 2, bias=False) for _ in "ab")

    def turns(self, batch):
        yield self.a, {"a": (batch.x - self.a.weight[:, 0]).square().sum(1).mean()}
        yield self.b, {"b": (self.a.weight.detach() - self.b.weight).square().sum() + self.noise()}

    def noise(self):
        return 0 * torch.randn(())

    def sample(self, n, y=None):
        return torch.zeros(n, 2)

    def optimizer(self, player):
        return torch.optim.SGD(self.player(player).parameters(), self.config.lr)


class Trespasser(Sound):
    """It moves the other player: before a steps (0), after it (2), or after b, at the end (3)."""

    when = 0

    def turns(self, batch):
        for i, turn in enumerate(super().turns(batch)):
            self.move(i == self.when, self.b if i == 0 else self.a)
            yield turn
            self.move(i + 2 == self.when, self.b if i == 0 else self.a)

    @torch.no_grad()
    def move(self, now, other):
        if now:
            other.weight[0].add_(0.25)


class Forgetful(Sound):
    def noise(self):
        return next(COUNT) * self.b.weight.sum()  # no seed gives it back


class Sinking(Forgetful):
    def noise(self):
        return -super().noise()


class Mistaken(Sound):
    """Its gradient is not that of its loss."""

    def turns(self, batch):
        a = self.a.weight[:, 0]
        yield self.a, {"a": ((batch.x - a).detach() * (batch.x - a)).sum(1).mean()}


def model(kind):
    torch.manual_seed(0)
    return kind(Rates(), DATA.space)


def test_a_sound_model_keeps_every_law_and_is_not_changed():
    one = model(Sound)
    before = [weight.clone() for weight in one.parameters()]
    checks = measure(one, DATA)
    assert len(checks) == 2
    assert all(check.holds and not check.why and check.tolerance == 0 for check in checks)
    assert all(map(torch.equal, before, one.parameters()))


def test_a_trespasser_is_found_by_how_far_it_went():
    assert trespass(model(Sound), DATA) == 0
    for Trespasser.when in (0, 2, 3):
        assert trespass(model(Trespasser), DATA) == pytest.approx(0.25)
    assert not measure(model(Trespasser), DATA)[0].holds


def test_a_trespass_on_one_number_is_found_as_well():
    class Sly(Sound):
        def __init__(self, config, space):
            super().__init__(config, space)
            self.b = nn.Linear(1, 2)

        def turns(self, batch):
            for turn in super().turns(batch):
                yield turn
                if turn[0] is self.a:
                    self.b.bias.data[1] -= 0.5

        def noise(self):
            return self.b.bias.square().sum()

    assert trespass(model(Sly), DATA) == pytest.approx(0.5)


def test_a_training_that_cannot_be_repeated_is_found():
    assert unrepeatable(model(Sound), DATA) == 0
    assert min(unrepeatable(model(kind), DATA) for kind in (Forgetful, Sinking)) > 0.1
    assert not measure(model(Forgetful), DATA)[1].holds


def test_a_gradient_of_another_loss_is_found():
    x = DATA.x[:8].double()
    assert slope_gap(model(Sound).double(), x, None) < 1e-6
    assert slope_gap(model(Mistaken).double(), x, None) > 0.1


class Many(Mistaken):
    """A thousand weights, of which another thousand say nothing, and a loss that is large or small."""

    scale, constant = 1.0, 0.0

    def __init__(self, config, space):
        super().__init__(config, space)
        self.a = nn.Linear(1, 1000, bias=False)
        self.a.spare = nn.Parameter(torch.ones(1000))

    def turns(self, batch):
        a = self.a.weight
        yield self.a, {"a": self.scale * (self.wrong(a) * a).sum(), "constant": self.constant + 0 * a.sum()}

    def wrong(self, a):
        return a.detach()  # half of the gradient is lost


class Sane(Many):
    def wrong(self, a):
        return a


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_a_gradient_is_measured_relative_to_itself(scale, monkeypatch):
    """A gradient that is half of the slope is off by itself, along its own direction."""
    monkeypatch.setattr(Many, "scale", scale)
    x = DATA.x[:8].double()
    assert slope_gap(model(Many).double(), x, None) == pytest.approx(1, abs=0.1)
    assert slope_gap(model(Sane).double(), x, None) < 1e-5


@pytest.mark.parametrize(
    ("scale", "constant"), [(0.0, 0.0), (0.0, 1e6), (1e-8, 1e6), (1e-8, -1e6), (1e-8, 1.0)]
)
def test_rounding_of_a_large_loss_is_no_wrong_gradient(scale, constant, monkeypatch):
    monkeypatch.setattr(Many, "scale", scale)
    monkeypatch.setattr(Many, "constant", constant)
    assert 0 <= slope_gap(model(Sane).double(), DATA.x[:8].double(), None) < 1e-4


def test_the_laws_of_training_are_measured_over_as_many_rounds_as_they_say():
    class Counted(Sound):
        rounds = []

        def turns(self, batch):
            self.rounds.append((batch.round, len(batch.x)))
            return super().turns(batch)

    trespass(model(Counted), DATA)
    assert Counted.rounds == [(0, 4)]
    Counted.rounds.clear()
    unrepeatable(model(Counted), DATA, rounds=2)
    assert Counted.rounds == [(0, 4), (1, 4)] * 2


def test_the_slope_leaves_the_weights_where_they_were():
    one = model(Sound).double()
    before = one.a.weight.clone()
    slope_gap(one, DATA.x[:8].double(), None)
    assert torch.equal(one.a.weight, before)


def test_a_gap_is_the_largest_difference_relative_to_the_second():
    assert gap(torch.tensor([1.0, 3.0]), torch.tensor([1.5, 1.0])) == pytest.approx(2 / 2.5)
    assert gap(torch.tensor([1.0]), torch.tensor([1.0])) == 0
    assert gap(torch.tensor([-1.0]), torch.tensor([-3.0])) == pytest.approx(2 / 4)
    assert gap(torch.tensor([math.nan]), torch.tensor([1.0])) == math.inf
    assert gap(torch.tensor([1.0]), torch.tensor([math.inf])) == math.inf


def test_a_check_holds_up_to_its_tolerance():
    assert Check("", 1.0, 1.0).holds
    assert not Check("", 1.01, 1.0).holds
    assert not Check("", math.nan, 1.0).holds


# --- the loop ------------------------------------------------------------------------------------


def test_a_round_descends_what_its_batch_says_and_terms_are_those_before_the_step():
    one = model(Sound)
    a, x = one.a.weight[:, 0].detach().clone(), DATA.batch(4, 0, 0).x
    first, second = fit(one, [DATA.batch(4, 0, 0)])
    assert first.terms["a"].item() == pytest.approx((x - a).square().sum(1).mean().item())
    torch.testing.assert_close(one.a.weight[:, 0], a + 0.1 * 2 * (x.mean(0) - a))
    assert not any(term.requires_grad for turn in (first, second) for term in turn.terms.values())


def test_a_player_without_an_optimizer_only_tells_its_terms():
    one = model(Sound)
    one.optimizer = lambda player: None if player == "a" else torch.optim.SGD(one.b.parameters(), 0.1)
    a, b = one.a.weight.clone(), one.b.weight.clone()
    assert [turn.player for turn in fit(one, [DATA.batch(4, 0, 0)])] == ["a", "b"]
    assert torch.equal(one.a.weight, a)
    assert not torch.equal(one.b.weight, b)


# --- what every family has -------------------------------------------------------------------------


def test_what_a_family_need_not_say():
    class Plain(Family):
        def turns(self, batch): ...
        def sample(self, n, y=None):
            return torch.zeros(n, 2)

    one = Plain(Rates(), DATA.space)
    assert (one.players, one.kinds, one.recipes) == (("model",), (Line, Plane, Picture), {})
    assert (one.heavy, one.labelled, one.conditional, one.members) == (False, False, False, 0)
    assert one.algorithm == one.stackable == one.stacked == one.draws == ()
    assert one.like == {"device": torch.device("cpu"), "dtype": torch.float32}  # without a weight
    assert (one.player("model"), one.signs(DATA.x), one.evaluate(DATA.x)) == (one, {}, {})
    one.register_buffer("met", torch.zeros((), dtype=torch.int64))
    one.register_buffer("mean", torch.zeros((), dtype=torch.float64))
    assert one.like["dtype"] == torch.float64  # of the first buffer of real numbers
    one.weight = nn.Parameter(torch.zeros(2))
    assert one.like["dtype"] == torch.float32
    (group,) = one.optimizer("model").param_groups
    assert (group["lr"], group["betas"], group["fused"]) == (0.1, (0.9, 0.999), True)


def test_labels_examples_and_devices_of_a_family():
    one = Sound(Rates(), Space.of((2,), 3))
    assert one.labels(7).tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert Sound(Rates(), one.space).to("meta").labels(7).device.type == "meta"
    assert one.hot(torch.tensor([2, 0])).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert one.hot(torch.tensor([2, 0])).dtype == torch.float32
    assert one.count(torch.zeros(5, 2)) == 5
    assert one.count(torch.zeros(4, 5, 2)) == 5
    assert one.double().like == {"device": torch.device("cpu"), "dtype": torch.float64}
    assert one.known(torch.tensor([1])).tolist() == [1]
    with pytest.raises(Refused, match="Sound needs data with labels"):
        one.known(None)
    (step,) = one.walk(4)
    assert (step.t, step.x.shape) == (0, (4, 2))


def test_a_recipe_is_of_the_nearest_kind_and_then_of_the_data():
    class Cook(Sound):
        recipes = {"vectors": {"lr": 0.2, "batch": 3}, "points": {"lr": 0.3}, "moons": {"lr": 0.5}}

    assert Cook.configure(Space.of((2,))).lr == 0.3
    assert Cook.configure(Space.of((2,))).batch == 4, "the nearest kind alone"
    assert Cook.configure(Space.of((1,))).lr == 0.2
    assert Cook.configure(Space.of((2,), 0, "moons")).lr == 0.5
    assert Cook.configure(Space.of((2,), 0, "moons"), {"lr": 0.7}).lr == 0.7
