"""Laws of games with labels: what every tool asks of a game, held against one-hot labels put in by hand."""

import pytest
import torch

from engine.config import Refused
from engine.data import load
from engine.gan.base import D_FAKE, D_REAL, PULL
from engine.gan.cgan import CGAN
from engine.gan.checks import measure, slope_gap
from engine.gan.gan import GAN
from engine.gan.losses import LOSSES
from engine.space import Space

pytestmark = pytest.mark.usefixtures("double")

SPACE = Space.of((2,), 3)
LABELS = torch.tensor([2, 0, 0, 1, 2])


def cgan(space: Space = SPACE, **knobs) -> CGAN:
    torch.manual_seed(0)
    return CGAN(CGAN.configure(space, {"width_G": 16, "width_D": 16} | knobs), space)


def drawn(model: CGAN, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """G(z | y) by hand."""
    return model.net(torch.cat([z, torch.eye(model.space.classes)[y]], 1))


def scored(model: CGAN, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """D's score by hand."""
    return model.D.net(torch.cat([x.flatten(1), torch.eye(model.space.classes)[y]], 1))[:, 0]


def noise(model: CGAN, n: int, seed: int = 7) -> torch.Tensor:
    torch.manual_seed(seed)
    return model.p_z(n)


def test_a_fake_is_of_the_label_that_it_is_asked_for_or_of_all_in_turn():
    model, z = cgan(), torch.randn(5, 2)
    torch.testing.assert_close(model.fakes(z, LABELS), drawn(model, z, LABELS))
    torch.testing.assert_close(model.fakes(z), drawn(model, z, torch.tensor([0, 1, 2, 0, 1])))
    z = noise(model, 5)
    for y, asked in ((LABELS, LABELS), (None, torch.tensor([0, 1, 2, 0, 1]))):
        torch.manual_seed(7)
        torch.testing.assert_close(model.sample(5, y), drawn(model, z, asked))


def test_a_score_is_for_the_own_label_of_each_example():
    model, x = cgan(), torch.randn(2, 5, 2)
    by_hand = torch.stack([scored(model, part, LABELS) for part in x])
    torch.testing.assert_close(model.score(x[0], LABELS), by_hand[0])
    torch.testing.assert_close(model.score(x, LABELS), by_hand)
    torch.testing.assert_close(model.value_to_descend(x[0], LABELS), LOSSES["non-saturating"].G(by_hand[0]))
    torch.testing.assert_close(model.belief(x[0], LABELS), by_hand[0].sigmoid())


@pytest.mark.parametrize("shape", [(2,), (1, 3, 4)])
def test_one_label_for_all_is_that_label_for_each(shape):
    space = Space.of(shape, 3)
    model, x, z = cgan(space), torch.randn(5, *shape), torch.randn(5, cgan(space).config.z)
    one, each = torch.tensor(2), torch.full((5,), 2)
    for asked in (model.score, model.belief, model.value_to_descend):
        torch.testing.assert_close(asked(x, one), scores := asked(x, each))
        assert scores.shape == (5,)
    torch.testing.assert_close(model.score(torch.stack([x, -x]), one)[1], model.score(-x, each))
    torch.testing.assert_close(model.fakes(z, one), model.fakes(z, each))


@pytest.mark.parametrize("asked", ["score", "belief", "value_to_descend", "signs"])
def test_what_needs_a_label_is_refused_without_one(asked):
    with pytest.raises(Refused, match="labels"):
        getattr(cgan(), asked)(torch.randn(5, 2))


@pytest.mark.parametrize("y", [LABELS, torch.full((5,), 2), torch.tensor(2)], ids=["own", "alike", "one"])
def test_a_critics_belief_is_measured_from_fakes_each_of_its_own_label(y):
    """Of all labels in turn, whatever label is asked about."""
    model, x = cgan(loss="Wasserstein"), torch.randn(5, 2)
    in_turn = torch.arange(512) % 3
    middle = scored(model, drawn(model, noise(model, 512), in_turn), in_turn).mean()
    torch.manual_seed(7)
    torch.testing.assert_close(model.belief(x, y), (scored(model, x, y.expand(5)) - middle).sigmoid())


def test_the_signs_are_of_real_examples_and_of_fakes_of_the_same_labels():
    model, x = cgan(), torch.randn(5, 2)
    fake = drawn(model, noise(model, 5), LABELS).detach().requires_grad_()
    (pull,) = torch.autograd.grad(LOSSES["non-saturating"].G(scored(model, fake, LABELS)).sum(), fake)
    torch.manual_seed(7)
    assert model.signs(x, LABELS) == pytest.approx(
        {
            D_REAL: scored(model, x, LABELS).sigmoid().mean().item(),
            D_FAKE: scored(model, fake, LABELS).sigmoid().mean().item(),
            PULL: pull.norm(dim=1).mean().item(),
        }
    )


def test_a_turn_draws_fresh_noise_for_each_player_and_the_labels_of_its_own_batch():
    """The losses of a round by hand, from the noise that the seed gives."""
    data = load("ring")
    model = cgan(data.space, k=2)
    batch = data.batch(16, seed=0, round=0)
    second = batch.again()
    torch.manual_seed(3)
    seen = [sum(term.item() for term in terms.values()) for _, terms in model.turns(batch)]
    torch.manual_seed(3)
    for told, (x, y) in zip(seen, ((batch.x, batch.y), (second.x, second.y)), strict=False):
        fake = scored(model, drawn(model, model.p_z(16), y), y)
        value = scored(model, x, y).sigmoid().log().mean() + (1 - fake.sigmoid()).log().mean()
        assert told == pytest.approx(-value.item())
    fake = scored(model, drawn(model, model.p_z(16), second.y), second.y)
    assert seen[2] == pytest.approx(-fake.sigmoid().log().mean().item())


@pytest.mark.parametrize("penalty", ["gradient penalty", "R1"])
def test_a_penalty_is_of_slopes_for_the_own_label(penalty):
    model = cgan(penalty=penalty)
    x, z, eps = torch.randn(5, 2), torch.randn(5, 2), torch.rand(5)
    at = x
    if penalty == "gradient penalty":
        at = eps[:, None] * x + (1 - eps[:, None]) * drawn(model, z, LABELS)
    at = at.detach().requires_grad_()
    (slope,) = torch.autograd.grad(scored(model, at, LABELS).sum(), at)
    length = slope.norm(dim=1)
    expected = (length - 1).square().mean() if penalty == "gradient penalty" else length.square().mean() / 2
    told = [*model.D_terms(x, LABELS, z, eps).values()][-1]
    torch.testing.assert_close(told, expected)


def test_a_game_without_labels_ignores_them():
    space = Space.of((2,), 3)
    model, x = GAN(GAN.configure(space), space), torch.randn(5, 2)
    assert model.asked(5, LABELS) is None
    for asked in (model.score, model.belief, model.value_to_descend, model.fakes):
        assert torch.equal(asked(x, LABELS), asked(x))


@pytest.mark.parametrize("knobs", [{}, {"spectral": True, "loss": "hinge"}, {"penalty": "weight clipping"}])
@pytest.mark.parametrize("name", ["ring", "digits"])
def test_the_check_tab_measures_a_game_with_labels(name, knobs):
    data = load(name)
    laws = measure(cgan(data.space, **knobs), data)
    beyond = [check.law for check in laws if not check.holds]
    # nothing has been clipped before the first turn of D
    assert beyond == (["D's weights lie within the range of clipping."] if "penalty" in knobs else [])
    assert "D's slope, as the penalties take it, is that of one backward pass for each example." in {
        check.law for check in laws
    }


def test_slopes_for_the_labels_of_others_break_the_law():
    class Shifted(CGAN):
        def score(self, x, y=None, beside=None):
            return super().score(x, y.roll(1), beside)

    data = load("ring")
    model = Shifted(CGAN.configure(data.space), data.space)
    x, y = data.some(32)
    assert slope_gap(cgan(data.space), x, y) < 1e-9
    assert slope_gap(model, x, y) > 1e-2
