"""The Check tab of games: every law holds for a sound model of every game, and fails for a broken one."""

from dataclasses import replace
from itertools import islice

import pytest
import torch

from engine.data import batches, load
from engine.fit import fit
from engine.gan import base, checks, gan
from engine.gan.base import Discriminator, TwoPlayers
from engine.gan.cgan import CGAN
from engine.gan.checks import measure, pull_gap, slope_gap, terms_gap
from engine.gan.gan import GAN
from engine.gan.losses import discriminator_terms, generator_terms
from engine.nets.layers import SpectralLinear

RING = load("ring")
LOSSES = TwoPlayers.knobs()["loss"].choices
D, G = (f"{player} descends what its game says, worked out anew from D's scores." for player in "DG")
ARROW = "A fake's arrow points down the gradient of G's loss in this game."
SLOPE = "D's slope, as the penalties take it, is that of one backward pass for each example."
CLIP = "D's weights lie within the range of clipping."
NORM = "The norm that divides each matrix of D follows its largest singular value."


def trained(family: type = GAN, data=RING, rounds: int = 3, **knobs):
    torch.manual_seed(0)
    small = {"width_G": 8, "width_D": 8, "depth_D": 2, "batch": 16} | knobs
    model = family(family.configure(data.space, small), data.space)
    for _turn in fit(model, islice(batches(data, lambda: 16, 0), rounds)):
        pass
    return model


def broken(model, data=RING) -> set[str]:
    return {check.law for check in measure(model, data) if not check.holds}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    "knobs",
    [
        {"penalty": "R1", "smooth": 0.2, "k": 2, "k_G": 0},
        {"penalty": "gradient penalty", "noise_x": 0.3, "weight": 5.0},
        {"penalty": "weight clipping", "spectral": True},
        {"diversity": "packing", "penalty": "R1"},
        {"diversity": "minibatch std", "noise_x": 0.2},
        {"diversity": "unrolling", "smooth": 0.1, "noise_x": 0.2},
    ],
)
def test_every_law_holds_in_every_game(loss, knobs):
    assert not broken(trained(loss=loss, **knobs))
    if "diversity" not in knobs:
        assert not broken(trained(CGAN, loss=loss, **knobs))


def test_which_laws_are_measured():
    def laws(**knobs) -> list[str]:
        return [check.law for check in measure(trained(**knobs), RING)]

    assert laws() == [D, G, ARROW, SLOPE]
    assert laws(penalty="weight clipping", spectral=True) == [D, G, ARROW, SLOPE, CLIP, NORM]
    assert laws(diversity="packing") == laws(diversity="minibatch std") == [D, G, ARROW]


def test_a_table_of_one_row_can_be_measured():
    data = load("two-bumps")
    assert not broken(trained(data=data, diversity="packing"), replace(data, x=data.x[:1]))


# --- broken models -------------------------------------------------------------------------------


class OtherGame(GAN):
    """It plays the hinge game, whatever was chosen."""

    def D_terms(self, x, z, eps=None, noise=None):
        return discriminator_terms(self.D(x), self.D(self.G(z)), "hinge")

    def G_terms(self, x, z, noise=None):
        return generator_terms(self.D(self.G(z)), "minimax")

    def value_to_descend(self, x, y=None):
        return self.score(x, y).square() / 3


@pytest.mark.parametrize("loss", LOSSES)
def test_another_game_than_the_chosen_one_breaks_its_laws(loss):
    expected = {D, G, ARROW} - ({D} if loss == "hinge" else {G} if loss == "minimax" else set())
    assert broken(trained(OtherGame, loss=loss)) == expected


@pytest.mark.parametrize("penalty", ["R1", "gradient penalty"])
@pytest.mark.parametrize("family", [GAN, CGAN])
def test_a_penalty_at_the_wrong_place_or_of_another_weight_breaks_the_law_of_d(family, penalty, monkeypatch):
    model = trained(family, penalty=penalty, weight=2.0)
    right = TwoPlayers.penalties
    for wrong in (
        lambda self, D, x, fake, eps: right(self, D, fake, x, eps),
        lambda self, D, x, fake, eps: {k: v / 2 for k, v in right(self, D, x, fake, eps).items()},
        lambda self, D, x, fake, eps: {},
    ):
        monkeypatch.setattr(TwoPlayers, "penalties", wrong)
        assert broken(model) == {D}


@pytest.mark.parametrize("family", [GAN, CGAN])
def test_noise_that_only_one_player_meets_breaks_the_law_of_the_other(family):
    class Silent(family):
        def D_terms(self, *given):
            return super().D_terms(*given[:-1], None)

    class Spoken(family):
        def G_terms(self, *given):
            return super().G_terms(*given[:-1], None)

    assert broken(trained(Silent, noise_x=0.5)) == {D}
    assert broken(trained(Spoken, noise_x=0.5)) == {G}


def test_smoothing_that_is_forgotten_breaks_the_law_of_d():
    class Sharp(GAN):
        def D_terms(self, x, z, eps=None, noise=None):
            return discriminator_terms(self.D(x), self.D(self.G(z)), self.config.loss)

    assert broken(trained(Sharp, smooth=0.2)) == {D}
    assert not broken(trained(Sharp))


