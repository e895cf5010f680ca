"""Each law of the Check tab holds for our models, and for each there is a broken model that fails it."""

import dataclasses
import itertools
import math
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from engine.codes import base, checks
from engine.codes.ae import AE
from engine.codes.base import LOG_P
from engine.codes.cvae import CVAE
from engine.codes.pca import PCA
from engine.codes.vae import VAE
from engine.data import batches, load
from engine.fit import fit
from engine.space import Space

SMALL = {"width": 8, "batch": 32}
LAWS = {
    "orthogonal": "The axes V are orthogonal",
    "in order": "The codes are uncorrelated",
    "leading": "V leaves out no more variance",
    "mean": "m is the mean of the data",
    "alone": "does not depend on the rest of its batch",
    "gradient": "agrees with central differences",
    "KL": "The KL term of the loss",
    "loss": "The loss with beta 1 is minus",
    "bound": "The bound of 50 draws",
}


def trained(family, data, rounds=12, **values):
    torch.manual_seed(0)
    known = {k: v for k, v in (SMALL | values).items() if k in family.Config.model_fields}
    model = family(family.configure(data.space, known), data.space)
    for _turn in fit(model, islice(batches(data, lambda: 32, 0), rounds)):
        pass
    return model


def broken(model, data) -> set[str]:
    """The short names of the laws that this model fails; each law must have one."""
    failed = set()
    for check in checks.measure(model, data):
        (name,) = [name for name, law in LAWS.items() if law in check.law]
        failed |= {name} if not check.holds else set()
    return failed


