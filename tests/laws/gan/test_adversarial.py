"""Laws of the games of D against G: losses, penalties, bounds, and what helps against collapse."""

import math
from itertools import islice

import pytest
import torch
from torch import nn

from engine.data import batches, load
from engine.family import Batch
from engine.fit import fit
from engine.gan.base import Discriminator, unrolled
from engine.gan.cgan import CGAN
from engine.gan.gan import GAN
from engine.gan.losses import (
    LOSSES,
    belief,
    discriminator_terms,
    generator_terms,
    gradient_penalty,
    r1,
    total,
)
from engine.nets.layers import SpectralLinear
from engine.space import Space

pytestmark = pytest.mark.usefixtures("double")

PLANE = Space.of((2,))


def batch(x: torch.Tensor, y: torch.Tensor | None = None) -> Batch:
    return Batch(0, x, y, lambda: batch(x, y))


def slope_by_hand(D, x: torch.Tensor) -> torch.Tensor:
    """|grad D| of each example, one backward pass after another."""
    slopes = []
    for one in x:
        one = one[None].clone().requires_grad_()
        (g,) = torch.autograd.grad(D(one).sum(), one)
        slopes.append(g.norm())
    return torch.stack(slopes)


@pytest.mark.parametrize("shape", [(2,), (1, 5, 5)])
def test_penalties_equal_one_backward_pass_an_example(shape):
    D = Discriminator(shape, 16, 2)
    x, fake, eps = torch.randn(6, *shape), torch.randn(6, *shape), torch.rand(6)
    between = torch.stack([e * a + (1 - e) * b for e, a, b in zip(eps, x, fake, strict=True)])
    expected = (slope_by_hand(D, between) - 1).square().mean()
    torch.testing.assert_close(gradient_penalty(D, x, fake, eps), expected)
    torch.testing.assert_close(r1(D, x), slope_by_hand(D, x).square().mean() / 2)


def test_the_gradient_of_a_penalty_is_that_of_finite_differences():
    """Double backward: the penalty must pull on D's weights as its own value says."""
    D = nn.Sequential(nn.Linear(2, 8), nn.Softplus(), nn.Linear(8, 1), nn.Flatten(0))
    x, fake, eps = torch.randn(5, 2), torch.randn(5, 2), torch.rand(5)
    weight = D[0].weight
    (g,) = torch.autograd.grad(gradient_penalty(D, x, fake, eps), weight)
    with torch.no_grad():
        ends = []
        for h in (1e-6, -1e-6):
            weight[3, 1] += h
            ends.append(gradient_penalty(D, x, fake, eps).item())
            weight[3, 1] -= h
    assert g[3, 1].item() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6)


def test_with_the_identity_critic_the_wasserstein_loss_of_a_shift_is_the_shift():
    x = torch.randn(1000)
    terms = discriminator_terms(x + 3.5, x, "Wasserstein")
    assert -total(terms).item() == pytest.approx(3.5, abs=1e-12)
    assert generator_terms(x, "Wasserstein")["-E[D(G(z))]"].item() == pytest.approx(-x.mean().item())


@pytest.mark.parametrize("loss", ["minimax", "non-saturating", "least squares"])
@pytest.mark.parametrize("s", [0.0, 0.1, 0.3])
def test_the_best_d_of_each_loss_is_the_share_of_real_ones_told_with_smoothing(loss, s):
    """At one place with real mass p and fake mass g, the best belief is (1 - s) p / (p + g)."""
    p, g = 0.7, 0.2
    a = torch.zeros((), requires_grad=True)
    game = LOSSES[loss]
    optimizer = torch.optim.LBFGS([a], max_iter=100, tolerance_grad=1e-13, tolerance_change=0)

    def objective() -> torch.Tensor:
        optimizer.zero_grad()
        value = p * game.real(a, s) + g * game.fake(a)
        value.backward()
        return value

    optimizer.step(objective)
    assert belief(a.detach(), loss).item() == pytest.approx((1 - s) * p / (p + g), abs=1e-8)


def test_hinge_is_flat_beyond_its_margins_and_slopes_one_within():
    a = torch.tensor([-2.0, -0.5, 0.5, 2.0], requires_grad=True)
    (real,) = torch.autograd.grad(LOSSES["hinge"].real(a, 0).sum(), a)
    (fake,) = torch.autograd.grad(LOSSES["hinge"].fake(a).sum(), a)
    assert real.tolist() == [-1, -1, -1, 0]
    assert fake.tolist() == [0, 1, 1, 1]


