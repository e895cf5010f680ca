"""Laws of the noise schedules and of the forward process that they make."""

import math
from itertools import pairwise

import pytest
import torch

from engine.diffusion import schedule
from engine.diffusion.ddpm import DDPM
from engine.diffusion.flow_matching import FlowMatching
from engine.diffusion.samplers import Walk
from engine.space import Space

pytestmark = pytest.mark.usefixtures("double")

KINDS = [("linear", True), ("linear", False), ("cosine", True), ("sigmoid", True)]
SIZES = [2, 3, 10, 100, 1000]  # both ends of the knob among them
each = pytest.mark.parametrize(("name", "scaled"), KINDS)
of_all_sizes = pytest.mark.parametrize("T", SIZES)


def ddpm(name: str, scaled: bool, T: int) -> DDPM:
    plane = Space.of((2,))
    return DDPM(DDPM.configure(plane, {"schedule": name, "scaled": scaled, "T": T, "width": 8}), plane)


@each
@of_all_sizes
def test_steps_lead_where_the_jump_leads(name, scaled, T):
    """x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) noise, again and again from x_0: its mean is a multiple
    of x_0 and its variance a number, which follow the two lines below."""
    model = ddpm(name, scaled, T)
    mean, variance = 1.0, 0.0
    for t, beta in enumerate(schedule.beta(model.alpha_bar).tolist()):
        mean, variance = math.sqrt(1 - beta) * mean, (1 - beta) * variance + beta
        assert model.signal[t].item() == pytest.approx(mean, abs=1e-12)
        assert model.noise[t].item() ** 2 == pytest.approx(variance, abs=1e-12)
    assert t == T


@each
@of_all_sizes
def test_alpha_bar_falls_from_one_and_stays_above_zero(name, scaled, T):
    ab = schedule.alpha_bar(name, T, scaled)
    assert ab.shape == (T + 1,)
    assert ab.dtype == torch.float64
    assert ab[0] == 1
    assert (ab.diff() < 0).all()
    assert ab[-1] > 3e-5  # its root divides when x_0 is guessed from pure noise


@each
@of_all_sizes
def test_beta_and_the_posteriors_variance_are_shares(name, scaled, T):
    ab = schedule.alpha_bar(name, T, scaled)
    beta = schedule.beta(ab)
    walk = Walk(no_net, ab.sqrt().tolist(), (1 - ab).sqrt().tolist(), range(T, -1, -1))
    tilde = torch.tensor([walk.variance(t, t - 1) for t in range(1, T + 1)])
    assert beta[0] == tilde[0] == 0  # x_0 is known when x_0 is known
    assert ((beta[1:] > 0) & (beta[1:] < 1)).all()
    assert ((tilde[1:] > 0) & (tilde[1:] < beta[2:])).all()


def no_net(x: torch.Tensor, t: int) -> tuple[torch.Tensor, torch.Tensor]:
    raise AssertionError


@each
@of_all_sizes
def test_single_precision_survives_every_size(name, scaled, T):
    torch.set_default_dtype(torch.float32)
    model = ddpm(name, scaled, T)
    assert model.signal.dtype == torch.float32
    assert (model.signal > 0).all()
    assert (model.noise[1:] > 0).all()
    x = torch.randn(3, 2)
    for t in (1, T):
        eps, x0 = model.predict(x, t)
        assert eps.isfinite().all()
        assert x0.isfinite().all()


def test_the_linear_schedule_at_1000_steps_is_the_papers():
    """Ho et al. 2020, section 4: constants increasing linearly from 1e-4 to 0.02."""
    beta = [1e-4 + (0.02 - 1e-4) * i / 999 for i in range(1000)]
    for scaled in (True, False):
        beta_t = schedule.beta(schedule.linear(1000, scaled))[1:]
        torch.testing.assert_close(beta_t, torch.tensor(beta), rtol=1e-10, atol=0)


def test_stretched_to_any_size_the_linear_schedule_ends_in_noise_and_unstretched_it_does_not():
    for T in SIZES:
        assert schedule.linear(T)[-1].item() == pytest.approx(4e-5, rel=0.04)
    assert schedule.linear(100, scaled=False)[-1].item() == pytest.approx(0.36, abs=0.01)


def test_the_cosine_schedule_is_the_papers_but_for_its_last_ten_thousandth():
    T, s = 1000, 0.008
    f = [math.cos((t / T + s) / (1 + s) * math.pi / 2) ** 2 for t in range(T + 1)]
    paper = torch.tensor(f) / f[0]
    assert (schedule.cosine(T) - paper).abs().max() < 1.01 * schedule.LEAST


def test_the_sigmoid_schedule_is_the_papers_but_for_its_last_ten_thousandth():
    T = 1000
    f = [1 / (1 + math.exp(-(3 - 6 * t / T))) for t in range(T + 1)]
    paper = torch.tensor([(one - f[-1]) / (f[0] - f[-1]) for one in f])
    assert (schedule.sigmoid(T) - paper).abs().max() < 1.01 * schedule.LEAST


def test_the_straight_path_runs_from_data_to_noise():
    plane = Space.of((2,))
    for T in SIZES:
        model = FlowMatching(FlowMatching.configure(plane, {"T": T, "width": 8}), plane)
        torch.testing.assert_close(model.signal + model.noise, torch.ones(T + 1), rtol=0, atol=1e-15)
        torch.testing.assert_close(model.noise * T, torch.arange(T + 1.0), rtol=0, atol=1e-12)


def test_levels_run_from_T_to_0_in_steps_as_equal_as_can_be():
    for T in (2, 3, 10, 57, 100, 1000):
        for steps in [*range(1, min(T, 120) + 2), 999, 1000]:
            levels = schedule.levels(T, steps)
            gaps = [t - s for t, s in pairwise(levels)]
            assert (levels[0], levels[-1]) == (T, 0)
            assert len(gaps) == min(steps, T)
            assert min(gaps) >= 1
            assert max(gaps) - min(gaps) <= 1
