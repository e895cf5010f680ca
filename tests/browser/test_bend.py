"""The curve that is bent by hand: its mathematics against torch, and a student who bends it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Locator
from torch import Tensor
from torch.func import grad

from engine import data, spline
from lab.stage.bend import BASES, TARGETS
from lab.stage.stage import read_assets
from tests.browser.visiting import Visitor

pytestmark = pytest.mark.browser

Come = Callable[..., Visitor]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
KNOTS = [[-3.1, -2.6], [-2.2, -2.4], [-0.9, -0.3], [0.2, -0.1], [0.4, 1.7], [1.9, 1.9], [2.9, 3.2]]


# --- the mathematics ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compute(chromium: Browser) -> Any:
    """Runs JavaScript beside the component's own mathematics; `args` is what it is given."""
    page = chromium.new_page()
    code = read_assets(["bend_math.js"])
    yield lambda body, *args: page.evaluate(f"(args) => {{ {code}\n{body} }}", list(args))
    page.close()


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
    found = compute(
        "const s = bendSpline(args[0]); return args[1].map((x) => bendAt(s, x));", knots.tolist(), x.tolist()
    )
    z, slope = (torch.tensor([one[name] for one in found]) for name in ("z", "slope"))
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
    found = compute(body, knots, x.tolist())
    z, log_slope = spline.spline(x[:, None], o.expand(50, 1, -1), False, 3.0)
    assert (torch.tensor([one["z"] for one in found]) - z[:, 0]).abs().max() < 1e-9
    assert (torch.tensor([one["slope"] for one in found]).log() - log_slope[:, 0]).abs().max() < 1e-9


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
    found = torch.tensor(compute(body, base, z.tolist()))
    for one, other in zip(found.T, oracle(base, z), strict=True):
        assert (one - other).abs().max() < 1e-13


@pytest.mark.parametrize("base", BASES)
def test_a_density_integrates_to_one_and_every_slice_keeps_its_mass(compute, base):
    body = """
    const [s, b] = [bendSpline(args[0]), BEND_BASES[args[1]]];
    const below = (x) => b.cdf(bendAt(s, x).z);
    const slices = args[2].map(([from, to]) => [bendMass(s, b, from, to), below(to) - below(from)]);
    return { slices, total: bendTotal(s, b), p: args[3].map((x) => Math.exp(bendLog(s, b, x))) };
    """
    x = np.linspace(-30, 30, 200_001)
    slices = [[-3.5, 3.5], [-1.0, 0.3], [0.1, 0.2], [1.2, 6.0]]
    found = compute(body, KNOTS, base, slices, x.tolist())
    for under_p_x, under_p_z in found["slices"]:
        assert under_p_x == pytest.approx(under_p_z, abs=1e-9)
    assert found["total"] == pytest.approx(1, abs=1e-9)
    assert np.trapezoid(found["p"], x) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_targets_integrate_to_one_and_bumps_are_those_of_the_data(compute, double, target):
    x = torch.linspace(-6, 6, 4001)
    found = torch.tensor(compute("return args[1].map(BEND_TARGETS[args[0]].log);", target, x.tolist()))
    assert torch.trapezoid(found.exp(), x).item() == pytest.approx(1, abs=1e-6)
    if target.endswith("bumps"):
        truth = data.load(target).target
        assert truth is not None
        assert (found - truth.log_prob(x[:, None])).abs().max() < 1e-9


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


# --- the page ---------------------------------------------------------------------------------------


class Bench:
    """The page on which the curve is bent."""

    def __init__(self, me: Visitor, query: str = "") -> None:
        self.me = me
        me.open("/change-of-variables" + query)
        self.get("figure").wait_for()
        me.until(lambda: self.read("px"), "the first numbers")
        me.still(self.get("figure"))

    def get(self, name: str) -> Locator:
        return self.me.page.get_by_test_id(f"bend-{name}")

    def read(self, name: str) -> str:
        return self.get(name).inner_text()

    def number(self, name: str) -> float:
        return float(self.read(name).replace("\u2212", "-"))

    def knot(self, k: int) -> tuple[float, float]:
        x, z = (self.get(f"knot-{k}").get_attribute("data-at") or "").split()
        return float(x), float(z)

    def sound(self) -> None:
        """What holds whatever the curve is."""
        assert self.number("px") == pytest.approx(self.number("pz") * self.number("slope"), abs=3e-3)
        assert self.number("mass-x") == pytest.approx(self.number("mass-z"), abs=1.1e-4)
        assert self.read("total") == "1.000"

    def drag(self, k: int, dx: float, dz: float) -> None:
        """By the mouse, in pixels."""
        box = self.get(f"knot-{k}").bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        mouse = self.me.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + dx / 2, y - dz / 2)
        mouse.move(x + dx, y - dz)
        mouse.up()


