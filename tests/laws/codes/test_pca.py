"""Laws of PCA, against scikit-learn's and scipy's."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.linalg import subspace_angles
from sklearn import decomposition
from torch import Tensor

from engine.codes.pca import PCA
from engine.family import Batch
from engine.fit import fit
from engine.space import Space

pytestmark = pytest.mark.usefixtures("double")

SPACES = {"points": Space.of((6,)), "image": Space.of((1, 2, 3))}


def examples(space: Space, batches: int = 60, size: int = 20) -> Tensor:
    """x (batches, size, *shape), with variances apart along directions of no axis, and a mean."""
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(batches * size, 6, generator=generator) * torch.tensor([3.0, 2.0, 1.3, 0.6, 0.4, 0.3])
    turn = torch.linalg.qr(torch.randn(6, 6, generator=generator))[0]
    return (x @ turn + torch.randn(6, generator=generator)).view(batches, size, *space.shape)


def learned(space: Space, z: int = 3) -> tuple[PCA, np.ndarray]:
    """A model that has met each batch once, and all that it met, (n, 6)."""
    torch.manual_seed(0)
    x = examples(space)
    model = PCA(PCA.configure(space, {"z": z}), space)
    for _turn in fit(model, [Batch(i, one, None, lambda: None) for i, one in enumerate(x)]):
        pass
    for _more in range(40):  # the same again: the same mean and covariance, and V goes on turning
        model.learn(x.flatten(0, 1).flatten(1))
    return model, x.flatten(0, 1).flatten(1).numpy()


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_its_axes_and_variances_are_those_of_scikit_learn(space):
    model, x = learned(space)
    oracle = decomposition.PCA(3, svd_solver="full").fit(x)
    V = model.V.detach().numpy()
    assert np.abs(V.T @ V - np.eye(3)).max() < 1e-12
    assert subspace_angles(V, oracle.components_.T).max() < 1e-6
    for column, axis in zip(V.T, oracle.components_, strict=True):  # its basis too, in order
        assert abs(column @ axis) == pytest.approx(1, abs=1e-9)
    assert model.m.numpy() == pytest.approx(oracle.mean_)
    along, _ = model.spread()
    assert along.detach().numpy() == pytest.approx(oracle.explained_variance_ * (len(x) - 1) / len(x))


def test_mean_and_covariance_are_those_of_all_batches_whatever_their_sizes():
    model, x = PCA(PCA.configure(SPACES["points"], {"z": 2}), SPACES["points"]), torch.randn(50, 6) + 3
    for part in x.split([2, 7, 30, 1, 10]):
        model.learn(part)
    assert model.m.numpy() == pytest.approx(x.mean(0).numpy())
    assert model.S.numpy() == pytest.approx(np.cov(x.T, bias=True))


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_restoring_loses_what_scikit_learn_loses_and_the_discarded_variance(space):
    model, x = learned(space)
    oracle = decomposition.PCA(3, svd_solver="full").fit(x)
    given = torch.tensor(x).view(-1, *space.shape)
    back = model.decode(model.encode(given)[0]).detach().flatten(1).numpy()
    assert back == pytest.approx(oracle.inverse_transform(oracle.transform(x)), abs=1e-6)
    rest = np.linalg.eigvalsh(np.cov(x.T, bias=True))[:3].sum()
    assert model.evaluate(given)["test error"] == pytest.approx(rest)


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_codes_have_mean_0_and_variance_1_and_no_correlation(space):
    model, x = learned(space)
    z, sigma = model.encode(torch.tensor(x).view(-1, *space.shape))
    assert sigma.abs().max() == 0
    assert z.mean(0).abs().max() < 1e-9
    torch.testing.assert_close(z.T.cov(correction=0).detach(), torch.eye(3), atol=1e-6, rtol=0)


@pytest.mark.parametrize("z", [1, 3, 5])
def test_its_density_is_that_of_tipping_and_bishop(z):
    model, x = learned(SPACES["points"], z)
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    values[: 6 - z] = values[: 6 - z].mean()  # what is left out is spread evenly
    oracle = stats.multivariate_normal(x.mean(0), vectors * values @ vectors.T)
    assert model.log_prob(torch.tensor(x)).numpy() == pytest.approx(oracle.logpdf(x), rel=1e-6)
    # scikit-learn's density has the covariance with n - 1; rescaled, x has ours
    theirs = decomposition.PCA(z, svd_solver="full").fit(x * (1 - 1 / len(x)) ** 0.5)
    shifted = x - x.mean(0) + theirs.mean_
    assert model.log_prob(torch.tensor(x)).numpy() == pytest.approx(theirs.score_samples(shifted), rel=1e-6)


def test_no_axis_turns_around_between_rounds():
    model, _ = learned(SPACES["points"])
    for part in examples(SPACES["points"])[:5]:
        before = model.V.clone()
        model.learn(part)
        assert ((before * model.V).sum(0) > 0.9).all()


@pytest.mark.parametrize("turned", range(3))
def test_an_axis_keeps_its_sign_whichever_it_is(turned):
    model, _ = learned(SPACES["points"])
    model.V.data[:, turned] *= -1
    before = model.V.clone()
    model.learn(examples(SPACES["points"])[0])
    assert ((before * model.V).sum(0) > 0.9).all()


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e10])
def test_the_density_of_all_directions_is_the_whole_gaussians(scale):
    """Nothing is left out, and its rounding is not divided by next to nothing."""
    space = Space.of((3,))
    model, x = PCA(PCA.configure(space, {"z": 3}), space), scale * (torch.randn(200, 3) + 1)
    model.learn(x)
    wanted = stats.multivariate_normal(x.mean(0).numpy(), np.cov(x.T, bias=True)).logpdf(x)
    assert model.log_prob(x).numpy() == pytest.approx(wanted, rel=1e-7)


def test_after_every_batch_the_axes_are_uncorrelated_and_in_order():
    """Long before they are PCA's: within their subspace they are its own axes."""
    torch.manual_seed(0)
    model = PCA(PCA.configure(SPACES["points"], {"z": 3}), SPACES["points"])
    for part in examples(SPACES["points"])[:4]:
        model.learn(part)
        covariance = (model.V.T @ model.S @ model.V).detach()
        assert (covariance - covariance.diagonal().diag()).abs().max() < 1e-12
        assert (covariance.diagonal().diff() < 0).all()


def test_axes_that_change_places_stay_axes():
    """Two axes at right angles to what they were: neither has a sign to keep."""
    model = PCA(PCA.configure(Space.of((2,)), {"z": 2}), Space.of((2,)))
    square = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    model.learn(square * torch.tensor([3.0, 1.0]))
    model.V.data.copy_(torch.eye(2))
    for _ in range(3):
        model.learn(square * torch.tensor([1.0, 9.0]))
        assert (model.V.T @ model.V - torch.eye(2)).abs().max() < 1e-9
    assert model.V[:, 0].abs().tolist() == pytest.approx([0, 1])
