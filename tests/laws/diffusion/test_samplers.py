"""Laws of the samplers, on denoisers that are exact in closed form."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from engine.diffusion import schedule
from engine.diffusion.samplers import SAMPLERS, Walk
from tests.laws.diffusion.denoising import circle, end, even, gaussian, mixture, moments, of, of_betas

pytestmark = pytest.mark.usefixtures("double")

HONEST = [name for name in SAMPLERS if "slide" not in name]
PROBABILITY_FLOW = ["DDIM", "Euler", "Heun", "DPM-Solver++"]
CONFIGURED = [
    pytest.param(name, knobs, id=f"{name}{knobs or ''}")
    for name in HONEST
    for knobs in {"DDPM": [{}, {"posterior": True}], "DDIM": [{}, {"eta": 0.5}, {"eta": 1.0}]}.get(name, [{}])
]
MEAN = torch.tensor([0.7, -0.4], dtype=torch.float64)
TURN = torch.tensor([[0.8, -0.6], [0.6, 0.8]], dtype=torch.float64)  # to the axes of the data
VARIANCES = [2.0, 0.3]
COVARIANCE = TURN @ torch.diag(torch.tensor(VARIANCES, dtype=torch.float64)) @ TURN.T
CENTRES = torch.tensor([[-1.5, 0.5], [1.0, 1.0], [0.5, -1.5]], dtype=torch.float64)
WEIGHTS = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
SIGMA = 0.4


# --- the exact denoiser of a Gaussian -------------------------------------------------------------


def carried(name, levels, stops, v, eta=0.0, posterior=False):
    """What becomes of noise of variance 1 along an axis on which centred data have variance v, where
    x_0 is guessed as g_t x, g_t = signal v / (signal^2 v + noise^2): a recursion for each sampler."""
    a, b = levels.signal, levels.noise
    g = [a[t] * v / (a[t] ** 2 * v + b[t] ** 2) for t in levels.all[::-1]]
    e = [(1 - a[t] * g[t]) / b[t] if t else 0.0 for t in levels.all[::-1]]  # eps is guessed as e_t x
    variance, way, before = 1.0, 1.0, None
    for t, s in pairwise(stops):
        alpha = a[t] ** 2 / a[s] ** 2
        tilde = b[s] ** 2 / b[t] ** 2 * (1 - alpha)
        if name == "DDPM":  # eq. (7): the posterior's mean, from x_0 and x_t
            step = a[s] * (1 - alpha) / b[t] ** 2 * g[t] + math.sqrt(alpha) * b[s] ** 2 / b[t] ** 2
            variance = step**2 * variance + (tilde if posterior else 1 - alpha) * (s > 0)
        elif name == "DDIM":
            step = a[s] * g[t] + math.sqrt(b[s] ** 2 - eta**2 * tilde) * e[t]
            variance = step**2 * variance + eta**2 * tilde
        elif name == "Euler":  # the score is -x / (signal^2 v + noise^2)
            rate = -math.log(a[t] ** 2 / a[t - 1] ** 2) / 2
            way *= 1 + (t - s) * rate * (1 - 1 / (a[t] ** 2 * v + b[t] ** 2))
        elif name == "Heun":  # dy / dsigma = y sigma / (v + sigma^2) for y = x / signal, by two slopes
            up, down = b[t] / a[t], b[s] / a[s]
            slope = up / (v + up**2)
            again = down / (v + down**2) * (1 + (down - up) * slope)
            way *= a[s] / a[t] * (1 + (down - up) * ((slope + again) / 2 if s else slope))
        else:  # the x_0 on which it goes is extrapolated along log(signal / noise)
            guess = g[t] * way
            ahead = guess
            if s and before:
                high, mid, low = (math.log(a[i] / b[i]) for i in (s, t, before[0]))
                ahead = guess + (high - mid) / 2 * (guess - before[1]) / (mid - low)
            before = (t, guess)
            way = b[s] / b[t] * way + (a[s] - b[s] / b[t] * a[t]) * ahead
    return variance * way**2


@pytest.mark.parametrize(("name", "knobs"), CONFIGURED)
@pytest.mark.parametrize("steps", [1, 2, 7, 40])
def test_mean_and_covariance_of_the_samples_follow_their_recursion(name, knobs, steps, monkeypatch):
    levels = of(schedule.cosine(40))
    stops = schedule.levels(40, steps)
    centred = gaussian(levels, torch.zeros(2), COVARIANCE)
    mean, covariance = moments(lambda x: end(name, levels, centred, x, stops, **knobs), 2, monkeypatch)
    each = torch.tensor([carried(name, levels, stops, v, **knobs) for v in VARIANCES])
    torch.testing.assert_close(mean, torch.zeros(2), atol=1e-12, rtol=0)
    torch.testing.assert_close(covariance, TURN @ each.diag() @ TURN.T, atol=1e-12, rtol=1e-10)


@pytest.mark.parametrize(("name", "knobs"), CONFIGURED)
def test_samples_have_mean_and_covariance_of_gaussian_data(name, knobs, monkeypatch):
    """As well as 1,000 steps can, from N(0, I), which x_T is but for a hundredth."""
    levels = of(schedule.sigmoid(1000))
    exact = gaussian(levels, MEAN, COVARIANCE)
    mean, covariance = moments(lambda x: end(name, levels, exact, x, **knobs), 2, monkeypatch)
    torch.testing.assert_close(mean, MEAN, atol=0.012, rtol=0)
    torch.testing.assert_close(covariance, COVARIANCE, atol=0.008, rtol=0)


@pytest.mark.parametrize(
    ("v", "expected"), [(1.0, {"beta": 0.999, "posterior": 0.921, "DDIM": 0.963}),
                        (4.0, {"beta": 3.904, "posterior": 3.760, "DDIM": 3.878})],
)  # fmt: skip
def test_a_hundred_steps_shrink_the_variance_as_known(v, expected, monkeypatch):
    """Numbers found before this code was written, for beta_t from 0.001 to 0.2."""
    levels = of_betas(1e-3, 0.2, 100)
    exact = gaussian(levels, torch.zeros(1), torch.tensor([[v]]))
    ways = {"beta": ("DDPM", {}), "posterior": ("DDPM", {"posterior": True}), "DDIM": ("DDIM", {})}
    for way, (name, knobs) in ways.items():
        covariance = moments(lambda x: end(name, levels, exact, x, **knobs), 1, monkeypatch)[1]  # noqa: B023
        assert covariance.item() == pytest.approx(expected[way], abs=6e-4)


def test_beta_is_the_right_variance_for_unit_data_and_the_posteriors_for_a_point(monkeypatch):
    """Ho et al. 2020, section 3.2: but for the last step, which adds no noise."""
    levels = of_betas(1e-3, 0.2, 100)
    for posterior, v in ((False, 1.0), (True, 0.0)):
        exact = gaussian(levels, torch.zeros(1), torch.tensor([[v]]))
        knobs = {"posterior": posterior}
        covariance = moments(lambda x: end("DDPM", levels, exact, x, **knobs), 1, monkeypatch)[1]  # noqa: B023
        assert covariance.item() == pytest.approx(v, abs=1e-3 + 1e-12)


def test_the_slides_formula_is_caught(monkeypatch):
    """Algorithm 2 with 1 - alpha_t under the root, where 1 - alpha_bar_t belongs: for data N(0, 1) the right
    sampler keeps the variance 1 to a thousandth, and the slide's leaves a quarter of it."""
    levels = of_betas(1e-3, 0.2, 100)
    exact = gaussian(levels, torch.zeros(1), torch.eye(1))
    variances = {
        name: moments(lambda x: end(name, levels, exact, x), 1, monkeypatch)[1].item()  # noqa: B023
        for name in ("DDPM", "DDPM as on the slide")
    }
    assert abs(variances["DDPM"] - 1) < 2e-3
    assert variances["DDPM as on the slide"] < 0.5


