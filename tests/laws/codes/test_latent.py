"""Laws of what models with codes share: KL, likelihoods, binarization, up-sampling."""

import itertools
import math

import pytest
import torch
from scipy import stats
from torch.distributions import Normal

from engine.codes import base as latent
from engine.codes.vae import VAE
from engine.config import Refused
from engine.nets.layers import Up, pool, spread, unpool
from engine.space import Picture, Space

pytestmark = pytest.mark.usefixtures("double")


def proposals(n: int = 6, z: int = 3) -> Normal:
    generator = torch.Generator().manual_seed(1)
    mu, log_var = torch.randn(2, n, z, generator=generator) * 1.5
    return latent.normal(torch.cat([mu, log_var], -1))


def vae(space: Space, **values) -> VAE:
    torch.manual_seed(0)
    return VAE(VAE.configure(space, {"width": 8} | values), space)


# --- KL ------------------------------------------------------------------------------------------


def test_an_encoder_puts_out_the_mean_and_the_logarithm_of_the_variance():
    q = latent.normal(torch.tensor([[2.0, -1.0, math.log(9.0), math.log(0.25)]]))
    assert q.mean.tolist() == [[2.0, -1.0]]
    torch.testing.assert_close(q.variance, torch.tensor([[9.0, 0.25]]))


def test_kl_is_its_closed_form_for_each_example_and_dimension():
    q = proposals()
    expected = (q.mean**2 + q.variance - q.variance.log() - 1) / 2
    computed = latent.kl(q)
    assert computed.shape == (6, 3)
    torch.testing.assert_close(computed, expected, rtol=1e-12, atol=1e-12)


def test_kl_is_what_draws_of_q_say():
    """Monte Carlo with scipy's densities, within 3 standard errors (4 for the worst of 18)."""
    q = proposals()
    z = q.sample((20_000,))
    ratio = stats.norm.logpdf(z, q.mean, q.stddev) - stats.norm.logpdf(z)
    error = ratio.std(0) / math.sqrt(len(z))
    away = abs(ratio.mean(0) - latent.kl(q).numpy()) / error
    assert (away < 3).mean() > 0.9
    assert away.max() < 4


def test_kl_is_zero_at_the_prior_and_only_there():
    assert latent.kl(latent.normal(torch.zeros(1, 8))).abs().max() == 0
    near = torch.tensor(list(itertools.product((-0.1, 0, 0.1), repeat=2)))
    computed = latent.kl(latent.normal(near)).flatten()
    assert torch.equal(computed > 1e-4, near.abs().sum(1) > 0)


def test_the_variance_of_a_proposal_stays_finite_and_positive():
    q = latent.normal(torch.tensor([[0.0, 0.0, -1e6, 1e6]]))
    assert q.variance.log().tolist() == [[pytest.approx(-20), pytest.approx(10)]]


def test_no_proposal_has_a_negative_kl():
    assert latent.kl(proposals(5000)).min() >= 0


# --- likelihoods ---------------------------------------------------------------------------------


def test_the_bernoulli_likelihood_is_that_of_scipy():
    space = Space.of((1, 2, 3))
    model = vae(space, likelihood="Bernoulli")
    out, x = torch.randn(5, 1, 2, 3), torch.randint(2, (5, 1, 2, 3)).double()
    expected = stats.bernoulli.logpmf(x, out.sigmoid()).reshape(5, -1).sum(1)
    assert latent.log_prob(model.likelihood(out), x).numpy() == pytest.approx(expected, rel=1e-12)


def test_a_grey_pixel_costs_what_its_draws_cost_on_average():
    """Without u the greys themselves are explained: white with the probability that the grey gives."""
    grey, out = torch.rand(5, 1, 2, 3), 3 * torch.randn(5, 1, 2, 3)
    _, target = (model := vae(Space.of((1, 2, 3)), likelihood="Bernoulli")).target(2 * grey - 1, None)
    torch.testing.assert_close(target, grey)
    p = out.sigmoid()
    expected = (grey * p.log() + (1 - grey) * (1 - p).log()).flatten(1).sum(1)
    torch.testing.assert_close(latent.log_prob(model.likelihood(out), target), expected)


@torch.no_grad()
@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("space", [Space.of((4,)), Space.of((1, 2, 2))], ids=["points", "image"])
def test_the_gaussian_likelihood_is_that_of_scipy(space, learned):
    kind = "Gaussian, learned variance" if learned else "Gaussian"
    model = vae(space, likelihood=kind, sigma=0.7)
    if learned:
        model.log_sigma.fill_(math.log(0.7))
    out, x = torch.randn(2, 5, *space.shape)
    mean = out.tanh() if isinstance(space, Picture) else out  # the range of pixels
    expected = stats.norm.logpdf(x, mean, 0.7).reshape(5, -1).sum(1)
    assert latent.log_prob(model.likelihood(out), x).numpy() == pytest.approx(expected, rel=1e-12)


@torch.no_grad()
def test_codes_are_decoded_to_the_mean_on_the_scale_of_pixels():
    space, z = Space.of((1, 1, 3)), torch.randn(4, 2)
    black_or_white = vae(space, likelihood="Bernoulli")
    share = stats.logistic.cdf(black_or_white.D(z))  # of white
    assert black_or_white.decode(z).numpy() == pytest.approx(share * 1 + (1 - share) * -1)
    grey = vae(space, likelihood="Gaussian")
    torch.testing.assert_close(grey.decode(z), grey.D(z).tanh())


