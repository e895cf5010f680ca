"""Laws of the conditional VAE."""

import pytest
import torch
from scipy import stats
from torch.distributions import Normal, kl_divergence

from engine.codes.cvae import CVAE
from engine.codes.vae import VAE
from engine.config import Refused
from engine.space import Space
from tests.laws.codes.coding import shaken

pytestmark = pytest.mark.usefixtures("double")

SHAPES = {"points": (5,), "image": (1, 4, 4)}


def cvae(shape: tuple[int, ...], classes: int, **values) -> CVAE:
    return shaken(CVAE, Space.of(shape, classes), **values)


def without_label(model: CVAE) -> VAE:
    """The VAE with the same weights: of one class the label is a constant 1, so that its column is a part
    of the bias."""
    space = Space.of(model.space.shape)
    shared = {k: v for k, v in model.config.model_dump().items() if k in VAE.Config.model_fields}
    vae = VAE(VAE.configure(space, shared), space)
    weights = model.state_dict()
    for name, weight in vae.state_dict().items():
        if name in weights and weights[name].dim() == 2 and weight.shape[1] == weights[name].shape[1] - 1:
            bias = name.replace("weight", "bias")
            weights[bias] = weights[bias] + weights[name][:, -1]
            weights[name] = weights[name][:, :-1]
    vae.load_state_dict({"warmth": torch.ones(())} | weights)
    return vae


@pytest.mark.parametrize("network", ["MLP", "convolutional"])
@pytest.mark.parametrize("likelihood", ["Bernoulli", "Gaussian", "Gaussian, learned variance"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_with_one_class_it_is_the_vae(shape, likelihood, network):
    model = cvae(shape, 1, likelihood=likelihood, beta=3.0, network=network)
    vae = without_label(model)
    x, y, eps, u = torch.rand(6, *shape), torch.zeros(6, dtype=torch.int64), torch.randn(6, 2), model.p_u(6)
    terms = zip(model.terms(x, y, eps, u).values(), vae.terms(x, eps, u).values(), strict=True)
    assert all(one.item() == pytest.approx(other.item(), rel=1e-12) for one, other in terms)
    for one, other in zip(model.encode(x, y), vae.encode(x), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(model.decode(eps, y), vae.decode(eps), rtol=1e-12, atol=1e-12)
    many = torch.randn(3, 6, 2)
    torch.testing.assert_close(model.log_w(x, many, u, y), vae.log_w(x, many, u), rtol=1e-12, atol=1e-12)


def test_its_loss_is_minus_the_bound_on_log_p_of_x_given_its_label():
    model = cvae((5,), 3, likelihood="Gaussian", sigma=0.6)
    x, y, eps = torch.randn(6, 5), torch.arange(6) % 3, torch.randn(6, 2)
    with torch.no_grad():
        label = torch.eye(3)[y]
        mu, log_var = model.E.net(torch.cat([x, label], 1)).chunk(2, 1)
        z = mu + (log_var / 2).exp() * eps
        mean = model.D(torch.cat([z, label], 1))
        log_p = stats.norm.logpdf(x, mean, 0.6).sum(1).mean()
    charge = kl_divergence(Normal(mu, (log_var / 2).exp()), Normal(0.0, 1.0)).sum(1).mean().item()
    assert [t.item() for t in model.terms(x, y, eps).values()] == pytest.approx([-log_p, charge])


def test_each_of_many_draws_keeps_the_label_of_its_example():
    model = cvae((5,), 3)
    x, y, eps = torch.randn(6, 5), torch.tensor([2, 0, 1, 1, 2, 0]), torch.randn(4, 6, 2)
    together = model.log_w(x, eps, None, y)
    for i in range(6):
        alone = model.log_w(x[i : i + 1], eps[:, i : i + 1], None, y[i : i + 1])
        torch.testing.assert_close(together[:, i : i + 1], alone)


def test_without_labels_it_is_refused():
    with pytest.raises(Refused, match="needs data with labels"):
        cvae((5,), 0)
    model = cvae((5,), 3)
    with pytest.raises(Refused, match="needs data with labels"):
        model.encode(torch.randn(2, 5))
    with pytest.raises(Refused, match="needs data with labels"):
        model.decode(torch.randn(2, 2))
