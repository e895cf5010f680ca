"""Every turn of AE, VAE and CVAE, and what is measured on test examples, written out from the papers."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import expit
from torch import Tensor, nn

from engine.codes import base
from engine.codes.ae import AE
from engine.codes.base import ACTIVE, ELBO, KL, KL_EACH, LOG_P, RECONSTRUCTION, RESTORED
from engine.codes.cvae import CVAE
from engine.codes.pca import PCA, principal_directions
from engine.codes.vae import VAE
from engine.config import Refused
from engine.family import Batch
from engine.nets.layers import Up
from engine.space import Space
from engine.stack import stack
from tests.laws.codes.coding import shaken

pytestmark = pytest.mark.usefixtures("double")

LIKELIHOODS = ["Bernoulli", "Gaussian", "Gaussian, learned variance"]
SHAPES = {"points": (5,), "image": (1, 4, 4)}
CLASSES, N = 3, 6


def made(family, shape, **values):
    return shaken(family, Space.of(shape, CLASSES), **values)


def kept(model, name: str, monkeypatch) -> list[Tensor]:
    """What this method of the model returns from now on."""
    drawn, method = [], getattr(model, name)
    monkeypatch.setattr(model, name, lambda *given: drawn.append(method(*given)) or drawn[-1])
    return drawn


def told(y: Tensor) -> np.ndarray:
    return np.eye(CLASSES)[y]


@torch.no_grad()
def by_hand(model, x: Tensor, y: Tensor, eps: Tensor, u: Tensor | None) -> tuple[np.ndarray, ...]:
    """-log p(x | z) (n,), KL of each dimension (n, z), and log p(x, z) / q(z | x) (n,), by scipy."""
    c, label = model.config, torch.tensor(told(y)) if model.labelled else None
    seen = target = x
    if c.likelihood == "Bernoulli":
        target = (u < x).double()
        seen = 2 * target - 1
    out = model.E(seen, label) if model.labelled else model.E(seen)
    mu, log_var = out[:, : c.z].numpy(), out[:, c.z :].numpy()
    sigma = np.exp(log_var / 2)
    z = mu + sigma * eps.numpy()
    given = np.concatenate([z, label.numpy()], 1) if model.labelled else z
    out = model.D(torch.tensor(given)).numpy()
    if c.likelihood == "Bernoulli":
        log_p = stats.bernoulli.logpmf(target.numpy(), expit(out))
    else:
        spread = c.sigma if c.likelihood == "Gaussian" else math.exp(model.log_sigma.item())
        log_p = stats.norm.logpdf(x.numpy(), np.tanh(out) if len(model.space.shape) == 3 else out, spread)
    log_p = log_p.reshape(len(x), -1).sum(1)
    each = (mu**2 + sigma**2 - log_var - 1) / 2
    ratio = (stats.norm.logpdf(z) - stats.norm.logpdf(z, mu, sigma)).sum(1)
    return -log_p, each, log_p + ratio


def turn(model, x, y, round=0):
    ((player, terms),) = model.turns(Batch(round, x, y, lambda: None))
    assert player is model
    return [t.item() for t in terms.values()]


KNOBS = [
    {"beta": 1.0}, {"beta": 0.0, "free_bits": 0.3}, {"beta": 7.0, "warm_up": 9},
    {"beta": 0.5, "free_bits": 0.4, "warm_up": 3},
]  # fmt: skip


@pytest.mark.parametrize("knobs", KNOBS, ids=str)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("family", [VAE, CVAE])
def test_a_turn_is_its_formula(family, shape, likelihood, knobs, monkeypatch):
    given = {k: v for k, v in knobs.items() if k in family.Config.model_fields}
    model = made(family, shape, likelihood=likelihood, sigma=0.6, **given)
    x, y = torch.rand(N, *shape) * 2 - 1, torch.tensor([2, 0, 1, 1, 2, 0])
    eps, u = kept(model, "p_eps", monkeypatch), kept(model, "p_u", monkeypatch)
    for round in (0, 2, 40):
        restore, diverge = turn(model, x, y, round)
        cost, each, _ = by_hand(model, x, y, eps[-1], u[-1])
        weight = knobs["beta"] * min(1, (round + 1) / (given.get("warm_up", 0) + 1))
        assert restore == pytest.approx(cost.mean(), rel=1e-9)
        free = np.maximum(each.mean(0), given.get("free_bits", 0))
        assert diverge == pytest.approx(weight * free.sum(), rel=1e-9, abs=1e-12)
    # each example has noise of its own, and each round
    assert len(eps) == len(u) == 3
    assert len(torch.cat(eps).flatten().unique()) == 3 * N * 2
    if likelihood == "Bernoulli":
        assert len(torch.cat(u).flatten().unique()) == 3 * N * model.space.size
    else:
        assert u == [None] * 3


@pytest.mark.parametrize("family", [VAE, CVAE])
def test_a_convolutional_turn_is_its_formula_too(family, monkeypatch):
    model = made(family, (2, 8, 4), network="convolutional", width=4, likelihood="Gaussian")
    x, y = torch.rand(N, 2, 8, 4) * 2 - 1, torch.arange(N) % CLASSES
    eps, u = kept(model, "p_eps", monkeypatch), kept(model, "p_u", monkeypatch)
    restore, diverge = turn(model, x, y)
    cost, each, _ = by_hand(model, x, y, eps[-1], u[-1])
    assert [restore, diverge] == pytest.approx([cost.mean(), each.sum(1).mean()], rel=1e-9)


def test_noise_is_drawn_from_the_distributions_that_the_formulas_name():
    model = made(VAE, (1, 4, 4), likelihood="Bernoulli", z=20)
    for draws in (model.p_eps(1000), model.p_z(1000)):
        assert draws.shape == (1000, 20)
        assert stats.kstest(draws.flatten().numpy(), "norm").pvalue > 1e-4
    u = model.p_u(1000)
    assert u.shape == (1000, 1, 4, 4)
    assert stats.kstest(u.flatten().numpy(), "uniform", (-1, 2)).pvalue > 1e-4


# --- what is measured on test examples -------------------------------------------------------------


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("family", [VAE, CVAE])
def test_the_held_out_numbers_are_their_formulas_with_pixels_drawn_afresh(
    family, shape, likelihood, monkeypatch
):
    model = made(family, shape, likelihood=likelihood, sigma=0.6, beta=9.0)
    x, y = torch.rand(50, *shape) * 2 - 1, torch.arange(50) % CLASSES
    seen, weighed = [], model.weighed
    monkeypatch.setattr(model, "weighed", lambda *given: seen.append(given) or weighed(*given))
    row = model.evaluate(x, y)
    ((x_, eps, u, y_),) = seen
    assert x_ is x or torch.equal(x_, x)
    assert torch.equal(y_, y)
    assert eps.shape == (32, 50, 2)
    assert stats.kstest(eps.flatten().numpy(), "norm").pvalue > 1e-4
    if likelihood == "Bernoulli":
        assert u.shape == x.shape
        assert stats.kstest(u.flatten().numpy(), "uniform", (-1, 2)).pvalue > 1e-4
    else:
        assert u is None
    drawn = [by_hand(model, x, y, one, u) for one in eps]
    each, log_w = drawn[0][1], np.stack([d[2] for d in drawn])
    assert row[KL_EACH] == pytest.approx(each.mean(0))
    assert row[KL] == pytest.approx(each.sum(1).mean())
    assert row[ELBO] == pytest.approx(log_w.mean())
    assert row[RECONSTRUCTION] == pytest.approx(log_w.mean() + each.sum(1).mean())
    assert row[LOG_P] == pytest.approx(
        np.log(np.exp(log_w - log_w.max(0)).mean(0)).mean() + log_w.max(0).mean()
    )
    mean = model.encode(x if u is None else torch.where(u < x, 1.0, -1.0), y)[0]
    assert row[ACTIVE] == (mean.detach().numpy().var(0, ddof=1) > 0.01).sum()
    assert ELBO.sign == KL.sign == 1
    assert RECONSTRUCTION.sign == -1


def test_the_number_of_draws_is_as_asked_also_of_a_stack(monkeypatch):
    model, x = made(VAE, (5,)), torch.rand(4, 5)
    configs = [model.config.change({"beta": beta}) for beta in (1.0, 2.0)]
    for one, k, wanted in (
        (model, 3, 3),
        (model, 40, 40),
        (stack(VAE, configs, model.space, [0, 1]), 40, 40),
    ):
        shapes, bounds = [], one.bounds
        monkeypatch.setattr(
            one, "bounds", lambda x, eps, *m, b=bounds, s=shapes: s.append(eps) or b(x, eps, *m)
        )
        one.evaluate(x, None, k)
        assert shapes[0].shape[-3:] == (wanted, 4, 2)
        if shapes[0].ndim == 4:
            assert torch.equal(shapes[0][0], shapes[0][1])  # all members are measured by the same draws


def test_codes_are_the_mean_and_the_deviation_of_q():
    for model, y in ((made(VAE, (5,)), None), (made(CVAE, (5,)), torch.arange(4) % 3)):
        x = torch.randn(4, 5)
        mu, log_var = (model.E(x) if y is None else model.E(x, torch.eye(3)[y])).chunk(2, 1)
        mean, deviation = model.encode(x, y)
        torch.testing.assert_close(mean, mu)
        torch.testing.assert_close(deviation, (log_var / 2).exp())


# --- samples ---------------------------------------------------------------------------------------


@torch.no_grad()
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("family", [VAE, CVAE])
def test_samples_of_points_have_the_noise_of_the_decoder_and_pictures_have_none(family, likelihood):
    points = made(family, (5,), likelihood=likelihood, sigma=0.2)
    if likelihood == "Gaussian, learned variance":
        points.log_sigma.fill_(math.log(0.2))
    z, y = torch.randn(1, 2).expand(4000, 2), torch.full((4000,), 2)
    x, mean = points.emit(z, y), points.decode(z[:1], y[:1])
    noise = 0.0 if likelihood == "Bernoulli" else 0.2
    torch.testing.assert_close(x.mean(0), mean[0], atol=0.02, rtol=0)
    torch.testing.assert_close(x.std(0), torch.full((5,), noise), atol=0.02, rtol=0)
    pictures = made(family, (1, 4, 4), likelihood=likelihood, sigma=0.2)
    torch.testing.assert_close(pictures.emit(z[:9], y[:9]), pictures.decode(z[:9], y[:9]))


@torch.no_grad()
def test_samples_are_decoded_from_draws_of_the_prior_with_labels_in_turn_or_as_asked(monkeypatch):
    for family in (VAE, CVAE):
        model = made(family, (1, 4, 4))
        drawn = kept(model, "p_z", monkeypatch)
        for y in (None, torch.tensor([2, 2, 0, 1, 0, 1, 1])):
            x = model.sample(7, y)
            label = torch.arange(7) % CLASSES if y is None else y
            torch.testing.assert_close(x, model.decode(drawn[-1], label))
        assert drawn[0].shape == (7, 2)


# --- nets ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("depth", "width"), [(0, 8), (1, 16), (3, 4)])
@pytest.mark.parametrize(
    ("name", "kind"),
    [("LeakyReLU", nn.LeakyReLU), ("ReLU", nn.ReLU), ("tanh", nn.Tanh), ("linear", nn.Identity)],
)
def test_the_knobs_of_a_net_are_its_layers(depth, width, name, kind):
    model = made(VAE, (5,), depth=depth, width=width, activation=name)
    hidden = [width] * depth
    for net, sizes in ((model.E.net, [5, *hidden, 4]), (model.D[0], [2, *hidden, 5])):
        layers = [layer for layer in net if isinstance(layer, nn.Linear)]
        assert [(one.in_features, one.out_features) for one in layers] == [*itertools.pairwise(sizes)]
        assert sum(isinstance(layer, kind) for layer in net) == depth
        assert len(net) == 2 * depth + 1


@pytest.mark.parametrize("up", ["nearest", "bilinear", "max-unpooling", "transposed"])
def test_the_knobs_of_a_convolutional_net_are_its_layers(up):
    model = made(CVAE, (1, 8, 8), network="convolutional", width=6, upsampling=up, activation="tanh")
    kinds = [layer.kind for layer in model.D.modules() if isinstance(layer, Up)]
    assert kinds == [up, up]
    assert [c.out_channels for c in model.E.modules() if isinstance(c, nn.Conv2d)] == [6, 12]
    assert sum(isinstance(layer, nn.Tanh) for net in (model.E, model.D) for layer in net.modules()) == 4
    points = made(CVAE, (5,), network="convolutional")
    assert not [layer for layer in points.modules() if isinstance(layer, nn.Conv2d)]
    plain = made(CVAE, (1, 8, 8))
    assert not [layer for layer in plain.modules() if isinstance(layer, nn.Conv2d)]


@pytest.mark.parametrize(
    ("name", "slope"), [("LeakyReLU", 0.2), ("ReLU", 0.0), ("tanh", None), ("linear", 1.0)]
)
def test_activations_are_their_formulas(name, slope):
    x = torch.linspace(-3, 3, 13)
    wanted = x.tanh() if slope is None else torch.where(x > 0, x, slope * x)
    model = made(AE, (5,), activation=name)
    torch.testing.assert_close(model.E.net[1](x), wanted)


# --- the autoencoder -------------------------------------------------------------------------------


def corrupted(kind: str, amount: float, x: Tensor, noise: Tensor) -> Tensor:
    lowest = -1.0 if x.ndim == 4 else 0.0
    seen = {"none": x, "Gaussian": x + amount * noise, "masking": torch.where(noise < amount, lowest, x)}
    return seen[kind]


@torch.no_grad()
@pytest.mark.parametrize("activation", ["LeakyReLU", "linear"])
@pytest.mark.parametrize("kind", ["none", "Gaussian", "masking"])
@pytest.mark.parametrize("amount", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_turn_of_the_autoencoder_and_its_test_error_are_their_formulas(
    shape, amount, kind, activation, monkeypatch
):
    model = made(AE, shape, noise=kind, amount=amount, activation=activation)
    x, other = torch.rand(N, *shape) * 2 - 1, torch.rand(4, *shape) * 2 - 1
    for given, method in (
        (x, lambda: turn(model, x, None)),
        (other, lambda: [model.evaluate(other)[RESTORED]]),
    ):
        with monkeypatch.context() as watched:
            noise = kept(model, "fresh_noise", watched)
            (error,) = method()
            out = model.D(model.E(corrupted(kind, amount, given, noise[-1])))
            restored = out.tanh() if len(shape) == 3 and activation != "linear" else out
            assert error == pytest.approx((given - restored).square().sum().item() / len(given))
            (again,) = method()
            assert len(noise) == 2
            assert not (noise[0] == noise[1]).any()
            assert (again == error) == (kind == "none" or amount == 0 or (kind == "masking" and amount == 1))
            assert noise[0].shape == given.shape


def test_the_noise_of_an_autoencoder_is_normal_or_uniform():
    for kind, distribution in (("none", "norm"), ("Gaussian", "norm"), ("masking", "uniform")):
        noise = made(AE, (5,), noise=kind).p_noise(2000).flatten().numpy()
        assert stats.kstest(noise, distribution).pvalue > 1e-4


@torch.no_grad()
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_an_autoencoder_encodes_and_decodes_with_its_nets_and_has_no_spread(shape):
    model, x = made(AE, shape), torch.rand(4, *shape)
    z, sigma = model.encode(x)
    torch.testing.assert_close(z, model.E(x))
    assert not sigma.any()
    assert sigma.shape == z.shape
    out = model.D(z)
    torch.testing.assert_close(model.decode(z), out.tanh() if len(shape) == 3 else out)
    torch.manual_seed(1)
    x = model.sample(5)
    torch.manual_seed(1)
    torch.testing.assert_close(x, model.decode(model.p_z(5)))


# --- PCA -------------------------------------------------------------------------------------------


@torch.no_grad()
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_turn_of_pca_tells_the_error_of_the_axes_before_they_turn(shape):
    torch.manual_seed(0)
    space = Space.of(shape)
    model = PCA(PCA.configure(space, {"z": 2}), space)
    for round in range(4):
        x = torch.randn(9, *shape) * torch.arange(1, 1 + space.size).view(shape) + 3
        V, m, n = model.V.clone(), model.m.clone(), model.n.item()
        turns = model.turns(Batch(round, x, None, lambda: None))
        player, terms = next(turns)
        assert player is model
        away = x.flatten(1) - m
        lost = (away - away @ V @ V.T).square().sum(1).mean()
        assert [t.item() for t in terms.values()] == pytest.approx([lost.item()], rel=1e-4)
        assert torch.equal(model.V, V)
        assert next(turns, None) is None
        assert model.n.item() == n + 9
        assert not torch.equal(model.V, V)


@torch.no_grad()
def test_samples_of_pca_have_its_mean_and_the_variances_along_its_axes():
    torch.manual_seed(0)
    space = Space.of((4,))
    model = PCA(PCA.configure(space, {"z": 2}), space)
    x = torch.randn(400, 4) @ torch.randn(4, 4) + 7
    for _ in range(50):
        model.learn(x)
    drawn = model.sample(40_000)
    torch.testing.assert_close(drawn.mean(0), x.mean(0), atol=0.1, rtol=0)
    along = torch.linalg.eigvalsh(x.T.cov(correction=0)).flip(0)[:2]
    torch.testing.assert_close((drawn - model.m) @ model.V @ torch.eye(2), (drawn - x.mean(0)) @ model.V)
    torch.testing.assert_close(((drawn - x.mean(0)) @ model.V).T.cov(), along.diag(), rtol=0.05, atol=0.05)
    assert ((drawn - model.m) - (drawn - model.m) @ model.V @ model.V.T).abs().max() < 1e-6


def test_an_axis_keeps_its_sign_from_batch_to_batch_and_a_first_batch_may_choose_it():
    torch.manual_seed(0)
    space = Space.of((6,))
    model = PCA(PCA.configure(space, {"z": 3}), space)
    x = torch.randn(200, 6) @ torch.randn(6, 6)
    model.learn(x)
    for _ in range(60):
        before = model.V.detach().clone()
        model.learn(x)
        assert ((before * model.V).sum(0) > 0).all()


def test_principal_directions_are_those_of_an_svd_with_the_largest_entry_positive():
    torch.manual_seed(0)
    x = (
        torch.randn(50, 6)
        @ torch.diag(torch.tensor([5.0, 4, 3, 2, 1, 0.5]))
        @ torch.linalg.qr(torch.randn(6, 6))[0]
        + 9
    )
    directions = principal_directions(x, 4)
    svd = torch.linalg.svd(x - x.mean(0), full_matrices=False)[2][:4]
    torch.testing.assert_close((directions * svd).sum(1).abs(), torch.ones(4))
    assert (directions.gather(1, directions.abs().argmax(1, keepdim=True)) > 0).all()
    assert principal_directions(x.float(), 2).dtype == torch.float32


def test_pca_begins_at_the_mean_and_says_how_many_directions_there_are():
    with pytest.raises(Refused, match="PCA of 5 numbers has at most 5 directions"):
        PCA.configure(Space.of((5,)), {"z": 6})
    assert PCA.configure(Space.of((5,)), {"z": 5}).z == 5
    assert [f.configure(Space.of((2,))).z for f in (PCA, AE, VAE, CVAE)] == [1, 1, 2, 2]


def test_the_names_are_the_papers():
    assert (base.ERROR.role, RESTORED.better, ELBO.better, LOG_P.better) == (
        "model",
        "lower",
        "higher",
        "higher",
    )
    assert RESTORED.best(None) == 0