@pytest.mark.parametrize("training", [True, False])
def test_dynamic_binarization_is_unbiased(training):
    model = vae(Space.of((1, 2, 4)), likelihood="Bernoulli").train(training)
    x = torch.linspace(-1, 1, 8).view(1, 1, 2, 4)
    n = 20_000
    seen, drawn = model.target(x.expand(n, -1, -1, -1), model.p_u(n))
    assert torch.equal(seen, torch.where(drawn == 1, 1.0, -1.0))  # the encoder sees what is asked for
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    grey = (x[0] + 1) / 2
    away = (drawn.mean(0) - grey).abs() / (grey * (1 - grey) / n).sqrt().clamp(min=1e-9)
    assert away.max() < 4
    for computed, wanted in zip(model.target(x, None), (x, grey[None]), strict=True):
        torch.testing.assert_close(computed, wanted)  # without u: the greys themselves


def test_only_a_bernoulli_decoder_asks_for_black_and_white():
    for likelihood in ("Gaussian", "Gaussian, learned variance"):
        x = torch.rand(3, 1, 2, 2)
        model = vae(Space.of((1, 2, 2)), likelihood=likelihood)
        assert model.p_u(3) is None
        assert all(t is x for t in model.target(x, torch.rand_like(x)))


@pytest.mark.parametrize("likelihood", ["Bernoulli", "Gaussian", "Gaussian, learned variance"])
def test_of_a_model_that_has_diverged_all_is_nan_and_nothing_ends(likelihood):
    model = vae(Space.of((1, 2, 2)), likelihood=likelihood)
    for weight in model.parameters():
        weight.data.fill_(math.nan)
    x, eps = torch.rand(3, 1, 2, 2), torch.randn(1, 3, 2)
    for number in (*model.terms(x, eps[0], model.p_u(3)).values(), model.log_w(x, eps, model.p_u(3))):
        assert number.isnan().all()


# --- up-sampling ---------------------------------------------------------------------------------


def test_max_unpooling_puts_the_kept_numbers_back_and_zeros_elsewhere():
    x = torch.randn(2, 3, 4, 6)
    back = unpool(*pool(x))
    assert back.shape == x.shape
    for b, c, i, j in itertools.product(range(2), range(3), range(2), range(3)):
        square, computed = (t[b, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].flatten() for t in (x, back))
        largest = square.tolist().index(max(square.tolist()))
        assert computed.tolist() == [v if k == largest else 0 for k, v in enumerate(square.tolist())]


def explicit(kind: str, x: torch.Tensor, net: torch.nn.ConvTranspose2d | None) -> torch.Tensor:
    """(1, C, h, w) doubled, number by number, from the definitions."""
    _, channels, h, w = x.shape
    out = torch.zeros(1, channels, 2 * h, 2 * w)
    for c, i, j in itertools.product(range(channels), range(2 * h), range(2 * w)):
        if kind == "nearest":
            out[0, c, i, j] = x[0, c, i // 2, j // 2]
        if kind == "max-unpooling" and i % 2 == j % 2 == 0:
            out[0, c, i, j] = x[0, c, i // 2, j // 2]
        if kind == "bilinear":  # the pixel's centre lies a quarter of a big pixel off the nearest centre
            for a, share_a in ((i // 2, 0.75), (i // 2 + (1 if i % 2 else -1), 0.25)):
                for b, share_b in ((j // 2, 0.75), (j // 2 + (1 if j % 2 else -1), 0.25)):
                    at = min(max(a, 0), h - 1), min(max(b, 0), w - 1)
                    out[0, c, i, j] += share_a * share_b * x[0, c, *at]
        if kind == "transposed":  # each input stamps the 4 x 4 kernel, two pixels apart
            out[0, c, i, j] = net.bias[c]
            for k, a, b in itertools.product(range(channels), range(h), range(w)):
                u, v = i - 2 * a + 1, j - 2 * b + 1
                if 0 <= u < 4 and 0 <= v < 4:
                    out[0, c, i, j] += x[0, k, a, b] * net.weight[k, c, u, v]
    return out


@pytest.mark.parametrize("kind", ["nearest", "bilinear", "max-unpooling", "transposed"])
@torch.no_grad()
def test_each_way_of_doubling_a_feature_map_is_its_formula(kind):
    up, x = Up(kind, 2), torch.randn(1, 2, 3, 4)
    torch.testing.assert_close(up(x), explicit(kind, x, up.net), rtol=1e-12, atol=1e-12)


def test_doubling_without_places_keeps_each_number_once():
    x = torch.randn(2, 3, 2, 5)
    assert torch.equal(spread(x)[..., ::2, ::2], x)
    assert spread(x).count_nonzero() == x.numel()


@pytest.mark.parametrize("shape", [(1, 27, 28), (1, 28, 30), (3, 10, 10), (1, 1, 1)])
def test_a_convolutional_net_refuses_pictures_it_cannot_halve_twice(shape):
    with pytest.raises(
        Refused, match=f"halves pictures twice; {shape[1]} x {shape[2]} is not divisible by 4"
    ):
        vae(Space.of(shape), network="convolutional", likelihood="Bernoulli")


@pytest.mark.parametrize("up", ["nearest", "bilinear", "max-unpooling", "transposed"])
@pytest.mark.parametrize("shape", [(1, 4, 8), (3, 12, 4)])
def test_a_convolutional_net_keeps_the_shape_of_its_pictures(shape, up):
    model = vae(Space.of(shape), network="convolutional", upsampling=up, likelihood="Bernoulli", z=3, width=4)
    mu, sigma = model.encode(torch.rand(2, *shape))
    assert mu.shape == sigma.shape == (2, 3)
    assert model.decode(mu).shape == (2, *shape)