@pytest.mark.parametrize(
    ("family", "name", "values"),
    [
        (PCA, "moons", {}), (PCA, "digits", {"z": 9}), (AE, "moons", {"noise": "masking"}),
        (VAE, "digits", {"beta": 7.0, "warm_up": 99, "free_bits": 2.0}), (CVAE, "ring", {}),
        (VAE, "ring", {"likelihood": "Gaussian"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("rounds", [0, 1, 12])
def test_the_laws_hold_at_any_stage_of_training(family, name, values, rounds):
    data = load(name)
    assert broken(trained(family, data, rounds, **values), data) == set()


# --- PCA -----------------------------------------------------------------------------------------


def with_axes(model: PCA, V: Tensor) -> PCA:
    model.V.data.copy_(V)
    return model


def axes(S: Tensor) -> Tensor:
    """The eigenvectors of S, least variance first; in float32 this may fail where many values are alike."""
    return torch.linalg.eigh(S.double())[1].to(S)


@pytest.mark.parametrize("name", ["moons", "line", "digits"])
def test_the_worst_axes_fail(name):
    """However few examples were met, where the axes no longer turn; and after many also where they do."""
    data = load(name)
    model = trained(PCA, data, 3)
    assert broken(with_axes(model, axes(model.S)[:, : model.config.z].flip(1)), data) == {"leading"}
    model = trained(PCA, data, 3)
    for _ in range(200):
        model.learn(data.batch(64, 0, 5).x.flatten(1))
    worst = axes(model.S)[:, : model.config.z].flip(1)
    V = torch.linalg.qr(worst + 0.02 * torch.randn_like(worst))[0]
    V = V @ torch.linalg.eigh(V.T @ model.S @ V)[1].flip(1)
    assert "leading" in broken(with_axes(model, V), data)


def test_axes_that_are_long_askew_or_out_of_order_fail():
    data = load("digits")
    model = trained(PCA, data)
    V = model.V.detach().clone()
    for length in (1.01, 0.99):
        assert "orthogonal" in broken(with_axes(model, length * V), data)
    assert broken(with_axes(model, V.flip(1)), data) == {"in order"}
    half = torch.tensor([[1.0, 1.0], [-1.0, 1.0]]) / 2**0.5
    assert broken(with_axes(model, V @ half), data) == {"in order"}


@pytest.mark.parametrize("wrong", ["not moved", "moved twice", "sum"])
def test_a_wrong_mean_fails(wrong):
    data = load("moons")
    moved = dataclasses.replace(data, x=data.x + 3)
    model = trained(PCA, moved)
    assert broken(model, moved) == set()
    model.m.mul_({"not moved": 0.0, "moved twice": 2.0, "sum": float(model.n)}[wrong])
    assert "mean" in broken(model, moved)


@pytest.mark.parametrize("signs", [[1, 1, 1], [-1, 1, 1], [1, -1, 1], [1, 1, -1]])
@pytest.mark.parametrize("n", [0, 1, 50, 9000])
@pytest.mark.usefixtures("double")
def test_the_discrepancies_of_pca_are_those_of_numpy(n, signs):
    """Of axes that are neither orthogonal nor in order, and that turn; whichever way each of them points."""
    torch.manual_seed(1)
    model = PCA(PCA.configure(Space.of((6,)), {"z": 3}), Space.of((6,)))
    x, V, root = torch.randn(400, 6), torch.randn(6, 3) * torch.tensor(signs), torch.randn(6, 6)
    with_axes(model, V).S.copy_(root @ root.T)
    model.m.fill_(0.3)
    model.n.fill_(n)
    examples = x
    data = SimpleNamespace(some=lambda most: (examples[:most],))
    skew, order, rest, mean = checks.of_pca(model, data)
    x, V, S = x.numpy(), V.numpy(), model.S.numpy()
    inner, total = V.T @ S @ V, np.trace(S)
    kept = np.diag(inner)
    rises = sum(max(0, b - a) for a, b in itertools.pairwise(kept))
    assert rises > 0.1
    assert skew.discrepancy == pytest.approx(abs(V.T @ V - np.eye(3)).max())
    assert order.discrepancy == pytest.approx((abs(inner - np.diag(kept)).max() + rises) / total)
    assert rest.discrepancy == pytest.approx((np.linalg.eigvalsh(S)[3:].sum() - kept.sum()) / total)
    error = math.sqrt(x.var(0, ddof=1).sum() * (1 / 400 + 1 / max(n, 1)))
    away = np.linalg.norm(0.3 - x.mean(0)) / error
    assert mean.discrepancy == pytest.approx(away if n else 0)
    assert rest.tolerance == (1024 / 9000 if n == 9000 else 1)
    # of axes that hardly turn, a thousand times as much is allowed as they turn
    leading = axes(model.S)[:, 3:]
    V = torch.linalg.qr(leading + 1e-5 * torch.tensor(V))[0].numpy()
    rest = checks.of_pca(with_axes(model, torch.tensor(V)), data)[2]
    turns = np.linalg.svd(S @ V - V @ (V.T @ S @ V), compute_uv=False).sum() / total
    assert rest.tolerance == pytest.approx(1e-5 + 1000 * turns)
    assert 2e-5 < rest.tolerance < 0.1


# --- nets ----------------------------------------------------------------------------------------


class Centred(nn.Module):
    """An encoder that subtracts the mean of the batch."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, *more: Tensor) -> Tensor:
        out = self.net(x, *more)
        return out - 0.5 * out.mean(0)


@pytest.mark.parametrize("family", [AE, VAE, CVAE])
def test_a_model_that_looks_at_the_rest_of_the_batch_fails(family):
    data = load("ring")
    model = trained(family, data)
    model.E = Centred(model.E)
    assert broken(model, data) == {"alone"}


@pytest.mark.parametrize("family", [AE, VAE, CVAE])
def test_a_model_that_restores_one_number_of_each_example_fails(family, monkeypatch):
    data = load("ring")
    model, whole = trained(family, data), family.decode
    monkeypatch.setattr(family, "decode", lambda self, z, y=None: whole(self, z, y)[:, :1])
    assert broken(model, data) == {"alone"}


@pytest.mark.parametrize("family", [AE, VAE, CVAE])
def test_a_gradient_that_is_cut_off_fails(family, monkeypatch):
    data = load("moons")
    model = trained(family, data, 0, z=3)
    whole = family.d if family is AE else family.p
    cut = lambda self, z, *y: whole(self, z.detach(), *y)  # noqa: E731
    monkeypatch.setattr(family, "d" if family is AE else "p", cut)
    assert broken(model, data) == {"gradient"}


def test_means_are_apart_by_the_t_of_welch():
    a, b = torch.randn(2, 40, dtype=torch.float64) * torch.tensor([[1.0], [5.0]]) - 3
    for one, other in ((a, b), (b[:9], a), (a, a + 2)):
        t = stats.ttest_ind(one, other, equal_var=False).statistic
        assert checks.apart(one, other) == pytest.approx(abs(t))
    # what does not vary is rounded all the same
    for mean in (0.0, -1e6, 1e6):
        same = torch.full((9,), mean, dtype=torch.float64)
        assert checks.apart(same, same) == 0
        assert checks.apart(same, same + 1e-10 * (1 + abs(mean))) < 1
        assert checks.apart(same, same + 1e-7 * (1 + abs(mean))) > 5


# --- the bound -----------------------------------------------------------------------------------


def changed_terms(change):
    def change_family(family, monkeypatch):
        whole = family.terms

        def terms(self, *given):
            restore, diverge = whole(self, *given).items()
            return dict(change(self, restore, diverge))

        monkeypatch.setattr(family, "terms", terms)

    return change_family


def changed_log_w(change):
    def change_family(family, monkeypatch):
        whole = base.Variational.log_w
        monkeypatch.setattr(family, "log_w", lambda self, *given: change(self, whole, *given))

    return change_family


def the_sum_of_w(family, monkeypatch):
    monkeypatch.setattr(base, "bound", lambda log_w: log_w.logsumexp(0))


def the_best_w(family, monkeypatch):
    monkeypatch.setattr(base, "bound", lambda log_w: log_w.amax(0))


def the_elbo(family, monkeypatch):
    monkeypatch.setattr(base, "bound", lambda log_w: log_w.mean(0))


WRONG = {
    "half the KL": (changed_terms(lambda model, r, d: (r, (d[0], d[1] / 2))), {"KL"}),
    "a KL averaged over dimensions": (
        changed_terms(lambda model, r, d: (r, (d[0], d[1] / model.config.z))), {"KL"},
    ),
    "a reconstruction averaged over numbers": (
        changed_terms(lambda model, r, d: ((r[0], r[1] / model.space.size), d)), {"loss"},
    ),
    "a reconstruction without its sign": (changed_terms(lambda model, r, d: ((r[0], -r[1]), d)), {"loss"}),
    "log w times -3": (
        changed_log_w(lambda model, whole, *given: -3 * whole(model, *given)), {"loss", "bound"},
    ),
    "the same draw for all": (
        changed_log_w(lambda model, whole, x, eps, *more: whole(model, x, eps[:1].expand_as(eps), *more)),
        {"bound"},
    ),
    "no log k": (the_sum_of_w, {"bound"}),
    "the best weight instead of the mean": (the_best_w, {"bound"}),
    "the ELBO instead of the bound": (the_elbo, {"bound"}),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize(("family", "data_name"), [(VAE, "digits"), (CVAE, "ring")])
def test_a_wrong_loss_or_bound_fails(family, data_name, name, monkeypatch):
    data = load(data_name)
    model = trained(family, data, z=3)
    model.E.net[-1].weight.data.mul_(5)  # so that the KL is large
    change, wanted = WRONG[name]
    change(family, monkeypatch)
    assert wanted <= broken(model, data)


def test_weights_without_the_prior_fail(monkeypatch):
    data = load("digits")
    model = trained(VAE, data, z=3)
    flat = lambda q: torch.distributions.Normal(q.loc, 9 * torch.ones_like(q.scale))  # noqa: E731
    monkeypatch.setattr(base, "standard", flat)
    assert {"loss", "bound"} <= broken(model, data)


def test_a_decoder_that_is_told_another_label_for_the_bound_fails(monkeypatch):
    data = load("digits")
    model = trained(CVAE, data, rounds=40)
    whole = CVAE.log_w
    told = lambda self, x, eps, u=None, y=None: whole(self, x, eps, u, (y + 1) % 10)  # noqa: E731
    monkeypatch.setattr(CVAE, "log_w", told)
    assert {"bound"} <= broken(model, data)


def test_every_law_of_these_families_is_known_here():
    """So that a new law needs a model that fails it."""
    said = set()
    for family, name in ((PCA, "moons"), (AE, "moons"), (VAE, "moons"), (CVAE, "moons")):
        data = load(name)
        said |= {check.law for check in checks.measure(trained(family, data, 1), data)}
    assert {name for name, law in LAWS.items() if any(law in one for one in said)} == set(LAWS)
    assert len(said) == len(LAWS)
    assert LOG_P == "log p(x)"
