"""Laws of the autoencoder: with linear nets its optimum is PCA's subspace (Baldi and Hornik 1989)."""

import pytest
import torch
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA
from torch import Tensor

from engine.codes.ae import AE
from engine.family import Batch
from engine.fit import fit
from engine.space import Picture, Space

pytestmark = pytest.mark.usefixtures("double")

SPACES = {"points": Space.of((6,)), "image": Space.of((1, 2, 3))}
VARIANCES = torch.tensor([4.0, 2.5, 1.5, 0.4, 0.2, 0.1], dtype=torch.float64)  # a gap after the third
ERROR = "||x - d(e(x))||²"


def scattered(space: Space, n: int = 400) -> Tensor:
    """x (n, *shape) whose covariance has the VARIANCES, in directions of no axis, and a mean."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(n, 6, generator=generator)
    x = torch.linalg.svd(x - x.mean(0), full_matrices=False)[0] * (n * VARIANCES).sqrt()
    turned = x @ torch.linalg.qr(torch.randn(6, 6, generator=generator))[0]
    return (turned + torch.randn(6, generator=generator)).view(n, *space.shape)


def ae(space: Space, **values) -> AE:
    torch.manual_seed(0)
    return AE(AE.configure(space, {"width": 8, "z": 3} | values), space)


def at_its_optimum(space: Space, depth: int = 0) -> tuple[AE, Tensor]:
    """A linear autoencoder after descent of its own terms to where these no longer fall."""
    model, x = ae(space, activation="linear", depth=depth), scattered(space)
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=3000, max_eval=4000, history_size=50,
        tolerance_grad=1e-9, tolerance_change=0, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def loss() -> Tensor:
        optimizer.zero_grad()
        (total,) = model.terms(x, torch.zeros_like(x)).values()
        total.backward()
        return total

    optimizer.step(loss)
    return model, x


@torch.no_grad()
def span(model: AE) -> Tensor:
    """The directions (size, z) in which the decoder moves x, one for each code."""
    z = torch.eye(model.config.z)
    return (model.d(z) - model.d(torch.zeros_like(z))).flatten(1).T


@pytest.mark.parametrize("depth", [0, 1])
@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_the_optimum_spans_pcas_subspace_but_not_its_basis(space, depth):
    model, x = at_its_optimum(space, depth)
    flat, directions = x.flatten(1), span(model)
    of_sklearn = PCA(3, svd_solver="full").fit(flat).components_.T
    of_torch = torch.linalg.svd(flat - flat.mean(0), full_matrices=False)[2][:3].T
    for oracle in (of_sklearn, of_torch.numpy()):
        assert subspace_angles(directions.numpy(), oracle).max() < 1e-3
    unit = directions / directions.norm(dim=0)
    assert (unit.T @ unit - torch.eye(3)).abs().max() > 0.1  # its directions are not at right angles
    assert (unit.T @ of_torch).abs().amax(1).min() < 0.95  # nor are they PCA's


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_its_loss_is_never_below_the_discarded_variance_and_equal_at_the_optimum(space):
    model, x = at_its_optimum(space)
    least = VARIANCES[3:].sum().item()
    assert model.terms(x, torch.zeros_like(x))[ERROR].item() == pytest.approx(least, rel=1e-9)
    for seed in range(20):
        torch.manual_seed(seed)
        other = AE(model.config, space)
        assert other.terms(x, torch.zeros_like(x))[ERROR].item() > least
    with torch.no_grad():
        for weight in model.parameters():
            weight += 1e-3 * torch.randn_like(weight)
    assert model.terms(x, torch.zeros_like(x))[ERROR].item() > least * (1 + 1e-9)


def test_any_basis_of_the_code_serves_as_well():
    """Why it need not find PCA's basis: A z is a code as good as z."""
    model, x = at_its_optimum(SPACES["points"])
    before, A = model.terms(x, x)[ERROR].item(), torch.randn(3, 3)
    E, D = model.E.net[0], model.D[0][0]
    with torch.no_grad():
        E.weight.copy_(A @ E.weight)
        E.bias.copy_(A @ E.bias)
        D.weight.copy_(D.weight @ A.inverse())
    assert model.terms(x, x)[ERROR].item() == pytest.approx(before, rel=1e-9)


def test_the_one_loop_takes_it_there_too():
    """Adam, as a run has it, comes near the optimum."""
    space = SPACES["points"]
    x = scattered(space)
    model = ae(space, activation="linear", depth=0, lr=0.01)
    one = Batch(0, x, None, lambda: one)
    *_, last = fit(model, [one] * 700)
    assert last.terms[ERROR].item() == pytest.approx(VARIANCES[3:].sum().item(), rel=1e-3)


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_the_loss_is_the_squared_error_of_each_example(space):
    model, x = ae(space), torch.rand(5, *space.shape)
    back = model.decode(model.encode(x)[0]).detach()
    by_hand = sum((float(a) - float(b)) ** 2 for a, b in zip(x.flatten(), back.flatten(), strict=True))
    assert model.terms(x, torch.randn_like(x))[ERROR].item() == pytest.approx(by_hand / 5)


@pytest.mark.parametrize("kind", ["Gaussian", "masking"])
@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_with_noise_the_encoder_sees_a_damaged_x_and_the_target_is_the_clean_one(space, kind):
    model = ae(space, noise=kind, amount=0.3)
    x, noise = torch.rand(2000, *space.shape), model.p_noise(2000)
    lowest = -1.0 if isinstance(space, Picture) else 0.0
    seen = x + 0.3 * noise if kind == "Gaussian" else torch.where(noise < 0.3, lowest, x)
    error = (x - model.d(model.e(seen))).square().flatten(1).sum(1).mean()
    torch.testing.assert_close(model.terms(x, noise)[ERROR], error)
    moved = model.corrupted(x, noise) - x
    if kind == "Gaussian":
        assert moved.std().item() == pytest.approx(0.3, rel=0.05)
    else:
        assert (moved != 0).double().mean().item() == pytest.approx(0.3, abs=0.02)
