"""Laws of the VAE's bound, against models whose log p(x) is known exactly."""

import itertools
import math

import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from engine.codes.base import bound, kl
from engine.codes.vae import VAE
from engine.family import Batch
from engine.space import Space
from tests.laws.codes.coding import shaken

pytestmark = pytest.mark.usefixtures("double")

FLAT = Space.of((5,))
TINY = Space.of((1, 2, 2))
SIGMA = 0.6
TERMS = ("-E[log p(x|z)]", "β KL[q(z|x) || p(z)]")


def vae(space: Space, **values) -> VAE:
    return shaken(VAE, space, **values)


class Linear:
    """x = W z + b + sigma * noise: the VAE without hidden layers, and what is known of it exactly."""

    def __init__(self, **values) -> None:
        given = {"depth": 0, "likelihood": "Gaussian", "sigma": SIGMA} | values
        self.model = vae(FLAT, **given)
        self.W, self.b = self.model.D[0][0].weight.detach(), self.model.D[0][0].bias.detach()
        self.p_x = MultivariateNormal(self.b, self.W @ self.W.T + SIGMA**2 * torch.eye(5))

    def posterior(self, x: Tensor) -> MultivariateNormal:
        """p(z | x) = N(M^-1 W^T (x - b), sigma^2 M^-1), M = W^T W + sigma^2 I."""
        M = self.W.T @ self.W + SIGMA**2 * torch.eye(self.W.shape[1])
        return MultivariateNormal((x - self.b) @ self.W @ M.inverse(), SIGMA**2 * M.inverse())

    def make_exact(self) -> None:
        """Columns of W at right angles, so that a diagonal q can be the posterior; and q made so."""
        Q = torch.linalg.qr(self.W)[0] * torch.tensor([2.0, 0.5])
        self.model.D[0][0].weight.data.copy_(Q)
        self.W = Q
        self.p_x = MultivariateNormal(self.b, Q @ Q.T + SIGMA**2 * torch.eye(5))
        spread = Q.square().sum(0) + SIGMA**2
        E = self.model.E.net[0]
        E.weight.data = torch.cat([Q.T / spread[:, None], torch.zeros(2, 5)])
        E.bias.data = torch.cat([-Q.T @ self.b / spread, (SIGMA**2 / spread).log()])

    def elbo(self, x: Tensor) -> Tensor:
        """The very `terms` of each x (n, 5), with their expectation over eps taken exactly: what is
        quadratic in eps has the same mean over these 2 z points as over N(0, I)."""
        z = self.model.config.z
        eps = math.sqrt(z) * torch.cat([torch.eye(z), -torch.eye(z)])
        return torch.stack([-sum(self.model.terms(one.expand(2 * z, 5), eps).values()) for one in x])


def batch(x: Tensor, round: int = 0) -> Batch:
    return Batch(round, x, None, lambda: batch(x, round))


# --- the bound -----------------------------------------------------------------------------------


def test_the_exact_density_is_that_of_the_model():
    """So that the oracle of this file is right: its density against draws, decoded."""
    linear = Linear()
    x = linear.model.decode(torch.randn(200_000, 2)) + SIGMA * torch.randn(200_000, 5)
    torch.testing.assert_close(x.mean(0), linear.b, atol=0.03, rtol=0)
    torch.testing.assert_close(x.T.cov(), linear.p_x.covariance_matrix, atol=0.1, rtol=0)


def test_the_elbo_is_below_log_p_by_the_kl_from_q_to_the_posterior():
    linear, x = Linear(), torch.randn(6, 5)
    q = linear.model.q(x)
    posterior = linear.posterior(x)
    gap = kl_divergence(MultivariateNormal(q.mean, torch.diag_embed(q.variance)), posterior)
    assert gap.min() > 0.1
    torch.testing.assert_close(linear.elbo(x), linear.p_x.log_prob(x) - gap, rtol=1e-10, atol=1e-10)


def test_at_the_exact_posterior_the_elbo_is_log_p():
    linear, x = Linear(), torch.randn(6, 5)
    linear.make_exact()
    torch.testing.assert_close(linear.elbo(x), linear.p_x.log_prob(x), rtol=1e-10, atol=1e-10)


def test_at_the_exact_posterior_every_draw_has_the_weight_p_of_x():
    linear, x = Linear(), torch.randn(6, 5)
    linear.make_exact()
    log_w = linear.model.log_w(x, torch.randn(7, 6, 2))
    torch.testing.assert_close(log_w, linear.p_x.log_prob(x).expand(7, 6), rtol=1e-10, atol=1e-10)


def test_the_mean_of_log_w_is_the_elbo():
    linear, x = Linear(), torch.randn(6, 5)
    log_w = linear.model.log_w(x, torch.randn(20_000, 6, 2))
    away = (log_w.mean(0) - linear.elbo(x)).abs() / (log_w.std(0) / math.sqrt(20_000))
    assert away.max() < 4


