"""Any number of examples goes through the nets in parts; what cannot be measured is left out, with why."""

import dataclasses

import pytest
import torch

from engine.codes import base
from engine.codes.ae import AE
from engine.codes.base import ACTIVE, KL, RESTORED
from engine.codes.cvae import CVAE
from engine.codes.measures import HOLES, SHARPNESS
from engine.codes.pca import PCA
from engine.codes.vae import VAE
from engine.data import load
from engine.metrics.measure import LEFT_OUT
from engine.metrics.observe import observe
from engine.space import Space
from engine.stack import stack
from lab.runs import wall

SMALL = {"width": 8, "batch": 4}
CODERS = [
    (PCA, "digits", {}), (AE, "moons", {"noise": "Gaussian"}), (AE, "digits", {"noise": "masking"}),
    (VAE, "moons", {"z": 3}), (VAE, "digits", {"network": "convolutional"}), (CVAE, "digits", {}),
    (CVAE, "ring", {"likelihood": "Gaussian"}),
]  # fmt: skip


def made(family, data, **values):
    torch.manual_seed(0)
    known = {k: v for k, v in (SMALL | values).items() if k in family.Config.model_fields}
    model = family(family.configure(data.space, known), data.space)
    if isinstance(model, PCA):
        model.learn(data.take(slice(500)).flatten(1))
    return model


def measured(model, x, y):
    torch.manual_seed(3)
    return {k: torch.tensor(v, dtype=torch.float64) for k, v in model.evaluate(x, y).items() if k != LEFT_OUT}