def test_a_knot_that_is_dragged_bends_the_density(visitor: Come):
    bench = Bench(visitor())
    assert bench.number("slope") == 1
    assert bench.read("px") == bench.read("pz")
    before = bench.number("px")
    bench.drag(4, 0, 40)
    bench.me.until(lambda: bench.knot(4)[1] > 0.4, "the knot to follow")
    bench.me.until(lambda: bench.number("px") != before, "another density")
    assert bench.number("slope") < 0.9
    bench.sound()
    bench.drag(4, 0, 300)  # far beyond its neighbour
    bench.me.until(lambda: "Knot 4 stops at its neighbour" in bench.read("says"), "the reason")
    assert bench.knot(5)[1] - bench.knot(4)[1] == pytest.approx(0.08, abs=1e-3)
    bench.sound()


def test_the_keyboard_moves_knots_and_the_slice(visitor: Come):
    bench = Bench(visitor())
    bench.get("knot-3").focus()
    press = bench.me.page.keyboard.press
    for key in ("ArrowRight", "ArrowUp", "ArrowUp"):
        press(key)
    bench.me.until(lambda: bench.knot(3) == (-0.95, -0.9), "the knot to move")
    for _ in range(5):
        press("Shift+ArrowLeft")
    bench.me.until(lambda: bench.knot(3) == (-1.92, -0.9), "the knot to stop at its neighbour")
    assert "Knot 3 stops" in bench.read("says")
    bench.get("slice-x").focus()
    for _ in range(20):
        press("ArrowLeft")
    bench.me.until(lambda: "x = \u22120.50" in bench.read("place"), "the slice to move")
    bench.get("slice-dx").press("End")
    bench.me.until(lambda: bench.number("mass-x") > 0.3, "a wide slice")
    bench.sound()


def test_the_slice_is_dragged_and_its_edge_makes_it_wider(visitor: Come):
    bench = Bench(visitor())
    box, mouse = bench.get("figure").bounding_box(), bench.me.page.mouse
    knots = [bench.get(f"knot-{k}").bounding_box() for k in (4, 5)]
    assert box
    assert knots[0]
    assert knots[1]
    unit, zero = knots[1]["x"] - knots[0]["x"], knots[0]["x"] + knots[0]["width"] / 2
    low = box["y"] + box["height"] - 12

    def pull(start: float, end: float) -> None:
        mouse.move(zero + start * unit, low)
        mouse.down()
        mouse.move(zero + end * unit, low, steps=3)
        mouse.up()

    pull(0.5, -1.0)
    bench.me.until(lambda: "x = \u22121.00" in bench.read("place"), "the slice to follow")
    pull(-0.7, 0.0)  # from its right edge
    bench.me.until(lambda: bench.number("mass-x") == pytest.approx(0.4772, abs=0.02), "P(-2 < x < 0)")
    bench.sound()


def test_bases_and_presets(visitor: Come):
    bench = Bench(visitor())
    for base, density in (("uniform", 0.25), ("mixture", 0.151), ("normal", 0.352)):
        bench.get(f"base-{base}").click()
        bench.me.until(lambda density=density: abs(bench.number("pz") - density) < 0.01, base)
        bench.sound()
    bench.get("slice-x").fill("0")
    for preset, low, high in (("steep", 2.5, 4), ("flat", 0.05, 0.3)):
        bench.get(f"preset-{preset}").click()
        bench.me.until(lambda low=low, high=high: low < bench.number("slope") < high, preset)
        bench.sound()
    bench.get("straighten").click()
    bench.me.until(lambda: bench.number("slope") == 1, "a straight line")


def test_descent_finds_two_bumps_and_a_student_can_stop_it(visitor: Come):
    bench = Bench(visitor(), "?target=two-bumps")
    assert bench.number("kl") == pytest.approx(0.376, abs=0.002)
    assert "Reached" not in bench.read("goal")
    bench.get("descend").click()
    bench.me.until(lambda: bench.read("descend") == "Stop", "a button to stop")
    bench.me.until(lambda: bench.number("kl") < 0.3, "the first steps")
    bench.get("descend").click()
    bench.me.until(lambda: bench.read("descend") != "Stop", "it to stop")
    bench.get("descend").click()
    bench.me.until(lambda: bench.number("kl") < 0.02, "the target", 60)
    bench.me.until(lambda: "Reached" in bench.read("goal"), "the sign")
    bench.get("target-none").click()  # which stops it
    bench.me.until(lambda: bench.get("descend").is_disabled(), "nothing to descend to")
    bench.sound()


def test_a_finger_on_a_phone(visitor: Come):
    bench = Bench(visitor(**PHONE), "?target=three-bumps")
    wide = bench.me.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    box = bench.get("knot-4").bounding_box()
    assert box
    assert min(box["width"], box["height"]) >= 36
    touch = bench.me.browser.new_cdp_session(bench.me.page)
    x, y = box["x"] + 18, box["y"] + 18
    for kind, dy in (("touchStart", 0), ("touchMove", -8), ("touchMove", -20)):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y + dy}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    bench.me.until(lambda: bench.knot(4)[1] > 0.3, "the knot to follow the finger")
    bench.sound()


def test_an_unknown_base_in_the_address_is_refused_in_words(visitor: Come):
    bench = Bench(visitor(), "?base=cauchy")
    alert = bench.me.page.get_by_role("alert").inner_text()
    assert "no base of that name" in alert
    assert json.dumps(list(BASES)).strip("[]").replace('"', "") in alert
