"""The mixture density against torch's distributions, a grid, autograd and formulas."""

import math

import pytest
import torch
from scipy import stats
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal, Normal

from engine.autoregressive.mixture import SMALLEST, STRAIGHT, Mixture, of_mean, of_output

pytestmark = pytest.mark.usefixtures("float64")


def some(M=3, n=2, seed=0, size=0.7):
    torch.manual_seed(seed)
    return of_output(size * torch.randn(n, 6 * M))


def as_torch(p):
    """The same density by torch, from covariances."""
    (sx, sy), c = p.sigma.unbind(-1), p.rho * p.sigma.prod(-1)
    covariance = torch.stack([torch.stack([sx**2, c], -1), torch.stack([c, sy**2], -1)], -2)
    return MixtureSameFamily(Categorical(p.pi), MultivariateNormal(p.mu, covariance))


def grid(half=14.0, nodes=561):
    u = torch.linspace(-half, half, nodes)
    return torch.cartesian_prod(u, u), (u[1] - u[0]) ** 2


def test_outputs_become_a_mixture_by_the_formulas():
    out = torch.randn(5, 12)
    p = of_output(out)
    for i in range(5):
        row = out[i].tolist()
        weight = [math.exp(v) for v in row[:2]]
        for j in range(2):
            assert p.pi[i, j].item() == pytest.approx(weight[j] / sum(weight))
            assert p.mu[i, j].tolist() == pytest.approx(row[2 + 2 * j : 4 + 2 * j])
            widths = [math.exp(v) + SMALLEST for v in row[6 + 2 * j : 8 + 2 * j]]
            assert p.sigma[i, j].tolist() == pytest.approx(widths)
            assert p.rho[i, j].item() == pytest.approx(STRAIGHT * math.tanh(row[10 + j]))


@pytest.mark.parametrize("M", [1, 2, 5])
def test_it_is_torchs_mixture_of_multivariate_normals(M):
    p, x = some(M), 2 * torch.randn(7, 2, 2)
    torch.testing.assert_close(p.log_prob(x), as_torch(p).log_prob(x))


@pytest.mark.parametrize("b", [0.0, 0.5])
def test_it_integrates_to_1(b):
    p = some(3, 1).biased(b)
    x, cell = grid()
    assert (p.log_prob(x[:, None]).exp().sum() * cell).item() == pytest.approx(1, abs=1e-6)


def test_without_correlation_it_factorizes():
    p = some(1)._replace(rho=torch.zeros(2, 1))
    x = torch.randn(2, 2)
    each = Normal(p.mu[:, 0], p.sigma[:, 0]).log_prob(x).sum(-1)
    torch.testing.assert_close(p.log_prob(x), each)


def test_far_away_and_for_weights_of_0_it_is_finite_with_finite_slopes():
    torch.set_default_dtype(torch.float32)
    for out in (torch.tensor([[0.0, -200.0] + 10 * [30.0]]), torch.tensor([[0.0, -200.0] + 10 * [-30.0]])):
        out.requires_grad_()
        log_p = of_output(out).log_prob(torch.tensor([[50.0, -80.0]]))
        (slope,) = torch.autograd.grad(log_p.sum(), out)
        assert log_p.isfinite().all()
        assert slope.isfinite().all()


def test_its_slopes_are_those_of_central_differences():
    out = torch.randn(3, 18, requires_grad=True)
    x = torch.randn(3, 2)
    assert torch.autograd.gradcheck(lambda out: of_output(out).log_prob(x), out)


def test_the_mean_is_that_of_the_density():
    p = some(3, 1)
    x, cell = grid()
    weights = p.log_prob(x[:, None]).exp()[:, 0] * cell
    torch.testing.assert_close(p.mean()[0], weights @ x, atol=1e-5, rtol=0)


def test_the_bias_multiplies_what_comes_before_the_exponentials():
    """Eq. (61) and (62): exp(sigma_hat - b), and the softmax of pi_hat (1 + b)."""
    out, b = torch.randn(4, 18), 1.7
    p, neat = of_output(out), of_output(out).biased(b)
    torch.testing.assert_close(neat.pi, ((1 + b) * out[:, :3]).softmax(-1))
    torch.testing.assert_close(neat.sigma, p.sigma * math.exp(-b))
    assert torch.equal(neat.mu, p.mu)
    assert torch.equal(neat.rho, p.rho)
    for part, same in zip(p, p.biased(0.0), strict=True):
        torch.testing.assert_close(part, same)


def test_a_moved_mixture_is_the_density_of_what_is_moved():
    p, x, by = some(), torch.randn(2, 2), torch.randn(2, 2)
    torch.testing.assert_close(p.moved(by).log_prob(x + by), p.log_prob(x))


def test_the_mixtures_of_one_step():
    torch.manual_seed(0)
    p, x = of_output(torch.randn(2, 4, 12)), torch.randn(2, 4, 2)
    torch.testing.assert_close(p.at(2).log_prob(x[:, 2]), p.log_prob(x)[:, 2])


def test_squared_error_is_a_round_gaussian():
    mu, x = torch.randn(6, 2), torch.randn(6, 2)
    half = (x - mu).square().sum(-1) / 2
    torch.testing.assert_close(of_mean(mu).log_prob(x), -half - math.log(2 * math.pi))
    assert torch.equal(of_mean(mu).mean(), mu)


def test_samples_follow_the_density():
    """Chi-squared over squares, whose probabilities a finer grid gives."""
    p, n = some(3, 1, seed=3), 40_000
    torch.manual_seed(0)
    x = Mixture(*(part.expand(n, *part.shape[1:]) for part in p)).drawn()
    edges, fine = torch.linspace(-4, 4, 9), 40
    middle = torch.linspace(-4, 4, 8 * fine + 1)
    middle = (middle[1:] + middle[:-1]) / 2
    density = p.log_prob(torch.cartesian_prod(middle, middle)[:, None]).exp().view(8 * fine, 8 * fine)
    wanted = density.view(8, fine, 8, fine).sum((1, 3)) / fine**2
    inside = (x.abs() < 4).all(1)
    i, j = (torch.bucketize(v, edges) - 1 for v in x[inside].T.contiguous())
    counts = torch.bincount(8 * i + j, minlength=64).double()
    many = n * wanted.flatten() > 5
    counts = torch.cat([counts[many], (n - counts[many].sum())[None]])
    wanted = torch.cat([n * wanted.flatten()[many], (n - n * wanted.flatten()[many].sum())[None]])
    assert (
        stats.chisquare(counts.numpy(), wanted.numpy() * counts.sum().item() / wanted.sum().item()).pvalue
        > 1e-3
    )


def test_each_mixture_of_a_batch_is_drawn_from_its_own():
    out = torch.full((2, 3, 12), -30.0)
    out[..., 2:6] = torch.arange(24.0).view(2, 3, 4)
    out[..., 0] = torch.tensor([[0.0, -60.0, 0.0], [-60.0, 0.0, -60.0]])
    out[..., 10:] = 0
    wanted = torch.where(out[..., :1] == 0, out[..., 2:4], out[..., 4:6])
    likely = torch.where(out[..., :1] == 0, torch.tensor([0.0, -60]), torch.tensor([-60.0, 0]))
    drawn = of_output(torch.cat([likely, out[..., 2:]], -1)).drawn()
    torch.testing.assert_close(drawn, wanted, atol=0.01, rtol=0)
