"""Laws of the training loop."""

from itertools import islice

import pytest
import torch
from torch import nn

from engine.config import Config, knob
from engine.data import batches, load
from engine.family import Batch, Family
from engine.fit import fit, optimizers_of, retune
from engine.space import Space

pytestmark = pytest.mark.usefixtures("double")


class TwoPlayersConfig(Config):
    lr: float = knob(0.1, 0, 1, says="learning rate", live=True)


class TwoPlayers(Family):
    """a descends (a - b)^2 and b descends (b - 3)^2 + (a - b)^2, by plain gradient descent."""

    name, Config, players = "two", TwoPlayersConfig, ("a", "b")

    def __init__(self, config: Config, space: Space) -> None:
        super().__init__(config, space)
        self.a, self.b = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        self.after = []

    def turns(self, batch):
        yield self.a, {"near": (self.a.weight - self.b.weight).pow(2).sum()}
        self.after.append(self.a.weight.item())
        yield (
            self.b,
            {"three": (self.b.weight - 3).pow(2).sum(), "near": (self.a.weight - self.b.weight).pow(2).sum()},
        )

    def sample(self, n, y=None):
        return torch.zeros(n, 1)

    def optimizer(self, player):
        return torch.optim.SGD(self.player(player).parameters(), self.config.lr)


def model() -> TwoPlayers:
    return TwoPlayers(TwoPlayersConfig(), Space.of((1,)))


def blank(n: int) -> list[Batch]:
    return [Batch(i, torch.zeros(1, 1), None, lambda: None) for i in range(n)]


def test_n_rounds_asked_for_are_n_rounds_made_each_player_once_and_in_order():
    made = list(fit(model(), blank(5)))
    assert [(t.round, t.player) for t in made] == [(r, p) for r in range(5) for p in "ab"]


def test_stopping_after_n_turns_has_made_n_steps():
    one = model()
    a, b = one.a.weight.item(), one.b.weight.item()
    list(islice(fit(one, blank(9)), 1))
    assert one.a.weight.item() == pytest.approx(a - 0.1 * 2 * (a - b))
    assert one.b.weight.item() == b


def test_a_step_descends_the_sum_of_the_terms_and_the_next_player_sees_it():
    one = model()
    a, b = one.a.weight.item(), one.b.weight.item()
    list(fit(one, blank(1)))
    a -= 0.1 * 2 * (a - b)
    b -= 0.1 * (2 * (b - 3) - 2 * (a - b))
    assert (one.a.weight.item(), one.b.weight.item()) == pytest.approx((a, b))
    assert one.after == [pytest.approx(a)]  # what follows a yield runs after the step


def test_other_players_are_neither_stepped_nor_charged():
    one = model()
    b = one.b.weight.item()
    next(iter(fit(one, blank(1))))
    assert one.b.weight.item() == b
    assert one.b.weight.grad is None


def test_a_weight_that_no_term_asks_for_stays_as_it_is():
    one = model()
    one.a.spare = nn.Parameter(torch.ones(2))
    list(fit(one, blank(2)))
    assert one.a.spare.tolist() == [1, 1]
    assert one.a.spare.grad is None
    assert one.a.weight.grad is not None


def test_a_weight_that_a_term_asks_for_no_more_stays_where_it_was():
    one = model()
    one.a.spare = nn.Parameter(torch.ones(1))
    turns = one.turns

    def asking(batch):
        for player, terms in turns(batch):
            yield player, terms | ({"spare": one.a.spare.sum()} if batch.round == 0 else {})

    one.turns = asking
    list(fit(one, blank(1)))
    moved = one.a.spare.item()
    assert moved == pytest.approx(0.9)
    list(fit(one, blank(2)[1:], {"a": torch.optim.SGD(one.a.parameters(), 0.1)}))
    assert one.a.spare.item() == moved


@pytest.mark.parametrize("trained", ["", "a", "b", "ab"])
def test_only_players_with_an_optimizer_step_and_all_tell_their_terms(trained):
    one = model()
    before = {name: one.player(name).weight.item() for name in "ab"}
    optimizers = {name: one.optimizer(name) for name in trained}
    assert [turn.player for turn in fit(one, blank(2), optimizers)] == ["a", "b"] * 2
    assert "".join(name for name in "ab" if one.player(name).weight.item() != before[name]) == trained


def test_who_plays_is_asked_before_each_turn():
    asked, seen = [], []

    def plays(name: str) -> bool:
        asked.append((name, len(seen)))
        return len(asked) % 3 != 0

    for turn in fit(model(), blank(3), plays=plays):
        seen.append((turn.round, turn.player))
    assert asked == [("a", 0), ("b", 1), ("a", 2), ("b", 2), ("a", 3), ("b", 4)]
    assert seen == [(0, "a"), (0, "b"), (1, "b"), (2, "a")]


def test_a_player_that_does_not_play_is_passed_over():
    one = model()
    a = one.a.weight.item()
    assert [t.player for t in fit(one, blank(3), plays=lambda name: name == "b")] == ["b"] * 3
    assert one.a.weight.item() == a


def test_a_live_knob_changes_the_next_step_and_keeps_adams_moments():
    from engine.gan.gan import GAN

    space = Space.of((1,))
    one = GAN(GAN.configure(space), space)
    optimizers = optimizers_of(one)
    list(fit(one, [Batch(0, torch.randn(4, 1), None, lambda: None)], optimizers))
    moment = optimizers["D"].state[next(one.D.parameters())]["exp_avg"].clone()
    retune(one, optimizers, one.config.change({"lr_D": 0.05, "beta1": 0.9}))
    assert optimizers["D"].param_groups[0]["lr"] == 0.05
    assert optimizers["G"].param_groups[0]["betas"][0] == 0.9
    assert optimizers["G"].param_groups[0]["lr"] == one.config.lr_G
    torch.testing.assert_close(optimizers["D"].state[next(one.D.parameters())]["exp_avg"], moment)


def test_the_same_seed_gives_the_same_numbers():
    from engine.gan.gan import GAN

    data, ends = load("moons"), []
    for _ in range(2):
        torch.manual_seed(7)
        one = GAN(GAN.configure(data.space), data.space)
        for _turn in fit(one, islice(batches(data, lambda: 16, seed=7), 5)):
            pass
        ends.append(torch.cat([p.flatten() for p in one.parameters()]))
    assert torch.equal(*ends)
