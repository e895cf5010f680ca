"""The mathematics of the curve that is bent by hand, in the browser, against torch and the engine."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import grad

from engine import data
from engine.flow import spline
from lab.stage.alone import BASES, TARGETS
from tests.browser.modules import Modules

pytestmark = pytest.mark.browser

KNOTS = [[-3.1, -2.6], [-2.2, -2.4], [-0.9, -0.3], [0.2, -0.1], [0.4, 1.7], [1.9, 1.9], [2.9, 3.2]]


@pytest.fixture
def compute(modules: Modules) -> Any:
    """Runs JavaScript beside the component's own mathematics; `args` is what it is given."""
    return partial(modules, "bend/math.js")


def slopes_at(knots: Tensor) -> Tensor:
    """Harmonic means of the chords' slopes beside each knot."""
    x, z = knots.T
    s = (z[1:] - z[:-1]) / (x[1:] - x[:-1])
    s = torch.cat([s[:1], s, s[-1:]])
    return 2 / (1 / s[1:] + 1 / s[:-1])


def f(at: Tensor, knots: Tensor) -> Tensor:
    """Equation (4) of neural spline flows at places (n,); straight outside the knots."""
    (x, z), d = knots.T, slopes_at(knots)
    k = (at[:, None] >= x[1:-1]).sum(1)
    x0, x1, z0, z1, d0, d1 = x[k], x[k + 1], z[k], z[k + 1], d[k], d[k + 1]
    s, xi = (z1 - z0) / (x1 - x0), (at - x0) / (x1 - x0)
    inside = z0 + (z1 - z0) * (s * xi**2 + d0 * xi * (1 - xi)) / (s + (d1 + d0 - 2 * s) * xi * (1 - xi))
    below, above = z[0] + d[0] * (at - x[0]), z[-1] + d[-1] * (at - x[-1])
    return torch.where(at < x[0], below, torch.where(at > x[-1], above, inside))


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_the_curve_and_its_slope_are_those_of_the_paper(compute, double, seed):
    if seed is None:
        knots = torch.tensor(KNOTS)
    else:
        steps = torch.rand(7, 2, generator=torch.Generator().manual_seed(seed)) + 0.08
        knots = steps.cumsum(0) - 3.4
    x = torch.linspace(-4, 4, 50)
    points = compute(
        "const s = bendSpline(args[0]); return args[1].map((x) => bendAt(s, x));", knots.tolist(), x.tolist()
    )
    z, slope = (torch.tensor([one[name] for one in points]) for name in ("z", "slope"))
    assert (z - f(x, knots)).abs().max() < 1e-9
    assert (slope - grad(lambda at: f(at, knots).sum())(x)).abs().max() < 1e-9
    assert slope.min() > 0


def test_it_is_the_curve_of_the_spline_flow(compute, double):
    """With the knots and slopes of the engine's spline, both walk the same curve."""
    o = torch.randn(3 * 6 - 1, generator=torch.Generator().manual_seed(0))
    knots = [part.tolist() for part in spline.knots(o, 3.0)]
    x = torch.linspace(-2.99, 2.99, 50)
    body = """
    const [x, z, slopes] = args[0];
    const chords = x.slice(1).map((right, k) => (z[k + 1] - z[k]) / (right - x[k]));
    return args[1].map((at) => bendAt({ x, z, chords, slopes }, at));
    """
    points = compute(body, knots, x.tolist())
    z, log_slope = spline.spline(x[:, None], o.expand(50, 1, -1), False, 3.0)
    assert (torch.tensor([one["z"] for one in points]) - z[:, 0]).abs().max() < 1e-9
    assert (torch.tensor([one["slope"] for one in points]).log() - log_slope[:, 0]).abs().max() < 1e-9


def oracle(base: str, z: Tensor) -> tuple[Tensor, Tensor]:
    """Density and distribution function of a base."""
    if base == "uniform":
        w = 0.05
        density = (torch.sigmoid((z + 2) / w) - torch.sigmoid((z - 2) / w)) / 4
        soft = torch.nn.functional.softplus
        return density, w / 4 * (soft((z + 2) / w, threshold=1e9) - soft((z - 2) / w, threshold=1e9))
    parts = [(1.0, 0.0, 1.0)] if base == "normal" else [(0.5, -1.2, 0.5), (0.5, 1.2, 0.5)]
    normals = [(w, torch.distributions.Normal(m, s)) for w, m, s in parts]
    return sum(w * n.log_prob(z).exp() for w, n in normals), sum(w * n.cdf(z) for w, n in normals)  # type: ignore[return-value]


