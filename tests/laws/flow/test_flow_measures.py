"""What a row says of a flow: of the averaged weights, on test examples, in nats."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from engine import data as datasets
from engine.flow import measures
from engine.flow.base import NLL, TEST
from engine.flow.measures import FROZEN, KL, alike, measure
from tests.laws.flow import paper
from tests.laws.flow.flowing import flow, shaken

FEW = 12


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(measures, "EXAMPLES", FEW)
    measures.exact.cache_clear()
    yield
    measures.exact.cache_clear()


def by_hand(model, x) -> list[float]:
    exact = flow(model.name, model.space)  # the oracle reads float64
    exact.average.load_state_dict(model.average.state_dict())
    return [paper.log_prob(exact.double(), one.double().numpy()) for one in x]


@pytest.mark.parametrize(
    ("name", "data_name"), [("maf", "two-gaussians"), ("real-nvp", "ring"), ("planar", "two-bumps")]
)
def test_the_divergence_is_the_mean_over_test_examples_of_log_p_data_less_log_p(name, data_name, few):
    data = datasets.load(data_name)
    model = flow(name, data.space, by=0.1)
    shaken(model.f, 1.0)  # what trains has other weights
    x = data.some(FEW, test=True)[0]
    train = data.some(FEW)[0]
    assert not torch.equal(x, train)
    log_p = torch.tensor(by_hand(model, x), dtype=torch.float64)
    log_data = data.target.log_prob(x.double())
    measured = measure(model, data)
    assert measured[KL] == pytest.approx((log_data - log_p).mean().item(), abs=1e-6)
    assert measured[TEST[NLL]] == pytest.approx(data.target.entropy() + measured[KL], abs=1e-9)
    assert TEST[NLL].floor(data).value == data.target.entropy()


def test_of_a_table_it_is_the_plain_mean(few, tmp_path):
    points = torch.randn(60, 2, generator=torch.Generator().manual_seed(0)).clamp(-2, 2).numpy()
    data = datasets.load(datasets.keep_points(points, "csv", tmp_path), tmp_path)
    model = flow("maf", data.space, by=0.1)
    log_p = by_hand(model, data.some(FEW, test=True)[0])
    measured = measure(model, data)
    assert list(measured) == [TEST[NLL]]
    assert measured[TEST[NLL]] == pytest.approx(-sum(log_p) / len(log_p), abs=1e-6)
    assert TEST[NLL].floor(data) is None


def test_what_is_measured_is_exact_even_where_training_is_rough(few):
    data = datasets.load("moons")
    model = flow("continuous-flow", data.space, by=0.5, width=32)
    x = data.some(FEW, test=True)[0]
    with torch.no_grad():
        exactly = -deepcopy(model).double().log_prob(x.double()).mean().item()
        roughly = -model.average.log_prob(x).mean().item()
    assert abs(roughly - exactly) > 1e-5
    assert model.evaluate(x)[TEST[NLL]] == pytest.approx(exactly, abs=1e-6)
    assert measure(model, data)[KL] == pytest.approx(
        exactly + data.target.log_prob(x.double()).mean().item(), abs=1e-6
    )


def test_frozen_numbers_are_counted(few):
    data = datasets.load("moons")
    still = flow("glow", data.space, by=0.0)
    shaken(still.average.transforms[0], 0.5)  # scaled and shifted, each by itself
    for layer in still.average.transforms[1::3]:  # no matrix
        layer.load_state_dict({"P": torch.eye(2), "sign": torch.ones(2), "L": torch.eye(2), "U": torch.eye(2),
                               "log_s": torch.zeros(2)})  # fmt: skip
    assert measure(still, data)[FROZEN] == 2
    one = flow("real-nvp", data.space, by=0.4, order="none")
    assert measure(one, data)[FROZEN] == 1
    assert FROZEN not in measure(flow("real-nvp", data.space, by=0.4), data)


def test_what_no_line_explains_is_a_share_of_the_variance():
    torch.manual_seed(0)
    x = torch.randn(400, 3).double()
    noise = torch.randn(400, 3).double()
    z = 5 + 3 * x + torch.tensor([0.0, 3.0, 0.3]) * noise
    left = [1 - torch.corrcoef(torch.stack([x[:, i], z[:, i]]))[0, 1].item() ** 2 for i in range(3)]
    assert alike(x, z).tolist() == pytest.approx(left, abs=1e-12)
    assert alike(x, torch.ones_like(x)).tolist() == [1, 1, 1]  # one place explains nothing