@pytest.mark.parametrize(("family", "name", "values"), CODERS)
def test_parts_are_what_all_at_once_would_be_and_no_net_sees_more_at_a_time(
    family, name, values, monkeypatch
):
    data = load(name)
    model = made(family, data, **values)
    x, y = data.some(17, test=True)
    y = y if model.labelled else None
    z = torch.randn(17, model.config.z)
    whole = model.codes(x, y), model.decoded(z, y), measured(model, x, y)
    sizes = []
    for net in (model.E, model.D) if hasattr(model, "E") else ():
        net.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    monkeypatch.setattr(base, "NUMBERS", 5 * model.config.numbers(data.space))
    assert model.at_once == 5
    for one, other in zip((*whole[0], whole[1]), (*model.codes(x, y), model.decoded(z, y)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    for key, value in measured(model, x, y).items():
        torch.testing.assert_close(value, whole[2][key], rtol=1e-4, atol=1e-4)
    assert model.sample(12).shape == (12, *data.space.shape)
    assert model.codes(x[:1], y if y is None else y[:1])[0].shape == (1, model.config.z)
    if sizes:
        assert max(sizes) <= 32  # of one example, 32 draws are decoded
        assert 5 in sizes
        assert 2 in sizes  # 17 = 3 x 5 + 2
    sizes.clear()
    monkeypatch.setattr(base, "NUMBERS", 64 * model.config.numbers(data.space))
    measured(model, x, y)
    if sizes:  # as many as are allowed: 32 draws of two examples, or all examples
        assert max(sizes) == (17 if isinstance(model, AE) else 64)


def test_samples_in_parts_all_differ_and_have_their_labels(monkeypatch):
    data = load("digits")
    model = made(CVAE, data)
    for weight in model.D.parameters():
        weight.data.mul_(2)
    torch.manual_seed(1)
    whole, z = model.sample(14), torch.manual_seed(1) and model.p_z(14)
    torch.testing.assert_close(whole, model.decode(z, torch.arange(14) % 10))
    given = torch.arange(14).flip(0) % 10
    torch.manual_seed(1)
    torch.testing.assert_close(model.sample(14, given), model.decode(z, given))
    monkeypatch.setattr(base, "NUMBERS", 4 * 784)
    torch.manual_seed(1)
    torch.testing.assert_close(model.sample(14), whole)
    points = made(VAE, load("ring"))
    monkeypatch.setattr(base, "NUMBERS", 4 * points.config.numbers(points.space))
    assert len(points.sample(30).unique(dim=0)) == 30


@pytest.mark.parametrize("family", [AE, VAE])
def test_a_stack_is_measured_in_parts_too(family, monkeypatch):
    data = load("moons")
    knob, values = ("beta", (0.5, 4.0)) if family is VAE else ("amount", (0.2, 0.8))
    noise = {} if family is VAE else {"noise": "masking"}
    model = stack(
        family, [family.configure(data.space, SMALL | noise | {knob: v}) for v in values], data.space, [0, 1]
    )
    x, y = data.some(17, test=True)
    whole = measured(model, x, y)
    monkeypatch.setattr(base, "NUMBERS", 5 * model.config.numbers(data.space))
    for key, value in measured(model, x, y).items():
        torch.testing.assert_close(value, whole[key], rtol=1e-4, atol=1e-4)


def test_the_members_of_a_stack_share_what_goes_through_the_nets_at_a_time(monkeypatch):
    """32 draws of 3 examples for 2 members are 192."""
    data, sizes, right = load("moons"), [], base.parts
    configs = [VAE.configure(data.space, SMALL | {"beta": beta}) for beta in (0.5, 4.0)]
    model = stack(VAE, configs, data.space, [0, 1])
    monkeypatch.setattr(base, "parts", lambda size, *given: sizes.append(size) or right(size, *given))
    monkeypatch.setattr(base, "NUMBERS", 200 * model.config.numbers(data.space))
    model.evaluate(*data.some(17, test=True))
    assert sizes == [3]


@pytest.mark.parametrize(
    ("shape", "values", "numbers"),
    [
        ("digits", {"width": 8}, 784), ("ring", {"width": 8}, 8), ("ring", {"width": 512}, 512),
        ("digits", {"width": 8, "network": "convolutional"}, 8 * 784),
    ],
)  # fmt: skip
def test_the_largest_layer_is_that_of_the_net(shape, values, numbers):
    space = load(shape).space
    assert VAE.configure(space, values).numbers(space) == numbers
    if space.kind == "image":  # colours are numbers of a picture, and channels those of a feature map
        colours = Space.of((3, 28, 28))
        assert VAE.configure(colours, values).numbers(colours) == max(3 * 784, numbers)


# --- what cannot be measured -----------------------------------------------------------------------


def few(name: str, tests: int):
    data = load(name)
    return dataclasses.replace(
        data, x=data.x[:9], y=data.y[:9], test_x=data.test_x[:tests], test_y=data.test_y[:tests], name="few"
    )


@pytest.mark.parametrize("family", [VAE, CVAE])
def test_one_test_example_has_no_active_units_and_a_reason(family):
    data = few("digits", 1)
    row = observe(made(family, data), data)
    assert row[KL] > 0
    assert ACTIVE not in row
    assert row[LEFT_OUT] == [
        "active units are left out because they need two test examples; bring more data."
    ]
    two = observe(made(family, few("digits", 2)), few("digits", 2))
    assert LEFT_OUT not in two
    assert two[ACTIVE] in range(3)


def test_a_wall_says_so_too():
    data = few("moons", 1)
    configs = [VAE.configure(data.space, SMALL | {"beta": beta}) for beta in (0.5, 4.0)]
    row = wall.observe(stack(VAE, configs, data.space, [0, 0]), data)
    assert ACTIVE not in row
    assert "two test examples" in row[LEFT_OUT][0]
    assert len(row[KL]) == 2
    assert ACTIVE in wall.observe(stack(VAE, configs, data.space, [0, 0]), few("moons", 2))


def test_pictures_without_edges_have_no_sharpness_and_the_rest_is_measured():
    data = few("digits", 3)
    data = dataclasses.replace(data, test_x=torch.full_like(data.test_x, 9))
    row = observe(made(AE, data), data)
    assert {RESTORED, HOLES} <= set(row)
    assert SHARPNESS not in row
    assert "no edges" in row[LEFT_OUT][0]


# --- an exact density ------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e4])
@pytest.mark.parametrize("z", [1, 2, 3, 4, 5, 6])
def test_the_density_of_pca_is_its_twins_of_float64_and_that_of_its_covariance(z, scale):
    from scipy.stats import multivariate_normal

    space = Space.of((6,))
    x = (
        torch.randn(300, 6)
        @ torch.diag(torch.tensor([9.0, 3, 1, 0.3, 0.1, 0.03]))
        @ torch.linalg.qr(torch.randn(6, 6))[0]
    )
    x = scale * (x + 5)
    model = PCA(PCA.configure(space, {"z": z}), space)
    for _ in range(30):
        model.learn(x)
    twin = PCA(model.config, space).double()
    twin.load_state_dict({name: t.double() for name, t in model.state_dict().items()})
    given = torch.cat([x[:50], 3 * x[:5]])
    log_p = model.log_prob(given)
    assert log_p.dtype == torch.float64
    assert (log_p - twin.log_prob(given.double())).abs().max() < 1e-6
    V, S = (t.detach().double() for t in (torch.linalg.qr(model.V.double())[0], model.S))
    values = V.T @ S @ V
    rest = (S.trace() - values.trace()) / max(1, 6 - z)
    covariance = V @ values @ V.T + (rest * (torch.eye(6) - V @ V.T) if z < 6 else 0)
    wanted = multivariate_normal(model.m.double(), covariance).logpdf(given)
    assert abs(log_p.numpy() - wanted).max() < 1e-3


@pytest.mark.parametrize("z", [2, 20, 64])
def test_the_density_of_pictures_is_exact_too(z):
    data = load("digits")
    model = made(PCA, data, z=z)
    x = data.take(slice(500, 540))
    V, m, S = (t.detach().double() for t in (model.V, model.m, model.S))
    V = torch.linalg.qr(V)[0]
    values = V.T @ S @ V
    rest = (S.trace() - values.trace()) / (784 - z)
    covariance = V @ values @ V.T + rest * (torch.eye(784) - V @ V.T)
    wanted = torch.distributions.MultivariateNormal(m, covariance).log_prob(x.flatten(1).double())
    assert (model.log_prob(x) - wanted).abs().max() < 1e-3
