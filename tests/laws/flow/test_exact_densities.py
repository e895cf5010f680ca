"""Whoever has a `log_prob` has it exactly: a model in float32 says what its twin in float64 says.

Far from the data, in steep layers and at both ends of every knob, where rounding grows from layer to layer.
"""

from __future__ import annotations

import math
from copy import deepcopy
from itertools import islice
from types import SimpleNamespace

import pytest
import torch

from engine.autoregressive.base import Ordered
from engine.autoregressive.writer import Writer
from engine.config import Refused
from engine.data import batches, load
from engine.device import precise
from engine.families import families, find
from engine.fit import fit
from engine.flow import continuous_flow
from engine.flow.base import Flow
from engine.space import Picture
from tests.laws.flow.flowing import PLANE, flow

EXAMPLES = {"line": "two-bumps", "points": "moons", "image": "digits"}
SMALL = {"width": 12, "depth": 1, "layers": 3}
PLAIN = {"lr", "batch", "ema", "beta1", "epochs"}  # they change how a model learns and not what it is
WITH = [f for f in families().values() if hasattr(f, "log_prob") and not issubclass(f, (Ordered, Writer))]
CASES = [
    pytest.param(family, kind, id=f"{family.name}-{kind.kind}") for family in WITH for kind in family.kinds
]


def settings(family, space) -> list[dict]:
    """A small model, and each knob at both of its ends; not everything of pictures, which take long."""
    small = {name: value for name, value in SMALL.items() if name in family.Config.model_fields}
    ends = [
        {name: end}
        for name, knob in family.Config.knobs().items()
        if name not in PLAIN
        for end in knob.ends()
    ]
    if isinstance(space, Picture):
        ends = [one for one in ends if {"order", "base"} & {*one}]
    return [small, *({**small, **one} for one in ends)]


def points(model, data) -> torch.Tensor:
    x = data.some(8, test=True)[0]
    if isinstance(model.space, Picture):
        x = model.dequantized(x[:3]) if isinstance(model, Flow) else x[:3]
        return torch.cat([x, 0 * x + 128.0]) if isinstance(model, Flow) else x
    return torch.cat([x, 5 * x, 100 * x])  # near, far, and where nothing is


def test_flows_and_whoever_else_has_a_density_are_tried():
    assert {"real-nvp", "maf", "iaf", "glow", "nice", "planar", "spline-flow", "continuous-flow"} <= {
        family.name for family in WITH
    }


@pytest.mark.parametrize(("family", "kind"), CASES)
@torch.no_grad()
def test_a_density_in_float32_is_that_of_its_twin_in_float64(family, kind):
    data = load(EXAMPLES[kind.kind])
    for knobs in settings(family, data.space):
        torch.manual_seed(0)
        try:
            model = family(family.configure(data.space, knobs), data.space)
        except Refused:  # PCA of two numbers has no 64 directions
            continue
        with torch.enable_grad():
            for _turn in fit(model, islice(batches(data, lambda: 32, 0), 2)):
                pass
        for weight in model.parameters():
            weight += 0.1 * torch.randn_like(weight)
            weight *= 1.4
        x, twin = points(model, data), deepcopy(model).double()
        expected = twin.log_prob(x.double())
        assert expected.isfinite().all()
        torch.testing.assert_close(model.log_prob(x).double(), expected, atol=1e-3, rtol=0)


@torch.no_grad()
def test_one_far_path_is_followed_as_closely_as_if_it_were_alone():
    """The error is that of the worst path, not a mean in which a thousand easy ones count more."""
    data, family = load("moons"), next(family for family in WITH if family.name == "continuous-flow")
    torch.manual_seed(0)
    model = family(family.configure(data.space, {"width": 32}), data.space)
    for weight in model.parameters():
        weight += 0.4 * torch.randn_like(weight)
    easy, hard = torch.zeros(1000, 2) + 8.0, torch.tensor([[0.1, -0.2]])
    expected = deepcopy(model).double().log_prob(hard.double())
    together = model.log_prob(torch.cat([easy, hard]))[-1:]
    torch.testing.assert_close(together, expected, atol=3e-4, rtol=0)