@pytest.mark.parametrize("base", BASES)
def test_bases_and_their_distribution_functions(compute, double, base):
    z = torch.linspace(-9, 9, 301)
    body = "const b = BEND_BASES[args[0]]; return args[1].map((z) => [Math.exp(b.log(z)), b.cdf(z)]);"
    values = torch.tensor(compute(body, base, z.tolist()))
    for one, other in zip(values.T, oracle(base, z), strict=True):
        assert (one - other).abs().max() < 1e-13


@pytest.mark.parametrize("base", BASES)
def test_a_density_integrates_to_one_and_every_slice_keeps_its_mass(compute, base):
    body = """
    const [s, b] = [bendSpline(args[0]), BEND_BASES[args[1]]];
    const below = (x) => b.cdf(bendAt(s, x).z);
    const slices = args[2].map(([from, to]) => [bendMass(s, b, from, to), below(to) - below(from)]);
    return { slices, total: bendTotal(s, b), p: args[3].map((x) => Math.exp(bendLog(s, b, x))) };
    """
    x = np.linspace(-30, 30, 60_001)
    slices = [[-3.5, 3.5], [-1.0, 0.3], [0.1, 0.2], [1.2, 6.0]]
    answer = compute(body, KNOTS, base, slices, x.tolist())
    for under_p_x, under_p_z in answer["slices"]:
        assert under_p_x == pytest.approx(under_p_z, abs=1e-9)
    assert answer["total"] == pytest.approx(1, abs=1e-9)
    assert np.trapezoid(answer["p"], x) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("target", TARGETS)
def test_targets_integrate_to_one_and_bumps_are_those_of_the_data(compute, double, target):
    x = torch.linspace(-6, 6, 4001)
    log_p = torch.tensor(compute("return args[1].map(BEND_TARGETS[args[0]].log);", target, x.tolist()))
    assert torch.trapezoid(log_p.exp(), x).item() == pytest.approx(1, abs=1e-6)
    if target.endswith("bumps"):
        truth = data.load(target).target
        assert truth is not None
        assert (log_p - truth.log_prob(x[:, None])).abs().max() < 1e-9


def test_the_divergence_is_that_of_two_normals(compute):
    """KL(N(-1, 0.4^2) || N(0, 1)) in closed form; and nothing from a density to itself."""
    body = """
    const straight = bendSpline([[-3, -3], [-2, -2], [-1, -1], [0, 0], [1, 1], [2, 2], [3, 3]]);
    const kl = (target) => bendKL(bendTarget(target), straight, BEND_BASES.normal);
    return [kl(normals([1, -1, 0.4])), kl(normals([1, 0, 1]))];
    """
    apart, same = compute(body)
    assert apart == pytest.approx(-math.log(0.4) + (0.4**2 + 1) / 2 - 0.5, abs=1e-6)
    assert same == pytest.approx(0, abs=1e-5)


def test_free_numbers_are_knots_in_order_and_come_back(compute):
    back = compute("return fromLogits(toLogits(args[0]));", [one[0] for one in KNOTS])
    assert back == pytest.approx([one[0] for one in KNOTS], abs=1e-9)
    wild = compute("return fromLogits(args[0]);", [5, -9, 3, -9, 0, 9, -9, -30])
    assert min(np.diff(wild)) >= 0.08 - 1e-9
    assert -3.4 <= wild[0] <= wild[-1] <= 3.4 + 1e-9


@pytest.mark.parametrize(
    ("base", "target"), [("normal", "two-bumps"), ("uniform", "skew"), ("normal", "three-bumps")]
)
def test_descent_reaches_its_target(compute, base, target):
    body = """
    const straight = [-3, -2, -1, 0, 1, 2, 3].map((at) => [at, at]);
    const d = new BendDescent(straight, BEND_BASES[args[0]], BEND_TARGETS[args[1]]);
    for (let i = 0; i < 400; i++) d.step();
    return bendKL(d.places, bendSpline(d.knots()), d.base);
    """
    assert 0 < compute(body, base, target) < 0.02