def test_more_draws_give_a_higher_bound_and_many_give_log_p():
    """Over blocks of one draw the rise is certain (Jensen); the end is known within its error."""
    linear, x = Linear(), torch.randn(4, 5)
    linear.make_exact()
    linear.model.E.net[0].bias.data += torch.tensor([0.5, -0.5, 0.7, 0.7])  # a q that is off, but wide enough
    log_w = linear.model.log_w(x, torch.randn(64 * 1000, 4, 2))
    measured = {k: bound(log_w.view(-1, k, 4).transpose(0, 1)) for k in (1, 2, 5, 20, 100, 1000)}
    torch.testing.assert_close(measured[1], log_w)
    assert torch.stack([b.mean(0) for b in measured.values()]).diff(dim=0).min() > 0
    log_p, error = linear.p_x.log_prob(x), measured[1000].std(0) / 8
    assert (measured[1].mean(0) < log_p - 0.1).all()
    assert ((measured[1000].mean(0) - log_p).abs() < 4 * error + 1e-3).all()
    assert error.max() < 0.02


def test_the_held_out_numbers_are_the_bound_and_its_parts():
    linear, x = Linear(), torch.randn(6, 5)
    linear.make_exact()
    measured = linear.model.bounds(x, torch.randn(500, 6, 2))
    log_p = linear.p_x.log_prob(x).mean()
    torch.testing.assert_close(measured["ELBO"], log_p)
    torch.testing.assert_close(measured["log p(x)"], log_p)
    posterior = linear.posterior(x)
    prior = MultivariateNormal(torch.zeros(2), torch.eye(2))
    torch.testing.assert_close(measured["KL"], kl_divergence(posterior, prior).mean())
    # E_q[log p(x | z)] of a Gaussian: the density at the mean, less the spread seen through W
    at_mean = stats.norm.logpdf(x, posterior.mean @ linear.W.T + linear.b, SIGMA).sum(1).mean()
    seen = (linear.W @ posterior.covariance_matrix[0] @ linear.W.T).trace() / (2 * SIGMA**2)
    assert measured["reconstruction"].item() == pytest.approx(at_mean - seen.item())
    each = kl_divergence(Normal(posterior.mean, posterior.variance.sqrt()), Normal(0.0, 1.0)).mean(0)
    torch.testing.assert_close(measured["KL of each dimension"], each)


@pytest.mark.parametrize("n", [8, 400])
def test_a_dimension_is_active_if_its_mean_varies_by_more_than_a_hundredth(n):
    """By an unbiased estimate: few examples do not make it sleep."""
    model, x = vae(FLAT, depth=0), torch.randn(n, 5)
    x = (x - x.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(x.T.cov())).T  # covariance I
    for variances in ((0.009, 0.011), (0.009, 0.009), (0.011, 5.0)):
        with torch.no_grad():
            model.E.net[0].weight.zero_()
            model.E.net[0].weight[[0, 1], [2, 4]] = torch.tensor(variances).sqrt()
        measured = model.bounds(x, torch.randn(1, n, 2))["active units"].item()
        assert measured == sum(v > 0.01 for v in variances)


def test_the_pictures_probabilities_of_a_bernoulli_decoder_sum_to_one():
    """All 16 pictures of 2 x 2 pixels; log p(x) by integrating over z, and by the bound of many draws."""
    model = vae(TINY, likelihood="Bernoulli", z=1)
    x = 2 * torch.tensor(list(itertools.product((0.0, 1.0), repeat=4))).view(16, 1, 2, 2) - 1

    with torch.no_grad():  # q near the prior for all x: then no weight is far above the others
        model.E.net[-1].weight.mul_(0.1)
        model.E.net[-1].bias.copy_(torch.tensor([0.3, 0.2]))
        nodes = torch.linspace(-9, 9, 20_001)[:, None]
        white = model.D(nodes).sigmoid()
    each = torch.stack([torch.where(one > 0, white, 1 - white).flatten(1).prod(1) for one in x])
    exact = torch.trapezoid(each * torch.tensor(stats.norm.pdf(nodes[:, 0])), nodes[:, 0])
    assert exact.sum().item() == pytest.approx(1, abs=1e-6)
    for u in torch.rand(2, 16, 1, 2, 2) * 2 - 1:  # black stays black and white white, whatever u is
        with torch.no_grad():
            log_w = model.log_w(x, torch.randn(40_000, 16, 1), u)
        w = log_w.exp()
        error = w.std(0) / w.mean(0) / math.sqrt(len(w))
        away = (bound(log_w) - exact.log()).abs()
        assert (away < 4 * error).all()
        assert error.max() < 0.02


# --- the loss ------------------------------------------------------------------------------------