@pytest.mark.parametrize("by", [math.nan, 1e4])
@torch.no_grad()
def test_a_velocity_that_cannot_be_followed_is_refused_and_not_followed_for_ever(by, monkeypatch):
    monkeypatch.setattr(continuous_flow, "STEPS", 20)
    data, family = load("moons"), find("continuous-flow")
    model = family(family.configure(data.space, SMALL), data.space)
    for weight in model.parameters():
        weight += torch.randn_like(weight)
        weight *= by
    with pytest.raises(Refused, match="too steep to follow"):
        model.log_prob(torch.randn(3, 2))


def test_densities_of_a_model_in_float32_take_as_many_steps_as_they_need_and_its_twin_more():
    data, family = load("moons"), find("continuous-flow")
    model = family(family.configure(data.space, SMALL), data.space)
    assert model.exact().worst == 1e-6
    assert model.double().exact().worst is None


@torch.no_grad()
def test_training_follows_a_path_in_few_steps_and_a_density_within_a_ten_thousandth_of_a_nat(monkeypatch):
    model, x, asked = flow("continuous-flow", PLANE), torch.randn(6, 2), []
    expected, velocity = deepcopy(model).double().log_prob(x.double()), continuous_flow.Piece.velocity
    monkeypatch.setattr(continuous_flow.Piece, "velocity", lambda *at: asked.append(1) or velocity(*at))
    torch.testing.assert_close(model.average.log_prob(x).double(), expected, atol=0.02, rtol=0)
    assert len(asked) < 25
    torch.testing.assert_close(model.log_prob(x), expected, atol=1e-4, rtol=0)


def test_the_error_of_the_worst_path_counts_whatever_its_sign():
    assert continuous_flow.farthest(torch.tensor([[0.5, -3.0], [1.0, 2.0]])) == 3


def test_a_density_has_a_gradient_in_x_and_leaves_the_model_as_it_is():
    data, family = load("moons"), WITH[-1]
    model = family(family.configure(data.space, SMALL), data.space)
    x = torch.randn(3, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(model.log_prob(x).sum(), x)
    assert slope.abs().min() > 0
    assert model.like["dtype"] == torch.float32
    assert model.log_prob(x).dtype == torch.float64


@pytest.mark.parametrize(("name", "kind", "most"), [("maf", "moons", 4096), ("nice", "digits", 83)])
@torch.no_grad()
def test_many_examples_go_through_in_pieces_that_fit(name, kind, most, monkeypatch):
    """No more than a piece is ever in a layer; the numbers are those of one go."""
    data, family = load(kind), next(family for family in WITH if family.name == name)
    torch.manual_seed(0)
    model = family(family.configure(data.space, SMALL), data.space)
    for weight in model.parameters():
        weight += 0.1 * torch.randn_like(weight)
    n, seen = most + 20, []
    x = torch.randn(n, 2) if name == "maf" else torch.rand(n, 1, 28, 28) * 256
    plain = precise(model.average).log_prob(x.double())
    of, forward, inverse = type(model.average), type(model.average).forward, type(model.average).inverse
    with monkeypatch.context() as patch:
        patch.setattr(of, "forward", lambda f, x: seen.append(len(x)) or forward(f, x))
        patch.setattr(of, "inverse", lambda f, z: seen.append(len(z)) or inverse(f, z))
        log_p, shades = model.log_prob(x), model.log_density(x)
        torch.manual_seed(2)
        sample = model.sample(n)
    torch.testing.assert_close(log_p, plain, atol=1e-8, rtol=1e-12)
    torch.testing.assert_close(shades.double(), plain, atol=0.05, rtol=1e-4)
    torch.manual_seed(2)
    whole = model.shown(model.inverse(model.base.sample(n))[0])
    torch.testing.assert_close(sample, whole, atol=1e-2, rtol=0)
    assert seen == [most, 20] * 3


@pytest.mark.parametrize(("D", "n"), [(1, 4096), (16, 4096), (784, 83), (2**15, 2), (2**16, 1), (10**6, 1)])
def test_a_piece_holds_as_many_numbers_and_at_least_one_example(D, n):
    assert Flow.piece.fget(SimpleNamespace(space=SimpleNamespace(size=D))) == n
