"""What only the flows have, in a browser: a place's way through the layers, and fields beside the world."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, WebSocketRoute, expect

from lab.runs.wire import pack_answer, pack_frame
from tests.browser.filming import STATE, start_page, whole
from tests.browser.visiting import Visitor
from tests.serving import Lab, stop_lab

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
BOX = [-4.0, 4.0, -4.0, 4.0]
PLANE = np.stack(np.meshgrid(np.linspace(-4, 4, 64), np.linspace(-4, 4, 64)), 2)
BELL = whole(255 * np.exp(-(PLANE**2).sum(2) / 2))
FIRST = np.array([[1.0, 0.0], [0.5, 2.0]])  # a coupling: lower triangular
SECOND = np.array([[0.25, 1.0], [0.0, 1.0]])  # the next one: upper triangular


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """In place of the lab: the page of the flows' own pieces."""
    page = start_page(tmp_path_factory.mktemp("flows"), "flow_page.py")
    yield page
    stop_lab(page)


def plane() -> dict[str, Any]:
    points = np.float16([[1.0, 0.5], [-1.0, 2.0]])
    return {"field/density": BELL, "points/real": points, "box": BOX, "mass": 0.9996}


def point(x: float, y: float) -> dict[str, Any]:
    """Two linear layers before a normal."""
    way = [np.array([x, y])]
    for matrix in (FIRST, SECOND):
        way.append(matrix @ way[-1])
    log_pz = -(way[-1] ** 2).sum() / 2 - np.log(2 * np.pi)
    log_dets = np.log([2.0, 0.25])
    numbers = {"log_pz": log_pz, "log_px": log_pz + log_dets.sum(), "inversion": 2e-16, "truth": None}
    return {
        "way": np.float32(way), "log_dets": np.float32(log_dets), "jacobian": np.float32(SECOND @ FIRST),
        "jacobians": np.float32([FIRST, SECOND]), "titles": ["coupling", "coupling"], "numbers": numbers,
    }  # fmt: skip


class Played:
    """The model's side of the live route; `refusal` is what it says instead of an answer."""

    def __init__(self, visitor: Callable[..., Visitor], show: str = "passage", **options: Any) -> None:
        self.me = visitor(**options)
        self.asked: list[dict[str, Any]] = []
        self.refusal = ""
        self.me.page.route_web_socket("**/live/**", self.connect)
        self.show = show

    def connect(self, link: WebSocketRoute) -> None:
        link.on_message(lambda text: self.hear(link, json.loads(text)))
        link.send(json.dumps({"hello": STATE}))
        if self.show == "side":
            sides = {"side/truth": BELL, "side/error": whole(128 + 60 * np.sin(PLANE[..., 0]))}
            link.send(pack_frame({"field/density": BELL} | sides, {"round": 7, "box": BOX}))

    def hear(self, link: WebSocketRoute, message: dict[str, Any]) -> None:
        if "ask" not in message:
            return
        self.asked.append(message)
        if self.refusal:
            return link.send(json.dumps({"error": self.refusal, "answer": message["id"]}))
        answer = {"plane": plane, "point": point}[message["ask"]](**message["with"])
        link.send(pack_answer(answer, message["id"]))

    def open(self) -> Played:
        self.me.open(f"/?show={self.show}")
        self.get("" if self.show == "passage" else "stage").wait_for()
        return self

    def get(self, name: str) -> Locator:
        return self.me.page.get_by_test_id(
            name if name == "stage" else f"passage-{name}" if name else "passage"
        )

    @property
    def places(self) -> list[tuple[float, float]]:
        return [(one["with"]["x"], one["with"]["y"]) for one in self.asked if one["ask"] == "point"]

    def answered(self, n: int) -> None:
        self.me.until(lambda: int(self.get("").get_attribute("data-answers") or 0) >= n, f"{n} answers")

    def number(self, name: str) -> float:
        says = self.get("sum").locator(f"[data-number={name}] b").inner_text()
        return float(says.replace("−", "-"))