# --- the posterior that a step of DDPM draws from ---------------------------------------------------


@pytest.mark.parametrize("name", ["linear", "cosine", "sigmoid"])
def test_a_step_of_ddpm_has_mean_and_variance_of_bayes(name, monkeypatch):
    """q(x_s | x_t, x_0) is as q(x_t | x_s) q(x_s | x_0), here on a fine line, when the net knows x_0."""
    levels, x_0, x_t = of(schedule.alpha_bar(name, 10)), 0.8, -0.3
    for t, s in [*((t, t - 1) for t in range(2, 11)), (10, 5), (7, 3), (4, 1)]:
        alpha = levels.alpha_bar[t] / levels.alpha_bar[s]
        line = torch.linspace(-12, 12, 400_001)
        log_p = -(line - levels.signal[s] * x_0).square() / (2 * levels.noise[s] ** 2)
        log_p -= (x_t - math.sqrt(alpha) * line).square() / (2 * (1 - alpha))
        p = log_p.softmax(0)
        mean = (p * line).sum()
        variance = (p * (line - mean).square()).sum()

        def knows(x, t):
            return (x - levels.signal[t] * x_0) / levels.noise[t], torch.full_like(x, x_0)

        walk = Walk(knows, levels.signal, levels.noise, [t, s, 0], posterior=True)
        reached = {}
        for noise in (0.0, 1.0):
            monkeypatch.setattr(torch, "randn_like", lambda x, noise=noise: torch.full_like(x, noise))
            reached[noise] = [step.x.item() for step in SAMPLERS["DDPM"](walk, torch.tensor([[x_t]]))]
        monkeypatch.undo()
        assert reached[0.0][1] == pytest.approx(mean.item(), abs=1e-9)
        assert (reached[1.0][1] - reached[0.0][1]) ** 2 == pytest.approx(variance.item(), abs=1e-9)
        assert walk.variance(t, s) == pytest.approx(variance.item(), abs=1e-9)
        assert reached[0.0][2] == pytest.approx(x_0, abs=1e-12)  # the last step tells x_0