def test_critic_weights_are_clipped_after_each_turn_of_the_critic():
    model = GAN(
        GAN.configure(
            PLANE, {"loss": "Wasserstein", "penalty": "weight clipping", "clip": 0.05, "k": 3, "lr_D": 0.1}
        ),
        PLANE,
    )
    turns = fit(model, [batch(torch.randn(16, 2))])
    players = []
    for turn in turns:
        # a turn is seen before what follows its `yield`: the clipping shows at the next turn
        largest = max(p.abs().max().item() for p in model.D.parameters())
        if players:
            assert largest > 0.05 if turn.player == "D" else largest <= 0.05
        players.append(turn.player)
    assert players == ["D", "D", "D", "G"]
    seen = []
    steps = model.turns(batch(torch.randn(16, 2)))
    for player, _ in steps:
        seen.append(max(p.abs().max().item() for p in model.D.parameters()))
        with torch.no_grad():
            next(player.parameters()).add_(1.0)
    assert all(largest <= 0.05 for largest in seen), "each turn met clipped weights"


def test_the_learned_d_on_a_frozen_g_approaches_the_best_one():
    data = load("two-bumps")
    torch.manual_seed(0)
    model = GAN(GAN.configure(data.space, {"lr_D": 3e-3, "batch": 1024, "lr_G": 1e-5}), data.space)
    nn.init.zeros_(model.G[0][0].weight)
    a = 1.2  # G(z) = a z: a Gaussian, whose density is known

    model.G = nn.Sequential(nn.Linear(1, 1))
    with torch.no_grad():
        model.G[0].weight.fill_(a)
        model.G[0].bias.zero_()
    model.D.double()
    for _turn in fit(model, islice(batches(data, lambda: 1024, 0), 1500), plays=lambda p: p == "D"):
        pass
    x = torch.linspace(-2.5, 2.5, 101)
    p = data.target.log_prob(x[:, None]).exp()
    p_g = torch.distributions.Normal(0.0, a).log_prob(x).exp()
    assert model.G[0].weight.item() == a
    gap = (model.D(x[:, None]).sigmoid() - p / (p + p_g)).abs()
    assert gap.mean() < 0.02
    assert gap.max() < 0.08


@pytest.mark.parametrize(("inputs", "outputs"), [(30, 20), (20, 30), (5, 1)])
def test_power_iteration_finds_the_largest_singular_value(inputs, outputs):
    layer = SpectralLinear(inputs, outputs)
    layer.iterate(300)
    largest = torch.linalg.svdvals(layer.weight)[0]
    assert layer.sigma().item() == pytest.approx(largest.item(), rel=1e-4)
    unit = layer.weight / layer.sigma()
    assert torch.linalg.matrix_norm(unit, 2).item() == pytest.approx(1, rel=1e-4)
    x = torch.randn(7, inputs)
    torch.testing.assert_close(layer(x), x @ unit.T + layer.bias)


def test_in_training_one_power_iteration_a_step_keeps_up():
    data = load("ring")
    torch.manual_seed(0)
    model = GAN(GAN.configure(data.space, {"spectral": True, "loss": "hinge"}), data.space)
    for _turn in fit(model, islice(batches(data, lambda: 64, 0), 200)):
        pass
    for layer in model.D.modules():
        if isinstance(layer, SpectralLinear):
            largest = torch.linalg.svdvals(layer.weight)[0].item()
            assert layer.sigma().item() == pytest.approx(largest, rel=0.02)
    slopes = slope_by_hand(model.D, 3 * torch.randn(50, 2))
    assert slopes.max() < 1.05, "D is 1-Lipschitz"


def test_sigma_pulls_on_the_weights_along_the_singular_vectors():
    layer = SpectralLinear(6, 4)
    layer.iterate(500)
    (g,) = torch.autograd.grad(layer.sigma(), layer.weight)
    u, _, v = torch.linalg.svd(layer.weight)
    torch.testing.assert_close(g.abs(), torch.outer(u[:, 0], v[0]).abs(), atol=1e-6, rtol=0)


def test_a_packed_d_judges_pairs_and_takes_nothing_from_other_pairs():
    D = Discriminator((2,), 8, 1, pack=2)
    x = torch.randn(6, 2)
    by_hand = D.net(torch.cat([x[0::2], x[1::2]], 1))[:, 0]
    torch.testing.assert_close(D(x), by_hand)
    torch.testing.assert_close(D(torch.stack([x, x]))[1], by_hand)
    beside = torch.randn(10, 2)
    alone = D(x, beside)
    torch.testing.assert_close(alone, D.net(torch.cat([x, beside[:6]], 1))[:, 0])


