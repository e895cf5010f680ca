"""Laws of the exact denoiser: Bayes by quadrature, autograd of the exact density, and the limits of t."""

import dataclasses

import numpy as np
import pytest
import torch

from engine import data as datasets
from engine.data.targets import Mixture
from engine.diffusion.ddpm import DDPM
from engine.diffusion.exact import Exact, exact
from engine.diffusion.flow_matching import FlowMatching
from engine.metrics.observe import observe

pytestmark = pytest.mark.usefixtures("double")

SQUARE = (-3.0, 3.0, -3.0, 3.0)
LOPSIDED = Mixture([[-1.0, 0.5], [1.5, 1.0], [0.2, -1.4]], 0.3, SQUARE, weights=[5, 2, 1])
LEVELS = [(0.99, 0.141), (0.8, 0.6), (0.3, 0.954), (0.4, 0.6)]  # the last as in flow matching


def diffused(mixture: Mixture, signal: float, noise: float) -> Mixture:
    """p_t, by the rule for sums of Gaussians."""
    sigma = (signal**2 * mixture.sigma**2 + noise**2) ** 0.5
    return Mixture(signal * mixture.centres, sigma, mixture.box, mixture.weights, labelled=False)


@pytest.mark.parametrize(("signal", "noise"), LEVELS)
def test_the_posterior_mean_is_that_of_bayes_by_quadrature(signal, noise):
    """int x_0 p(x_0) p(x_t | x_0) dx_0 / int p(x_0) p(x_t | x_0) dx_0 on 600 x 600 cells."""
    x0, _ = LOPSIDED.grid(600)
    prior = LOPSIDED.log_prob(x0)
    x = torch.tensor([[0.0, 0.0], [-1.0, 0.5], [0.4, 0.7], [1.2, -1.0]])
    log_p = prior - (x[:, None] - signal * x0).square().sum(2) / (2 * noise**2)
    mean = log_p.softmax(1) @ x0
    eps, x0 = Exact(LOPSIDED).predict(x, signal, noise)
    torch.testing.assert_close(x0, mean, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(eps, (x - signal * mean) / noise, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("signal", "noise"), LEVELS)
def test_the_score_is_the_gradient_of_the_exact_log_density(signal, noise):
    x = torch.linspace(-3, 3, 40).reshape(20, 2).requires_grad_()
    (slope,) = torch.autograd.grad(diffused(LOPSIDED, signal, noise).log_prob(x).sum(), x)
    best = Exact(LOPSIDED)
    torch.testing.assert_close(best.score(x.detach(), signal, noise), slope, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(
        -best.predict(x.detach(), signal, noise)[0] / noise, slope, rtol=1e-9, atol=1e-9
    )


def test_without_noise_x0_is_known_and_without_signal_only_the_mean():
    x = torch.randn(50, 2)
    eps, x0 = Exact(LOPSIDED).predict(x, 1.0, 0.0)
    assert torch.equal(eps, torch.zeros_like(x))
    torch.testing.assert_close(x0, x)
    mean = (LOPSIDED.weights @ LOPSIDED.centres).expand(50, 2)
    eps, x0 = Exact(LOPSIDED).predict(x, 0.0, 1.0)
    torch.testing.assert_close(x0, mean)
    torch.testing.assert_close(eps, x)


def test_many_parts_are_taken_a_few_points_at_a_time(monkeypatch):
    x = torch.randn(31, 2)
    whole = Exact(LOPSIDED).predict(x, 0.6, 0.8)
    monkeypatch.setattr("engine.diffusion.exact.CHUNK", 12)
    for one, other in zip(Exact(LOPSIDED).predict(x, 0.6, 0.8), whole, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", ["two-bumps", "ring", "grid", "moons", "spiral"])
def test_the_exact_denoiser_is_the_best_one(name):
    """No function of x_t has a smaller mean squared error; here with held-out x_0, in error bars."""
    data = datasets.load(name)
    best = exact(data)
    x0 = data.some(4000, test=True)[0]
    signal, noise = 0.8, 0.6
    x = signal * x0 + noise * torch.randn_like(x0)
    guess = best.predict(x, signal, noise)[1]
    # orthogonality: the rest of x_0 is uncorrelated with every function of x_t, such as these
    for of_x in (x, guess, x.sin(), x**3):
        product = ((x0 - guess) * of_x).sum(1)
        assert abs(product.mean()) < 4 * product.std() / len(x0) ** 0.5


def test_single_precision_is_enough_for_a_screen():
    best = exact(datasets.load("grid"))
    x = torch.randn(500, 2)
    for signal, noise in [(0.9999, 0.014), *LEVELS]:
        exactly = best.score(x, signal, noise)
        rough = best.score(x.float(), signal, noise).double()
        assert (rough - exactly).norm() < 1e-3 * exactly.norm()


def test_where_the_density_is_no_mixture_nothing_is_claimed():
    assert [exact(datasets.load(name)) for name in ("circles", "pinwheel", "checkerboard", "line")] == [
        None
    ] * 4
    assert exact(dataclasses.replace(datasets.load("ring"), target=None)) is None


@pytest.mark.parametrize("family", [DDPM, FlowMatching])
def test_with_the_exact_denoiser_a_sampler_finds_the_data(family):
    """The mean and the covariance of 4,000 samples of 100 steps are those of the data."""
    data = datasets.load("two-gaussians")
    best, model = exact(data), family(family.configure(data.space, {"T": 100, "width": 8}), data.space)
    told = lambda x, t: best.predict(x, model.signal[t], model.noise[t])  # noqa: E731
    model.predict = lambda x, t, y=None, guidance=None: told(x, t)
    x = model.sample(4000, steps=100)
    assert x.mean(0).abs().max() < 0.1
    np.testing.assert_allclose(x.T.cov(), [[1.25, 0], [0, 0.25]], atol=0.1)


@pytest.mark.parametrize("family", [DDPM, FlowMatching])
def test_the_score_error_is_0_for_the_exact_denoiser_and_known_for_wrong_ones(family):
    data = datasets.load("ring")
    best, model = exact(data), family(family.configure(data.space, {"width": 8}), data.space)
    right = lambda x, t: best.predict(x, model.signal[t], model.noise[t])  # noqa: E731
    for share in (1.0, 0.0, 0.75):  # of the exact noise: the score is -eps / noise
        model.predict = lambda x, t, y=None, guidance=None, s=share: (s * right(x, t)[0], x)
        assert observe(model, data)["score error"] == pytest.approx(1 - share, abs=1e-12)


def test_where_the_exact_score_is_not_known_no_error_is_claimed():
    data = datasets.load("circles")
    assert "score error" not in observe(DDPM(DDPM.configure(data.space, {"width": 8}), data.space), data)
