"""A D that judges examples together: whole packs, in any company, of however few examples; and beliefs."""

import itertools
import math

import pytest
import torch

from engine.gan.base import D_FAKE, D_REAL, PULL, Discriminator
from engine.gan.gan import GAN
from engine.gan.losses import BELIEVING, LOSSES, belief, curves, pull, score_of
from engine.space import Space
from tests.laws.gan import by_hand

pytestmark = pytest.mark.usefixtures("double")

PLANE = Space.of((2,))


def gan(space: Space = PLANE, **knobs) -> GAN:
    torch.manual_seed(0)
    return GAN(GAN.configure(space, {"width_G": 6, "width_D": 6} | knobs), space)


@pytest.mark.parametrize("diversity", ["none", "minibatch std", "packing"])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 700])
def test_any_number_of_examples_has_a_belief_each(diversity, n):
    """Also none at all, and more than the 512 fakes beside which each is judged."""
    model = gan(diversity=diversity)
    told = model.belief(torch.randn(n, 2))
    assert told.shape == (n,)
    assert ((told > 0) & (told < 1)).all()


def test_a_d_without_remedies_has_plain_layers_and_judges_each_example_alone():
    D, x = Discriminator((2, 3), 7, 2), torch.randn(5, 2, 3)
    assert not D.in_company
    assert by_hand.net(D).norms == [None] * 3
    torch.testing.assert_close(D(x), by_hand.net(D)(x.flatten(1))[:, 0])
    assert torch.equal(D(x, torch.randn(4, 2, 3)), D(x)), "company changes nothing"


@pytest.mark.parametrize("pack", [2, 3, 4])
@pytest.mark.parametrize(("n", "m"), [(0, 5), (1, 4), (3, 7), (5, 2), (4, 4)])
def test_each_example_is_packed_with_others_of_its_company_in_turn(n, m, pack):
    D = Discriminator((2,), 6, 1, pack=pack)
    x, beside = torch.randn(n, 2), torch.randn(m, 2)
    turn = itertools.cycle(beside)
    packs = [torch.cat([one, *(next(turn) for _ in range(pack - 1))]) for one in x]
    packs = torch.stack(packs) if n else torch.zeros(0, 2 * pack)
    torch.testing.assert_close(D(x, beside), by_hand.net(D)(packs)[:, 0])


@pytest.mark.parametrize("pack", [2, 3, 4])
def test_packs_are_of_neighbours_and_who_is_left_over_is_in_none(pack):
    D = Discriminator((2,), 6, 1, pack=pack)
    x = torch.randn(13, 2)
    packs = torch.stack([x[i : i + pack].flatten() for i in range(0, 13 - pack + 1, pack)])
    torch.testing.assert_close(D(x), by_hand.net(D)(packs)[:, 0])
    torch.testing.assert_close(D(torch.stack([x, 2 * x])), torch.stack([D(x), D(2 * x)]))
    assert D.in_company


@pytest.mark.parametrize("alone", [False, True])
def test_a_d_of_packs_may_see_the_spread_of_the_minibatch_as_well(alone):
    """The spread is that of all that is judged or, where each x is judged alone, of its company."""
    D, x, others = Discriminator((2,), 6, 1, pack=2, spread=True), torch.randn(8, 2), torch.randn(7, 2)
    company = others if alone else x
    spread = (company.var(0, correction=0) + 1e-8).sqrt()
    packs = torch.cat([x, others[torch.arange(8) % 7]] if alone else [x[0::2], x[1::2]], 1)
    expected = by_hand.net(D)(torch.cat([packs, spread.expand(len(packs), -1)], 1))[:, 0]
    torch.testing.assert_close(D(x, others if alone else None), expected)


@pytest.mark.parametrize("diversity", ["none", "minibatch std", "packing", "unrolling"])
def test_a_critics_belief_of_each_is_measured_from_the_mean_score_of_fakes_as_they_come(diversity):
    """Fakes are scored as D scores them in training, in packs and in company; each x in company of fakes."""
    model, x = gan(loss="Wasserstein", diversity=diversity), torch.randn(9, 2)
    torch.manual_seed(3)
    told = model.belief(x)
    torch.manual_seed(3)
    fakes = model.G(model.p_z(512))
    alone = model.D(x, fakes if model.D.in_company else None)
    torch.testing.assert_close(told, (alone - model.D(fakes).mean()).sigmoid())