def test_with_beta_1_the_loss_is_minus_the_elbo_of_one_draw():
    model, x, eps = vae(FLAT, likelihood="Gaussian", sigma=SIGMA), torch.randn(6, 5), torch.randn(6, 2)
    terms = model.terms(x, eps)
    assert tuple(terms) == TERMS
    with torch.no_grad():
        mu, log_var = model.E(x).chunk(2, 1)
        z = mu + (log_var / 2).exp() * eps
        log_p = stats.norm.logpdf(x, model.D(z), SIGMA).sum(1).mean()
    prior = Normal(torch.zeros(2), torch.ones(2))
    charge = kl_divergence(Normal(mu, (log_var / 2).exp()), prior).sum(1).mean().item()
    assert [t.item() for t in terms.values()] == pytest.approx([-log_p, charge])


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 20.0])
def test_the_derivative_of_the_loss_by_beta_is_the_kl(beta):
    model, x, eps = vae(FLAT), torch.randn(6, 5), torch.randn(6, 2)
    at = {}
    for value in (beta, beta + 1):
        model.config = model.config.change({"beta": value})
        at[value] = model.terms(x, eps)
    slope = sum(at[beta + 1].values()) - sum(at[beta].values())
    q = model.q(x)
    closed = ((q.mean**2 + q.variance - q.variance.log() - 1) / 2).sum(1).mean()
    torch.testing.assert_close(slope, closed)
    torch.testing.assert_close(at[beta][TERMS[1]], beta * closed)


def test_free_bits_charge_each_dimension_for_no_less_than_they_are():
    x, eps = torch.randn(6, 5), torch.randn(6, 3)
    model = vae(FLAT, z=3)
    each = kl(model.q(x)).mean(0)
    between = each.sort().values[:2].mean().item()  # one dimension has less, two have more
    model.config = model.config.change({"free_bits": between})
    measured = model.terms(x, eps)[TERMS[1]]
    assert measured.item() == pytest.approx(sum(max(between, k) for k in each.tolist()))
    slope = torch.autograd.grad(measured, model.E.net[-1].bias)[0].view(2, 3).abs().sum(0)
    assert ((slope == 0) == (each < between)).all()


@pytest.mark.parametrize(("round", "share"), [(0, 1 / 10), (4, 5 / 10), (9, 1.0), (500, 1.0)])
def test_warm_up_lets_the_weight_of_kl_grow_to_beta(round, share):
    x, measured = torch.randn(6, 5), {}
    for warm_up in (0, 9):
        model = vae(FLAT, beta=3, warm_up=warm_up)
        torch.manual_seed(1)
        ((player, terms),) = model.turns(batch(x, round))
        assert player is model
        measured[warm_up] = terms
    assert measured[9][TERMS[1]].item() == pytest.approx(share * measured[0][TERMS[1]].item())
    assert measured[9][TERMS[0]].item() == measured[0][TERMS[0]].item()


def test_the_encoder_sees_the_black_and_white_picture_that_is_asked_for():
    model = vae(TINY, likelihood="Bernoulli")
    x, u, eps = torch.rand(3, 1, 2, 2) * 2 - 1, torch.rand(3, 1, 2, 2) * 2 - 1, torch.randn(3, 2)
    black_and_white = torch.where(u < x, 1.0, -1.0)
    drawn, plain = model.terms(x, eps, u), model.terms(black_and_white, eps, torch.rand_like(u))
    assert [t.item() for t in drawn.values()] == pytest.approx([t.item() for t in plain.values()], rel=1e-12)


def test_the_reparameterised_gradient_is_that_of_the_expectation():
    """The expectation as an integral over z, where mu and sigma sit in q's density and not in z."""
    model = vae(FLAT, z=1, activation="tanh", likelihood="Gaussian", sigma=SIGMA)
    x, n = torch.randn(5), 40_000
    bias = model.E.net[-1].bias
    nodes = torch.linspace(-12, 12, 6001)[:, None]
    with torch.no_grad():
        log_p = torch.tensor(stats.norm.logpdf(x, model.D(nodes), SIGMA).sum(1))

    def expected(step: Tensor) -> float:
        with torch.no_grad():
            mu, log_var = (model.E(x[None])[0] + step).unbind()
            q = stats.norm.pdf(nodes[:, 0], mu, (log_var / 2).exp())
            return torch.trapezoid(torch.tensor(q) * -log_p, nodes[:, 0]).item()

    h = 1e-4
    slopes = [(expected(h * e) - expected(-h * e)) / (2 * h) for e in torch.eye(2)]
    eps = torch.randn(n, 1)
    each = []
    for part in eps.view(40, -1, 1):
        terms = model.terms(x.expand(len(part), 5), part)
        each.append(torch.autograd.grad(terms[TERMS[0]], bias)[0])
    drawn = torch.stack(each)
    away = (drawn.mean(0) - torch.tensor(slopes)).abs() / (drawn.std(0) / math.sqrt(40))
    assert min(map(abs, slopes)) > 0.05
    assert away.max() < 4
