"""Laws of pictures with known factors, and of the score of codes that should have found them."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import mutual_info_score

from engine.codes.measures import binned, known, mig
from engine.data import floats, load
from engine.data.shapes import FACTORS, ellipse, ellipses

pytestmark = pytest.mark.usefixtures("double")


# --- the pictures --------------------------------------------------------------------------------


def test_each_picture_is_its_ellipse_counted_on_a_grid_16_times_as_fine():
    factors = ellipses(40)[1]
    at = (np.arange(28 * 16) - (28 * 16 - 1) / 2) / 16
    for (x, y, size, aspect), picture in zip(factors.astype(float), ellipse(factors), strict=True):
        a, b = size * math.exp(aspect / 2), size / math.exp(aspect / 2)
        inside = ((at - x) / a) ** 2 + ((-at[:, None] - y) / b) ** 2 <= 1
        share = inside.reshape(28, 16, 28, 16).mean((1, 3))
        assert np.abs(picture / 255 - share).max() < 0.12  # an edge within a pixel is taken as straight
        assert picture.sum() / 255 == pytest.approx(math.pi * a * b, rel=0.01)


def test_the_factors_are_what_they_are_called():
    base = np.array([[0.0, 0.0, 5.0, 0.0]])
    mass = ellipse(base)[0].astype(float)
    assert np.array_equal(mass, mass[::-1])
    assert np.array_equal(mass, mass.T)
    for factor, step, moved in ((0, 3.0, (3, 0)), (1, 2.0, (0, -2))):  # y upwards, rows downwards
        other = base.copy()
        other[0, factor] = step
        assert np.array_equal(ellipse(other)[0], np.roll(mass, moved[::-1], (0, 1)))
    wide = ellipse(np.array([[0.0, 0.0, 5.0, 0.4]]))[0] > 127
    assert wide.any(0).sum() > wide.any(1).sum()
    assert (ellipse(np.array([[0.0, 0.0, 6.0, 0.0]]))[0] > 127).sum() > (mass > 127).sum()


def test_no_ellipse_is_cut_off_and_the_same_ones_come_every_time():
    data = load("ellipses")
    x = torch.cat([data.x, data.test_x])
    assert x.shape == (10_000, 1, 28, 28)
    assert max(x[..., 0, :].max(), x[..., -1, :].max(), x[..., 0].max(), x[..., -1].max()) < 128
    again, factors = ellipses(10_000)
    assert np.array_equal(again[9::10], data.test_x[:, 0])
    assert np.array_equal(factors[9::10], data.test_factors)


def test_positions_and_aspects_lie_about_0_and_x_moves_farthest():
    for name in ("x position", "y position", "aspect"):
        low, high = FACTORS[name]
        assert low == -high
    assert FACTORS["x position"][1] > 1.25 * FACTORS["y position"][1]
    assert all(low < high for low, high in FACTORS.values())
    assert FACTORS["size"][0] > 0


def test_factors_stay_with_their_pictures_and_are_independent_and_uniform():
    data = load("ellipses")
    assert data.factor_names == tuple(FACTORS)
    assert data.factors.shape == (9000, 4)
    assert (data.x.dtype, data.factors.dtype) == (torch.uint8, torch.float32)
    for x, factors in ((data.x, data.factors), (data.test_x, data.test_factors)):
        assert np.array_equal(ellipse(factors[:50].numpy()), x[:50, 0])
    low, high = torch.tensor([*FACTORS.values()]).T
    v = ((data.factors - low) / (high - low)).double()
    assert all(stats.kstest(column, "uniform").pvalue > 0.01 for column in v.T)
    torch.testing.assert_close(v.T.corrcoef(), torch.eye(4), atol=0.04, rtol=0)
    assert load("ellipses").to("meta").factors.device.type == "meta"


# --- the score -----------------------------------------------------------------------------------


def factors(n: int = 8000) -> torch.Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.rand(n, 4, generator=generator) - 0.5


def score(codes: torch.Tensor, v: torch.Tensor, deviation: float = 0.0) -> float:
    return mig(known(codes, torch.full_like(codes, deviation), v))


def test_one_code_for_each_factor_scores_1_in_any_order_and_on_any_scale():
    v = factors()
    assert score(v, v) == pytest.approx(1, abs=0.02)
    codes = torch.stack([v[:, 2].exp(), -3 * v[:, 0], torch.randn(len(v)), v[:, 3] ** 3, v[:, 1] + 9], 1)
    assert score(codes, v) == pytest.approx(1, abs=0.02)
    shares = known(codes, torch.zeros_like(codes), v)
    assert shares.shape == (4, 5)
    assert shares.argmax(1).tolist() == [1, 4, 0, 3]


def test_two_factors_turned_by_45_degrees_or_held_twice_score_0():
    v, c = factors(), math.sqrt(0.5)
    turn = torch.tensor([[c, c, 0, 0], [-c, c, 0, 0], [0, 0, c, c], [0, 0, -c, c]])
    assert score(v @ turn, v) == pytest.approx(0, abs=0.02)
    assert score(torch.cat([v, v], 1), v) == 0


def test_noise_scores_0_and_so_does_a_dimension_that_is_asleep():
    v = factors()
    assert score(torch.randn(len(v), 6), v) == pytest.approx(0, abs=0.01)
    assert score(1e-3 * v, v, deviation=1.0) == pytest.approx(0, abs=0.01)  # its mean tells, z does not
    assert score(torch.zeros(len(v), 3), v) == pytest.approx(0, abs=1e-9)


def test_more_noise_on_the_codes_scores_less_and_one_dimension_a_quarter():
    v = factors()
    scores = [score(v, v, deviation) for deviation in (0.0, 0.03, 0.1, 0.3, 1.0)]
    assert scores == sorted(scores, reverse=True)
    assert score(v[:, :1], v) == pytest.approx(1 / 4, abs=0.02)


def test_information_is_that_of_scikit_learn():
    generator = torch.Generator().manual_seed(5)
    v = factors(3000)
    v[:, 3] = (v[:, 3] * 4).round()  # a factor of few values, which tie
    codes = v[:, :3] + 0.2 * torch.randn(3000, 3, generator=generator)
    shares = known(codes, torch.zeros_like(codes), v, bins=12)
    a, b = binned(v, 12), binned(codes, 12)
    for i in range(4):
        for j in range(3):
            entropy = mutual_info_score(a[:, i], a[:, i])
            assert shares[i, j].item() == pytest.approx(mutual_info_score(a[:, i], b[:, j]) / entropy)


@pytest.mark.parametrize("deviation", [0.5, 1.0, 2.0])
def test_a_noisy_code_knows_what_a_gaussian_channel_carries(deviation):
    """z = v + noise: I(v; z) = log(1 + 1 / deviation^2) / 2 nats, of which bins lose a few hundredths."""
    v = torch.randn(40_000, 1, generator=torch.Generator().manual_seed(6))
    share = known(v, torch.full_like(v, deviation), v)
    carried = math.log(1 + 1 / deviation**2) / 2
    assert share.item() * math.log(20) == pytest.approx(carried, rel=0.1)
    # the noise is the same each time it is measured
    assert torch.equal(share, known(v, torch.full_like(v, deviation), v))


def test_of_codes_and_factors_without_a_link_as_much_is_read_as_the_bins_make_up():
    generator = torch.Generator().manual_seed(7)
    codes, v = (torch.randn(4000, 8, generator=generator) for _ in range(2))
    for bins in (8, 20):
        nats = known(codes, torch.zeros_like(codes), v, bins).mean().item() * math.log(bins)
        assert nats == pytest.approx((bins - 1) ** 2 / (2 * len(v)), rel=0.1)


def test_a_factor_that_does_not_vary_is_known_by_no_code():
    v = torch.cat([factors(500)[:, :1], torch.ones(500, 1)], 1)
    shares = known(v, torch.zeros_like(v), v)
    assert shares[1].tolist() == pytest.approx([0, 0], abs=1e-3)
    assert mig(shares) == pytest.approx(0.5, abs=1e-3)


def test_bins_are_equally_full_and_keep_ties_together():
    v = torch.stack([torch.randn(1000), torch.arange(1000) % 4.0, torch.zeros(1000)], 1)
    first, second, third = (binned(v, 10)[:, i] for i in range(3))
    assert set(first.bincount().tolist()) == {100}
    assert len({(a, b) for a, b in zip(v[:, 1].tolist(), second.tolist(), strict=True)}) == 4
    assert len(second.unique()) == 4
    assert len(third.unique()) == 1


def test_centre_of_mass_and_area_are_codes_that_know_three_of_the_four_factors():
    data = load("ellipses")
    x = (floats(data.x)[:, 0] + 1) / 2
    at = torch.arange(28.0) - 13.5
    area = x.sum((1, 2))
    codes = torch.stack([(x.sum(1) * at).sum(1) / area, -(x.sum(2) * at).sum(1) / area, area], 1)
    shares = known(codes, torch.zeros_like(codes), data.factors)
    assert shares[:3].diagonal().min() > 0.9
    assert mig(shares) == pytest.approx(0.72, abs=0.05)