@pytest.mark.parametrize("how", [{"pack": 2}, {"pack": 3}, {"spread": True}])
def test_pictures_are_judged_as_their_numbers_in_a_row(how):
    D, x, beside = Discriminator((1, 3, 4), 6, 1, **how), torch.randn(6, 1, 3, 4), torch.randn(9, 1, 3, 4)
    flat = Discriminator((12,), 6, 1, **how)
    flat.load_state_dict(D.state_dict())
    assert torch.equal(D(x, beside), flat(x.flatten(1), beside.flatten(1)))
    assert torch.equal(D(torch.stack([x, -x])), flat(torch.stack([x, -x]).flatten(2)))


def test_a_batch_all_alike_has_a_spread_near_0_and_a_slope():
    """Karras et al. add 1e-8 to the variance: the root of 0 has no slope."""
    D = Discriminator((2,), 6, 1, spread=True)
    x = torch.ones(5, 2, requires_grad=True)
    torch.testing.assert_close(D(x), by_hand.net(D)(torch.cat([x, x * 0 + 1e-4], 1))[:, 0], rtol=0, atol=1e-9)
    assert torch.autograd.grad(D(x).sum(), x)[0].isfinite().all()


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_the_signs_of_few_rows_are_of_whole_packs(rows):
    """The gradient at a fake is the mean over fakes that D judges: a fake without a pack has none."""
    model = gan(diversity="packing")
    x = torch.randn(rows, 2)
    torch.manual_seed(3)
    told = model.signs(x)
    torch.manual_seed(3)
    fake = model.G(model.p_z(rows + rows % 2)).detach().requires_grad_()
    (slope,) = torch.autograd.grad(LOSSES["non-saturating"].G(model.D(fake)).sum(), fake)
    assert told[PULL] == pytest.approx(slope.norm(dim=1).mean().item())
    assert 0 < told[D_REAL] < 1


@pytest.mark.parametrize("loss", LOSSES)
def test_the_signs_of_a_game_are_its_own(loss):
    model, x = gan(loss=loss), torch.randn(5, 2)
    torch.manual_seed(3)
    told = model.signs(x)
    torch.manual_seed(3)
    fake = model.G(model.p_z(5)).detach().requires_grad_()
    (slope,) = torch.autograd.grad(LOSSES[loss].G(model.D(fake)).sum(), fake)
    expected = {PULL: slope.norm(dim=1).mean().item()}
    if loss != "Wasserstein":
        D = (lambda a: a.clamp(0, 1)) if loss == "least squares" else torch.sigmoid
        expected |= {D_REAL: D(model.D(x)).mean().item(), D_FAKE: D(model.D(fake)).mean().item()}
    assert told == pytest.approx(expected)


def test_the_curves_of_the_losses_are_the_losses():
    for loss, (D, L, slope) in curves(99).items():
        assert pytest.approx([i / 100 for i in range(1, 100)]) == D
        value, steep = {
            "minimax": (lambda D: math.log(1 - D), lambda D: D),
            "non-saturating": (lambda D: -math.log(D), lambda D: 1 - D),
            "least squares": (lambda D: (D - 1) ** 2 / 2, lambda D: 1 - D),
            "hinge": (lambda D: -math.log(D / (1 - D)), lambda D: 1),
        }[loss]
        assert L.tolist() == pytest.approx([value(one) for one in D])
        assert slope.tolist() == pytest.approx([steep(one) for one in D])
    assert (*curves(3),) == BELIEVING


def test_a_score_and_its_belief_are_inverse_to_each_other():
    D = torch.linspace(0.01, 0.99, 50)
    for loss in BELIEVING:
        torch.testing.assert_close(belief(score_of(D, loss), loss), D)
        assert pull(D, loss).shape == D.shape
        sure = torch.tensor([0.0, 1.0])
        torch.testing.assert_close(belief(score_of(sure, loss), loss), sure, atol=1e-5, rtol=0)
        assert score_of(sure, loss).isfinite().all()
    a = torch.tensor([-1.0, 0.3, 2.0])
    assert belief(a, "least squares").tolist() == [0, 0.3, 1]
    torch.testing.assert_close(belief(a, "Wasserstein", 0.3), torch.sigmoid(a - 0.3))
