"""A student bends the curve: by mouse, by keyboard, by finger, and by gradient descent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator

from lab.stage.alone import BASES
from tests.browser.visiting import Visitor

pytestmark = pytest.mark.browser

Come = Callable[..., Visitor]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


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
        """What holds whatever the curve is, also while it moves: so all is read at one moment."""
        read = "all => Object.fromEntries(all.map((b) => [b.dataset.testid.slice(5), +b.textContent]))"
        now = self.me.page.get_by_test_id("bend").locator("b[data-testid^=bend-]").evaluate_all(read)
        assert now["px"] == pytest.approx(now["pz"] * now["slope"], abs=3e-3)
        assert now["mass-x"] == pytest.approx(now["mass-z"], abs=1.1e-4)
        assert now["total"] == 1

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
    bench.me.until(lambda: bench.number("kl") < 0.02, "the target")
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
    assert ", ".join(BASES) in alert
