"""Laws of the GAN (Goodfellow et al., 2014)."""

import math

import pytest
import torch
from torch import nn

from engine.config import Refused
from engine.family import Batch
from engine.fit import fit
from engine.gan.gan import GAN
from engine.gan.losses import discriminator_terms, generator_terms
from engine.space import Space

pytestmark = pytest.mark.usefixtures("double")

LINE = Space.of((1,))


def batch(x: torch.Tensor) -> Batch:
    return Batch(0, x, None, lambda: batch(x))


@pytest.mark.parametrize(
    "atoms",
    [
        [[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]],
        [[0.2, 0.3, 0.5], [0.2, 0.3, 0.5]],  # a perfect generator: the loss is log 4
        [[0.998, 0.001, 0.001], [0.001, 0.001, 0.998]],  # nearly apart: the loss is nearly 0
    ],
)
def test_with_the_best_discriminator_the_loss_is_log_4_minus_two_jsd(atoms):
    p, g = torch.tensor(atoms)
    logit = (p / g).log()  # D* = p / (p + g)
    # minibatches that hold each atom in proportion to its probability make the means exact
    real, fake = (logit.repeat_interleave((atom * 1000).round().long()) for atom in (p, g))
    loss = sum(t.item() for t in discriminator_terms(real, fake, "minimax").values())
    jsd = sum((q * (2 * q / (p + g)).log()).sum().item() for q in (p, g)) / 2
    assert loss == pytest.approx(math.log(4) - 2 * jsd, abs=1e-12)


def test_at_equilibrium_the_loss_is_log_4():
    half = torch.zeros(10)  # D = 1/2 everywhere
    assert math.isclose(sum(t.item() for t in discriminator_terms(half, half).values()), math.log(4))


def test_no_discriminator_beats_the_best_one_on_atoms():
    """Gradient descent over D's logits, not a formula, finds p / (p + g)."""
    p, g = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.1, 0.3, 0.6])
    logit = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [logit], max_iter=200, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )
    real, fake = (torch.repeat_interleave(torch.arange(3), (q * 10).round().long()) for q in (p, g))

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        total = torch.stack(list(discriminator_terms(logit[real], logit[fake]).values())).sum()
        total.backward()
        return total

    optimizer.step(loss)
    torch.testing.assert_close(logit.sigmoid(), p / (p + g), atol=1e-6, rtol=0)


def test_losses_from_logits_equal_losses_from_probabilities():
    a = torch.linspace(-15, 15, 61)
    D = a.sigmoid()
    for loss in ("minimax", "non-saturating"):
        told = [t.item() for t in discriminator_terms(a, a, loss).values()]
        assert told == pytest.approx([-D.log().mean().item(), -(1 - D).log().mean().item()], rel=1e-9)


def test_the_gradients_have_the_ratio_that_theory_gives():
    a = torch.linspace(-15, 15, 61, requires_grad=True)
    minimax, other = (
        torch.autograd.grad(sum(generator_terms(a, loss).values()), a)[0]
        for loss in ("minimax", "non-saturating")
    )
    D = a.detach().sigmoid()
    torch.testing.assert_close(other / minimax, (1 - D) / D, rtol=1e-8, atol=0)


def test_the_gradients_point_the_same_way_and_only_the_minimax_one_fades():
    sure_of_a_fake = torch.tensor([-12.0], requires_grad=True)
    minimax, other = (
        torch.autograd.grad(sum(generator_terms(sure_of_a_fake, loss).values()), sure_of_a_fake)[0].item()
        for loss in ("minimax", "non-saturating")
    )
    assert minimax < 0 > other
    assert math.isclose(minimax, -1 / (1 + math.exp(12)), rel_tol=1e-9)  # -D
    assert math.isclose(other, -1 / (1 + math.exp(-12)), rel_tol=1e-9)  # -(1 - D)


def test_the_turns_charge_the_losses_of_algorithm_1():
    """V by brute force from probabilities, with the same noise."""
    model = GAN(GAN.configure(LINE, {"k": 2}), LINE)
    x = torch.randn(8, 1)
    torch.manual_seed(1)
    seen = [{k: v.item() for k, v in terms.items()} for _, terms in model.turns(batch(x))]
    torch.manual_seed(1)
    for turn in range(2):
        z = torch.randn(8, model.config.z)
        real = model.D(x).sigmoid().log().mean().item()
        fake = (1 - model.D(model.G(z)).sigmoid()).log().mean().item()
        assert seen[turn] == pytest.approx({"-E[log D(x)]": -real, "-E[log(1 - D(G(z)))]": -fake})
    z = torch.randn(8, model.config.z)
    assert seen[2] == pytest.approx({"-E[log D(G(z))]": -model.D(model.G(z)).sigmoid().log().mean().item()})


@pytest.mark.parametrize("k", [1, 3])
def test_d_takes_k_turns_each_on_fresh_data_for_each_turn_of_g(k):
    model = GAN(GAN.configure(LINE, {"k": k}), LINE)
    given = []

    def fresh(i: int) -> Batch:
        given.append(i)
        return Batch(0, torch.full((4, 1), float(i)), None, lambda: fresh(i + 1))

    players = [turn.player for turn in fit(model, [fresh(0)])]
    assert players == ["D"] * k + ["G"]
    assert given == list(range(k))


def test_the_noise_follows_its_distribution():
    for noise, spread in (("Gaussian", 1.0), ("uniform", 1 / math.sqrt(3))):
        z = GAN(GAN.configure(LINE, {"noise": noise, "z": 2}), LINE).p_z(100_000)
        assert abs(z.mean().item()) < 0.01
        assert abs(z.std().item() - spread) < 0.01
        assert noise == "Gaussian" or z.abs().max() <= 1


def test_pictures_are_flat_for_d_and_within_the_range_of_pixels():
    space = Space.of((1, 28, 28))
    model = GAN(GAN.configure(space), space)
    assert isinstance(model.G[1], nn.Tanh)
    assert model.sample(3).shape == (3, 1, 28, 28)
    assert model.config.z == 100


def test_a_knob_out_of_range_is_refused_with_its_range():
    with pytest.raises(Refused, match=r"lr_D \(learning rate of D\) is 2.0; it must be in \[1e-05, 1\]"):
        GAN.configure(LINE, {"lr_D": 2.0})
    with pytest.raises(Refused, match="no knob 'momentum'"):
        GAN.configure(LINE, {"momentum": 1})
    with pytest.raises(Refused, match="one of non-saturating, minimax, least squares"):
        GAN.configure(LINE, {"loss": "cosine"})
