"""Laws of the moving average of weights."""

import pytest
import torch
from torch import nn

from engine.average import Averaged
from engine.config import Config, knob
from engine.data import load
from engine.families import find
from engine.fit import fit
from engine.space import Space

pytestmark = pytest.mark.usefixtures("double")


class Decay(Config):
    ema: float = knob(0.9, 0, 0.9999, says="decay of the average", live=True)


class Follower(Averaged):
    name, Config = "follower", Decay

    def __init__(self, config: Config, space: Space) -> None:
        super().__init__(config, space)
        self.net = nn.Linear(2, 1)
        self.watch(self.net)

    def turns(self, batch):
        yield self.net, {}

    def sample(self, n, y=None):
        return torch.zeros(n, 1)


@pytest.mark.parametrize("ema", [0.0, 0.3, 0.9, 0.9999])
def test_the_average_decays_by_ema_and_faster_at_first(ema):
    one = Follower(Decay(ema=ema), Space.of((1,)))
    expected = one.net.weight.detach().clone()
    assert torch.equal(one.average.weight, expected)
    for t in range(1, 40):
        with torch.no_grad():
            one.net.weight.normal_()
        one.follow(one.net)
        kept = min(ema, (1 + t) / (10 + t))
        expected = kept * expected + (1 - kept) * one.net.weight.detach()
        torch.testing.assert_close(one.average.weight.detach(), expected, rtol=1e-12, atol=1e-12)
    assert one.rounds == 39


def test_the_average_is_another_net_that_nobody_trains_and_that_is_stored():
    one = Follower(Decay(), Space.of((1,)))
    assert one.average is not one.net
    assert not any(weight.requires_grad for weight in one.average.parameters())
    assert all(weight.requires_grad for weight in one.net.parameters())
    assert {"average.weight", "average.bias", "rounds"} <= set(one.state_dict())


def test_a_changed_decay_counts_from_the_next_round():
    one = Follower(Decay(ema=0.9), Space.of((1,)))
    one.rounds.fill_(10_000)
    with torch.no_grad():
        one.net.weight.fill_(1.0)
        one.average.weight.fill_(0.0)
    one.config = Decay(ema=0.25)
    one.follow(one.net)
    assert one.average.weight.tolist() == [[0.75, 0.75]]


@pytest.mark.parametrize("name", ["ddpm", "flow-matching"])
def test_a_round_follows_the_weights_after_their_step_and_samples_come_from_the_average(name):
    data, family = load("ring"), find(name)
    torch.manual_seed(0)
    model = family(family.configure(data.space, {"ema": 0.5, "width": 8, "depth": 1}), data.space)
    for round in range(1, 4):
        before = model.average.state_dict()
        before = {key: value.clone() for key, value in before.items()}
        list(fit(model, [data.batch(8, 0, round)]))
        kept = min(0.5, (1 + round) / (10 + round))
        for key, weight in model.net.named_parameters():
            expected = kept * before[key] + (1 - kept) * weight.detach()
            torch.testing.assert_close(model.average.state_dict()[key], expected, rtol=1e-9, atol=1e-12)
    torch.manual_seed(1)
    drawn = model.sample(5)
    with torch.no_grad():
        for weight in model.net.parameters():
            weight.zero_()
    torch.manual_seed(1)
    assert torch.equal(model.sample(5), drawn)