def test_a_place_is_there_at_once_and_its_sum_is_the_lectures(visitor) -> None:
    one = Played(visitor).open()
    one.answered(1)
    assert one.places == [(1.0, 0.5)], "the first of the data, so that the page is not empty"
    expect(one.get("mass")).to_contain_text("1.000")
    px, pz, dets = (one.number(name) for name in ("log_px", "log_pz", "log_dets"))
    assert (px, dets) == (pytest.approx(pz + dets, abs=0.002), pytest.approx(np.log(0.5), abs=0.001))
    expect(one.get("sum").locator("[data-number=truth]")).to_contain_text("−∞")
    rows = one.get("table").locator("tbody tr")
    expect(rows).to_have_count(4)
    for row, words in enumerate(
        ["x = h₀ = (1.00, 0.50)", "h₁ = (1.00, 1.50)", "z = h₂ = (1.75, 1.50)", "log pz(z)"]
    ):
        expect(rows.nth(row)).to_contain_text(words)
    expect(rows.nth(1)).to_contain_text("0.693")
    expect(rows.nth(2)).to_contain_text("−1.386")
    assert float(rows.nth(3).locator("td").last.inner_text().replace("−", "-")) == px


def test_an_entry_that_is_zero_is_empty_and_the_shape_is_named(visitor) -> None:
    one = Played(visitor).open()
    one.answered(1)
    matrices = one.get("table").locator(".matrix")
    assert [matrices.nth(i).get_attribute("data-shape") for i in (0, 1)] == ["lower", "upper"]
    assert matrices.nth(0).locator(".entry").all_inner_texts() == ["1.00", "", "0.50", "2.00"]
    assert matrices.nth(1).locator(".entry").all_inner_texts() == ["0.25", "1.00", "", "1.00"]
    assert one.get("whole").locator(".entry").all_inner_texts() == ["0.75", "2.00", "0.50", "2.00"]
    expect(one.get("whole")).to_contain_text("no entry is 0")


def test_mouse_and_keys_move_the_place(visitor) -> None:
    one = Played(visitor).open()
    one.answered(1)
    canvas = one.get("plane")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    before = canvas.screenshot()
    mouse = one.me.page.mouse
    mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    mouse.down()
    one.me.until(lambda: len(one.places) == 2, "the place to be asked about")
    assert one.places[-1] == pytest.approx((-2, 2), abs=0.05)
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4, steps=4)
    mouse.up()
    one.me.until(lambda: one.places[-1] == pytest.approx((0, 2), abs=0.05), "the place to follow the hand")
    expect(one.get("table").locator("tbody tr").first).to_contain_text(f"({one.places[-1][0]:.2f}")
    assert canvas.screenshot() != before
    canvas.focus()
    here = one.places[-1]
    one.me.page.keyboard.press("ArrowRight")
    one.me.until(lambda: one.places[-1] == pytest.approx((here[0] + 8 / 60, here[1])), "a small step")
    one.me.page.keyboard.press("Shift+ArrowDown")
    one.me.until(
        lambda: one.places[-1] == pytest.approx((here[0] + 8 / 60, here[1] - 40 / 60)), "a large one"
    )


def test_a_row_that_is_pointed_at_lights_its_h(visitor) -> None:
    one = Played(visitor).open()
    one.answered(1)
    pixels = lambda: one.get("plane").evaluate("canvas => canvas.toDataURL()")  # noqa: E731
    before = pixels()
    one.get("table").locator("tr[data-l='1']").hover()
    one.me.until(lambda: pixels() != before, "another picture")


def test_a_refusal_is_a_sentence_in_place_of_the_plane(visitor) -> None:
    one = Played(visitor)
    one.refusal = "A way is drawn in the plane; choose points as the data."
    one.open()
    expect(one.get("note")).to_have_text(one.refusal)
    expect(one.get("plane")).to_be_hidden()


def test_a_finger_presses_a_place_and_nothing_is_wider_than_a_phone(visitor) -> None:
    one = Played(visitor, **PHONE).open()
    one.answered(1)
    canvas = one.get("plane")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    one.me.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    one.me.until(lambda: one.places[-1] == pytest.approx((0, 0), abs=0.05), "the place to be asked about")
    table = one.get("table").bounding_box()
    assert table
    assert table["x"] + table["width"] <= 390
    assert one.me.page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


@pytest.mark.parametrize("options", [{}, PHONE], ids=["wide", "phone"])
def test_fields_stand_beside_the_world_or_below_it(visitor, options) -> None:
    one = Played(visitor, "side", **options).open()
    one.me.until(lambda: one.me.number("frames") == 1, "the picture")
    wide, high = one.me.canvas.evaluate("canvas => [canvas.clientWidth, canvas.clientHeight]")
    assert wide <= (390 if options else 1280)
    assert (high > 1.2 * wide) if options else (high < 0.8 * wide)
    pixels = lambda: one.me.canvas.evaluate("canvas => canvas.toDataURL()")  # noqa: E731
    both = pixels()
    one.me.stage.get_by_role("button", name="The error").click()
    one.me.until(lambda: pixels() != both, "the error to go")
