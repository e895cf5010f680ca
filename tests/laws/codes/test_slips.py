"""What slips in the lectures' formulas do, against closed forms and draws."""

import math

import pytest
import torch
from torch.distributions import Normal

from engine import data
from engine import lectures as slips
from engine.diffusion import samplers, schedule

pytestmark = pytest.mark.usefixtures("double")


def test_log_sigma_for_log_sigma_squared_moves_the_optimum_and_makes_the_kl_negative():
    where, value = slips.minimum(slips.log_of_sigma)
    assert where == pytest.approx(-math.log(2), abs=1e-12)
    assert value == pytest.approx((0.5 - 1 + math.log(2) / 2) / 2, abs=1e-12)
    assert (round(where, 2), round(value, 3)) == (-0.69, -0.077)
    assert slips.minimum(slips.without_half) == pytest.approx((where, 2 * value))


def test_slips_are_measured_in_float64_whatever_torchs_default_is():
    torch.set_default_dtype(torch.float32)  # the fixture sets it back
    where, value = slips.minimum(slips.log_of_sigma)
    assert where == pytest.approx(-math.log(2), abs=1e-12)
    assert value == pytest.approx((0.5 - 1 + math.log(2) / 2) / 2, abs=1e-12)
    assert slips.value_at(slips.true_kl, 0.1, 0.2) == pytest.approx(
        (math.exp(0.2) + 0.01 - 1.2) / 2, abs=1e-15
    )


def test_the_right_form_is_lowest_at_the_prior_where_it_is_nothing():
    assert slips.minimum(slips.true_kl) == pytest.approx((0, 0), abs=1e-12)


def test_forms_are_what_the_slides_write():
    mu, s = torch.randn(2, 100)
    sigma = (s / 2).exp()
    torch.testing.assert_close(slips.without_half(mu, s), sigma**2 + mu**2 - sigma.log() - 1)
    torch.testing.assert_close(slips.true_kl(mu, s), (s.exp() + mu**2 - 1 - s) / 2)
    V = sigma**2
    torch.testing.assert_close(slips.one_letter(mu, s), (V.exp() + mu**2 - 1 - V) / 2)
    assert slips.value_at(slips.one_letter, 0, 0) == pytest.approx((math.e - 2) / 2)


@pytest.mark.parametrize(("s", "factor"), [(0.0, 0.1), (-2.0, 1.0), (-2.0, 0.1)])
def test_what_is_drawn_costs_what_draws_say(s, factor):
    z = factor * math.exp(s) * torch.randn(200_000)  # as the sample code draws at mu = 0
    log_ratio = Normal(0, factor * math.exp(s)).log_prob(z) - Normal(0, 1).log_prob(z)
    error = log_ratio.std().item() / len(z) ** 0.5
    assert slips.kl_of_draws(s, factor) == pytest.approx(log_ratio.mean().item(), abs=4 * error)


def test_a_perfect_decoder_of_greys_still_pays_their_entropy():
    digits = data.load("digits")
    grey = data.floats(digits.test_x).flatten(1) / 2 + 0.5
    entropy = -(torch.xlogy(grey, grey) + torch.xlogy(1 - grey, 1 - grey)).sum(1).mean()
    assert slips.grey_floor(digits) == pytest.approx(entropy.item(), rel=1e-5)
    assert slips.grey_floor(digits) > 30


def test_squared_error_is_a_gaussian_of_variance_one_half():
    x, mean = torch.randn(2, 50)
    p = Normal(mean, slips.sigma_of(1.0))
    offset = Normal(0, slips.sigma_of(1.0)).log_prob(torch.zeros(()))
    torch.testing.assert_close(offset - p.log_prob(x), (x - mean).square())


# --- diffusion -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_algorithm_2_as_written_and_as_meant_return_the_variance_that_walks_have(name):
    kept = schedule.alpha_bar(name, 40)
    signal, noise = kept.sqrt().tolist(), (1 - kept).sqrt().tolist()

    def best(x, t):  # E[eps | x_t] and E[x_0 | x_t] for x_0 ~ N(0, 1)
        return noise[t] * x, signal[t] * x

    walk = samplers.Walk(best, signal, noise, list(range(40, -1, -1)))
    for sampler, under in (
        (samplers.ddpm, 1 - kept),
        (samplers.ddpm_of_the_slide, schedule.beta(kept)),
    ):
        *_, last = sampler(walk, torch.randn(200_000))
        wanted = slips.variance_of_samples(kept, under)
        error = wanted * (2 / 200_000) ** 0.5
        assert last.x.var().item() == pytest.approx(wanted, abs=4 * error)
    # every step but the last, which adds no noise, returns the variance 1
    last = schedule.beta(kept)[1].item()
    assert slips.variance_of_samples(kept, 1 - kept) == pytest.approx(1 - last, abs=1e-12)
    assert slips.variance_of_samples(kept, schedule.beta(kept)) < 0.5


def test_the_variance_of_noised_data_stays_one_only_with_the_right_noise():
    kept = schedule.alpha_bar("linear", 1000)
    ones = torch.ones(1001)
    torch.testing.assert_close(slips.variance_of_noised(kept, 1 - kept), ones)
    wrong = slips.variance_of_noised(kept, (1 - kept).sqrt())
    assert wrong.max().item() == pytest.approx(1.25, abs=1e-4)  # u - u^2 is largest at u = 1/2