# --- DDIM --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stops", [schedule.levels(50, 50), schedule.levels(50, 7)], ids=len)
def test_ddim_with_eta_1_is_ddpm_with_the_posteriors_variance(stops):
    levels = of(schedule.linear(50))
    model = mixture(levels, WEIGHTS, CENTRES, SIGMA)
    start, ends = torch.randn(20, 2), {}
    for name, knobs in (("DDPM", {"posterior": True}), ("DDIM", {"eta": 1.0})):
        torch.manual_seed(5)
        ends[name] = end(name, levels, model, start, stops, **knobs)
    torch.testing.assert_close(ends["DDIM"], ends["DDPM"], atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("name", HONEST)
def test_what_adds_no_noise_asks_for_none(name):
    levels = of(schedule.linear(20))
    model = mixture(levels, WEIGHTS, CENTRES, SIGMA)
    start, before = torch.randn(5, 2), torch.get_rng_state()
    first = end(name, levels, model, start)
    untouched = torch.equal(before, torch.get_rng_state())
    assert untouched == (name in PROBABILITY_FLOW)
    assert torch.equal(first, end(name, levels, model, start)) == (name in PROBABILITY_FLOW)


def test_the_way_of_ddim_can_be_walked_back_and_the_better_the_finer():
    """Up from data to noise, each step by the same formula with s > t; then down by the sampler."""
    gaps = []
    for T in (50, 100, 200, 400):
        levels = circle(T)
        model = mixture(levels, WEIGHTS, CENTRES, SIGMA)
        torch.manual_seed(0)
        start = x = CENTRES[torch.arange(30) % 3] + SIGMA * torch.randn(30, 2)
        for s, t in pairwise(range(1, T + 1)):
            eps, x0 = model(x, s)
            x = levels.signal[t] * x0 + levels.noise[t] * eps
        walk = Walk(model, levels.signal, levels.noise, levels.all)
        back = next(step.x for step in SAMPLERS["DDIM"](walk, x) if step.t == 1)
        gaps.append((back - start).abs().max().item())
    ratios = [a / b for a, b in pairwise(gaps)]
    assert gaps[-1] < 0.05
    assert all(1.7 < ratio < 2.4 for ratio in ratios), "first order: half the error with twice the steps"


# --- a mixture -----------------------------------------------------------------------------------------


def flowed(levels, start: torch.Tensor) -> torch.Tensor:
    """Where the probability flow takes x_T, by another library's solver: dy/dsigma = (y - E[x_0]) / sigma for
    y = x / signal, and the last guess at sigma = 1e-6."""
    centres, weights = CENTRES.numpy(), WEIGHTS.numpy()

    def guess(y, sigma):
        spread = SIGMA**2 + sigma**2
        away = y[:, None] - centres
        p = weights * np.exp(-(away**2).sum(-1) / (2 * spread))
        p /= p.sum(1, keepdims=True)
        return (p[..., None] * (centres + SIGMA**2 / spread * away)).sum(1)

    def slope(sigma, flat):
        y = flat.reshape(-1, 2)
        return ((y - guess(y, sigma)) / sigma).ravel()

    top, y = levels.noise[-1] / levels.signal[-1], start.numpy() / levels.signal[-1]
    solution = solve_ivp(slope, (top, 1e-6), y.ravel(), method="DOP853", rtol=1e-11, atol=1e-12)
    return torch.tensor(guess(solution.y[:, -1].reshape(-1, 2), 1e-6))


@pytest.mark.parametrize(
    ("name", "order", "grid"),
    [("DDIM", 1, circle), ("Euler", 1, circle), ("Heun", 2, circle), ("DPM-Solver++", 2, even)],
)
def test_each_solver_nears_the_flow_at_its_order(name, order, grid):
    start, errors = 1.2 * torch.randn(20, 2), []
    for T in (50, 100, 200):
        levels = grid(T)
        model = mixture(levels, WEIGHTS, CENTRES, SIGMA)
        errors.append((end(name, levels, model, start) - flowed(levels, start)).square().mean().sqrt().item())
    assert errors[0] < 0.03
    for a, b in pairwise(errors):
        assert math.log2(a / b) == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize(("name", "knobs"), CONFIGURED)
def test_samples_have_mean_and_covariance_of_a_mixture(name, knobs):
    """Of 20,000 draws; four standard errors, and what 200 steps leave."""
    levels, n = of(schedule.sigmoid(200)), 20_000
    torch.manual_seed(1)
    x = end(name, levels, mixture(levels, WEIGHTS, CENTRES, SIGMA), torch.randn(n, 2), **knobs)
    mean = WEIGHTS @ CENTRES
    covariance = (CENTRES - mean).T @ (WEIGHTS[:, None] * (CENTRES - mean)) + SIGMA**2 * torch.eye(2)
    each = torch.cdist(x, CENTRES).argmin(1).bincount() / n
    torch.testing.assert_close(x.mean(0), mean, atol=0.04 + 0.02, rtol=0)
    torch.testing.assert_close(x.T.cov(), covariance, atol=0.05 + 0.03, rtol=0)
    torch.testing.assert_close(each, WEIGHTS, atol=0.02 + 0.01, rtol=0)
