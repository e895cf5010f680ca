"""The probe for bridges, against what is known of two normals."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, kl_divergence

from engine.config import Refused
from engine.data import keep_points, load
from engine.families import find
from lab.flow.layers_probe import HELD, coin
from lab.probes import ask


def fresh(name: str, family: str = "real-nvp", **where):
    """A flow before its first round, which is N(0, I)."""
    data, kind = load(name, **where), find(family)
    return kind(kind.configure(data.space), data.space), data


def test_a_normal_outside_of_eight_small_circles():
    model, data = fresh("ring")
    answer = ask(model, data, "bridges", {})
    x = torch.randn(200_000, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    p = data.target.log_prob(x)
    data_x = data.test_x.double()
    level = data.target.log_prob(data_x).quantile(1 - HELD)  # of the density, on the region's edge
    assert answer["share"] == pytest.approx((p < level).double().mean().item(), abs=0.01)
    assert answer["held"] == pytest.approx(HELD, abs=1e-3)
    exact = (data.target.log_prob(data_x) + data_x.square().sum(1) / 2 + math.log(2 * math.pi)).mean()
    assert answer["divergence"] == pytest.approx(exact.item(), abs=0.05)
    assert 0 < answer["cost"] < answer["divergence"]
    assert answer["between"].shape == answer["model"].shape == (200, 200)
    assert (answer["between"] <= answer["model"]).all()
    inside = answer["data"] > 230
    assert inside.any()
    assert not answer["between"][inside].any()


def test_the_cost_is_the_divergence_of_two_coins():
    p, q = torch.tensor(0.999, dtype=torch.float64), torch.tensor(0.8, dtype=torch.float64)
    assert coin(0.999, 0.8) == pytest.approx(kl_divergence(Bernoulli(p), Bernoulli(q)).item())
    assert coin(0.5, 0.5) == 0
    assert math.isfinite(coin(0.999, 0.0))


def test_a_table_has_no_region_and_is_told_so(tmp_path):
    name = keep_points(torch.randn(40, 2).numpy(), "csv", tmp_path)
    answer = ask(*fresh(name, home=tmp_path), "bridges", {})
    assert "nobody knows their density" in answer["note"]
    assert set(answer) == {"model", "note"}


def test_a_line_is_refused():
    with pytest.raises(Refused, match="choose points"):
        ask(*fresh("two-bumps", "spline-flow"), "bridges", {})