def test_labels_of_others_break_the_laws_of_the_player_that_is_told_them():
    class Confused(CGAN):
        def G_terms(self, y, z, noise=None):
            return super().G_terms(y.roll(1), z, noise)

    class Misled(CGAN):
        def D_terms(self, x, y, z, eps=None, noise=None):
            return super().D_terms(x, y.roll(1), z, eps, noise)

    class Shifted(CGAN):
        def score(self, x, y=None, beside=None):
            return super().score(x, y.roll(1), beside)

    assert broken(trained(Confused)) == {G}
    assert broken(trained(Misled)) == {D}
    assert SLOPE in broken(trained(Shifted))


def test_unrolling_a_step_short_or_in_another_game_breaks_the_law_of_g(monkeypatch):
    model = trained(diversity="unrolling", loss="least squares")
    assert not broken(model)
    right = base.unrolled
    monkeypatch.setattr(gan, "unrolled", lambda D, objective: right(D, objective, steps=4))
    assert broken(model) == {G}
    monkeypatch.setattr(gan, "unrolled", lambda D, objective: right(D, lambda D: -objective(D)))
    assert broken(model) == {G}
    monkeypatch.setattr(gan, "unrolled", lambda D, objective: D)
    assert broken(model) == {G}


@pytest.mark.parametrize("place", [0, 1], ids=["weight", "bias"])
@pytest.mark.parametrize("weight", [0.2, -0.2])
def test_weights_beyond_the_range_break_the_law_of_clipping(weight, place):
    model = trained(penalty="weight clipping")
    assert not broken(model)
    with torch.no_grad():
        [*model.D.parameters()][place].view(-1)[0] = weight
    assert broken(model) == {CLIP}


def test_a_norm_that_does_not_follow_the_weights_breaks_the_law_of_spectral_normalization(monkeypatch):
    """The norm in use is measured, and not one that more iterations would find."""
    knobs = {"spectral": True, "loss": "hinge", "lr_D": 0.01}
    assert not broken(trained(rounds=60, **knobs))
    model = trained(rounds=1, **knobs)
    layer = next(m for m in model.D.modules() if isinstance(m, SpectralLinear))
    with monkeypatch.context() as patched:
        patched.setattr(layer, "sigma", lambda: 2 * layer.weight.norm())
        assert broken(model) == {NORM}
    right = SpectralLinear.iterate
    monkeypatch.setattr(
        SpectralLinear, "iterate", lambda self, times=1: right(self, times) if times > 1 else None
    )
    assert NORM in broken(trained(rounds=60, **knobs))
    with torch.no_grad():
        layer.weight[0, 0] = float("nan")
    assert NORM in broken(model)


@pytest.mark.parametrize(("behind", "law"), [(0.3, set()), (0.45, set()), (0.55, {NORM})])
def test_a_norm_may_lag_as_far_as_healthy_ones_do_and_no_further_than_a_half(behind, law, monkeypatch):
    model = trained(spectral=True, rounds=0)
    layer = next(m for m in model.D.modules() if isinstance(m, SpectralLinear))
    largest = torch.linalg.svdvals(layer.weight.detach())[0]
    monkeypatch.setattr(layer, "sigma", lambda: (1 - behind) * largest)
    assert broken(model) == law


@pytest.mark.parametrize("penalty", ["R1", "gradient penalty"])
@pytest.mark.parametrize("family", [GAN, CGAN])
def test_every_law_holds_for_pictures(family, penalty):
    assert not broken(trained(family, load("digits"), penalty=penalty), load("digits"))


def test_a_d_that_is_flat_has_no_gap_and_what_is_measured_stays_as_it_was():
    model = trained().double()
    for weight in model.D.parameters():
        torch.nn.init.zeros_(weight)
    x = torch.randn(5, 2).double()
    assert slope_gap(model, x, None) == pull_gap(model, x, None) == 0
    model.config = model.config.change({"penalty": "R1"})
    assert max(terms_gap(model, x, None)) < 1e-12
    assert not x.requires_grad


def test_a_gap_of_slopes_is_the_largest_in_parts_of_the_largest_slope(monkeypatch):
    model, right = trained().double(), checks.slopes

    def wrong(D, x):
        slopes = right(D, x)
        slopes[0] += slopes.max()
        return slopes

    x = torch.randn(5, 2).double()
    slopes = right(model.D, x)
    monkeypatch.setattr(checks, "slopes", wrong)
    expected = slopes.max() / max(slopes.max(), slopes[0] + slopes.max())
    assert slope_gap(model, x, None) == pytest.approx(expected.item())


def test_company_that_is_seen_by_chance_breaks_the_law_of_slopes():
    class Mixed(Discriminator):
        def forward(self, x, beside=None, y=None):
            return super().forward(x - x.mean(-2, keepdim=True), beside, y)

    model = trained()
    model.D.__class__ = Mixed
    assert broken(model) == {SLOPE}