def test_the_spread_of_a_batch_reaches_d_and_of_each_batch_its_own():
    D = Discriminator((2,), 8, 1, spread=True)
    x, alike = torch.randn(50, 2), torch.ones(50, 2)
    deviation = x.std(0, correction=0).expand(50, 2)
    by_hand = D.net(torch.cat([x, deviation], 1))[:, 0]
    torch.testing.assert_close(D(x), by_hand, rtol=1e-6, atol=1e-6)
    both = D(torch.stack([x, alike]))
    torch.testing.assert_close(both[0], D(x))
    torch.testing.assert_close(both[1], D(alike))
    by_hand = D.net(torch.cat([alike, deviation], 1))[:, 0]
    torch.testing.assert_close(D(alike, beside=x), by_hand, rtol=1e-6, atol=1e-6)


def test_unrolling_is_descent_and_its_gradient_reaches_g_through_it():
    D = Discriminator((1,), 4, 1)
    D.net[1] = nn.Softplus()  # smooth, so that finite differences hold
    shift = torch.tensor(0.3, requires_grad=True)
    x, z = torch.randn(20, 1), torch.randn(20, 1)

    def objective(D):
        return total(discriminator_terms(D(x), D(z + shift)))

    later = unrolled(D, objective, steps=2, rate=0.1)
    plain = Discriminator((1,), 4, 1)
    plain.net[1] = nn.Softplus()
    plain.load_state_dict(D.state_dict())
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        objective(plain).backward()
        optimizer.step()
    torch.testing.assert_close(later(x), plain(x))

    def fooled(s: torch.Tensor) -> torch.Tensor:
        def objective(D):
            return total(discriminator_terms(D(x), D(z + s)))

        return total(generator_terms(unrolled(D, objective, 2, 0.1)(z + s), "non-saturating"))

    (g,) = torch.autograd.grad(fooled(shift), shift)
    h = 1e-5
    slope = (fooled(shift.detach() + h) - fooled(shift.detach() - h)).item() / (2 * h)
    assert g.item() == pytest.approx(slope, rel=1e-6)


def test_instance_noise_is_on_all_that_d_sees_and_has_its_spread():
    model = GAN(GAN.configure(PLANE, {"noise_x": 0.5}), PLANE)
    noise = model.p_noise(20_000)
    assert noise.shape == (2, 20_000, 2)
    assert noise.std().item() == pytest.approx(0.5, rel=0.02)
    x, z, noise = torch.randn(4, 2), torch.randn(4, 2), torch.randn(2, 4, 2)
    terms = model.D_terms(x, z, None, noise)
    real, fake = model.D(x + noise[0]), model.D(model.G(z) + noise[1])
    assert total(terms).item() == pytest.approx(total(discriminator_terms(real, fake)).item())


def test_both_players_of_the_conditional_gan_are_told_the_label():
    """Its terms by brute force, with one-hot labels put beside the inputs by hand."""
    space = Space.of((2,), 3)
    model = CGAN(CGAN.configure(space), space)
    x, z, y = torch.randn(6, 2), torch.randn(6, 2), torch.tensor([0, 1, 2, 0, 1, 2])
    hot = torch.eye(3)[y]
    fake = model.net(torch.cat([z, hot], 1))
    real_score, fake_score = (model.D.net(torch.cat([one, hot], 1))[:, 0] for one in (x, fake))
    V = real_score.sigmoid().log().mean() + (1 - fake_score.sigmoid()).log().mean()
    assert total(model.D_terms(x, y, z)).item() == pytest.approx(-V.item())
    assert total(model.G_terms(y, z)).item() == pytest.approx(-fake_score.sigmoid().log().mean().item())
    assert not torch.equal(model.G(z, y), model.G(z, (y + 1) % 3))
    torch.testing.assert_close(model.belief(x, y), real_score.sigmoid())


def test_the_best_conditional_d_knows_which_label_belongs_where():
    """On two places with swapped labels only a D that is told the label can win."""
    space = Space.of((1,), 2)
    torch.manual_seed(0)
    model = CGAN(CGAN.configure(space, {"lr_D": 0.01}), space)
    y = torch.tensor([0, 1]).repeat(64)
    x = torch.where(y[:, None] == 0, -1.0, 1.0)
    model.G = lambda z, y: torch.where(y[:, None] == 0, 1.0, -1.0)  # the right places, the wrong labels
    for _turn in fit(model, [batch(x, y)] * 200, plays=lambda p: p == "D"):
        pass
    assert model.belief(x, y).min() > 0.95
    assert model.belief(-x, y).max() < 0.05


def test_a_conditional_gan_without_labels_is_refused():
    with pytest.raises(ValueError, match="needs data with labels"):
        CGAN(CGAN.configure(PLANE), PLANE)


def test_a_perfect_game_ends_at_log_4():
    half = torch.zeros(4)
    assert total(discriminator_terms(half, half, "minimax")).item() == pytest.approx(math.log(4))
