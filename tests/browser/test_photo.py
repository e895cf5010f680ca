"""Photographs on the stage: a result beside its content and style, and the handle between two pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import FloatRect, Locator, expect

from tests.browser.filming import start_page
from tests.browser.photographs import BLUE, GREEN, GREY, OTHERS, RED, YELLOW, Colour, Painter
from tests.browser.visiting import MOVING, Visitor
from tests.serving import Lab, stop_lab

pytestmark = pytest.mark.browser

COLOUR = """(one, [x, y]) => {
  const ctx = new OffscreenCanvas(1, 1).getContext("2d");
  const scale = one.width / one.clientWidth;
  ctx.drawImage(one, -x * scale, -y * scale);
  return [...ctx.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""  # of a canvas at this place
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """In place of the lab: the page with a stage alone."""
    page = start_page(tmp_path_factory.mktemp("photographs"), "photo_page.py")
    yield page
    stop_lab(page)


def alike(one: Sequence[int], other: Colour) -> bool:
    """Whether they are one colour, but for what the compression changes."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) < 12


def place(part: Locator) -> FloatRect:
    box = part.bounding_box()
    assert box
    return box


class Gallery:
    """A visitor before a run of a style of the test's own making."""

    def __init__(self, me: Visitor, address: str = "/", **state: Any) -> None:
        self.me = me
        self.painter = Painter(me.page, **state)
        me.open(address)
        if address == "/":
            me.until(lambda: self.painter.link, "the stage to ask for its run")
        self.canvas = me.page.locator("canvas.canvas")
        self.knob = me.page.get_by_test_id("split")
        self.area = me.page.get_by_test_id("split-area")

    def shows(self, round: int, colour: Colour, others: dict[str, Colour] | None = None) -> None:
        self.painter.send(round, colour, others)
        self.has(self.area, 0.8, colour)

    def pixel(self, part: Locator, across: float) -> Colour:
        """The colour of the canvas under a part of it, so far across and a fifth from its top."""
        box, whole = part.bounding_box(), self.canvas.bounding_box()
        if not box or not whole:
            return (0, 0, 0)  # not yet there
        at = [box["x"] + across * box["width"] - whole["x"], box["y"] + 0.2 * box["height"] - whole["y"]]
        return tuple(self.canvas.evaluate(COLOUR, at))

    def has(self, part: Locator, across: float, colour: Colour) -> None:
        self.me.until(lambda: alike(self.pixel(part, across), colour), f"the colour {colour} at {across:.0%}")

    def small(self, name: str) -> Locator:
        return self.me.page.get_by_test_id(f"photo-{name}")

    def drag(self, start: float, end: float) -> None:
        box = place(self.area)
        mouse, y = self.me.page.mouse, box["y"] + 0.7 * box["height"]
        mouse.move(box["x"] + start * box["width"], y)
        mouse.down()
        mouse.move(box["x"] + end * box["width"], y, steps=4)
        mouse.up()

    def stands(self, percent: int) -> None:
        expect(self.knob).to_have_attribute("aria-valuenow", str(percent))


@pytest.fixture
def gallery(visitor: Callable[..., Visitor]) -> Callable[..., Gallery]:
    def come(address: str = "/", state: dict[str, Any] | None = None, **options: Any) -> Gallery:
        return Gallery(visitor(**options), address, **(state or {}))

    return come


def test_a_result_stands_large_beside_its_content_and_style(gallery) -> None:
    one = gallery()
    one.shows(1, RED, OTHERS)
    one.has(one.small("content"), 0.5, BLUE)
    one.has(one.small("style"), 0.5, GREEN)
    large, small = place(one.area), place(one.small("content"))
    assert large["width"] > 1.9 * small["width"]
    assert small["x"] + small["width"] < large["x"]
    for box in (large, small):
        assert box["width"] / box["height"] == pytest.approx(1.5, rel=0.01)
    one.has(one.area, 0.05, RED)  # the handle begins at the far left


def test_a_result_alone_has_all_the_place_and_no_handle(gallery) -> None:
    one = gallery()
    one.painter.send(1, RED)
    one.has(one.canvas, 0.02, RED)
    one.has(one.canvas, 0.98, RED)
    expect(one.knob).to_be_hidden()


def test_the_handle_follows_the_mouse_and_keeps_its_place_under_new_pictures(gallery) -> None:
    one = gallery()
    one.shows(1, RED, OTHERS)
    one.drag(0.1, 0.6)
    one.stands(60)
    expect(one.knob).to_have_attribute("aria-valuetext", "content left of 60 %")
    one.has(one.area, 0.55, BLUE)
    one.has(one.area, 0.65, RED)
    one.shows(2, YELLOW)
    one.stands(60)
    one.has(one.area, 0.55, BLUE)
    one.has(one.area, 0.65, YELLOW)
    one.area.dblclick(position={"x": 200, "y": 200})
    one.stands(0)
    one.has(one.area, 0.05, YELLOW)


def test_what_comes_while_a_picture_is_read_gives_way_to_the_newest(gallery) -> None:
    one = gallery()
    one.shows(1, RED, OTHERS)
    one.me.page.evaluate(
        """() => {
          const read = window.createImageBitmap;
          window.read = 0;
          const held = new Promise((done) => (window.release = done));
          window.createImageBitmap = async (...given) => {
            window.read += 1;
            await held;
            return read(...given);
          };
        }"""
    )
    one.painter.send(2, GREY)
    one.me.until(lambda: one.me.page.evaluate("window.read") == 1, "the next picture to be read")
    for round, colour in ((3, BLUE), (4, GREEN), (5, YELLOW)):
        assert alike(one.pixel(one.area, 0.8), RED), "the old picture stays until the new one is read"
        one.painter.send(round, colour)
        expect(one.me.page.get_by_test_id("stage")).to_contain_text(f"round {round}")
    one.me.page.evaluate("window.release()")
    one.has(one.area, 0.8, YELLOW)
    assert one.me.page.evaluate("window.read") == 2


def test_the_keyboard_moves_the_handle_and_not_the_run(gallery) -> None:
    one = gallery()
    one.shows(1, RED, OTHERS)
    one.knob.focus()
    keys = [
        ("End", 100),
        ("Home", 0),
        ("ArrowRight", 2),
        ("Shift+ArrowRight", 12),
        ("ArrowLeft", 10),
        ("PageUp", 20),
    ]
    for key, percent in [*keys, ("Enter", 0), ("ArrowLeft", 0)]:
        one.me.page.keyboard.press(key)
        one.stands(percent)
    assert one.painter.orders == []


def test_the_handle_works_on_an_earlier_round(gallery) -> None:
    one = gallery(state={"keyframes": {0: GREY, 1: YELLOW}})
    one.shows(2, RED, OTHERS)
    one.drag(0, 0.5)
    one.me.look_back(1)
    one.has(one.area, 0.6, YELLOW)
    one.has(one.area, 0.4, BLUE)
    one.drag(0.5, 0.3)
    one.has(one.area, 0.4, YELLOW)
    one.me.button("back").click()
    one.has(one.area, 0.4, RED)
    one.stands(30)


def test_the_handle_works_while_a_recording_plays(gallery) -> None:
    state = {"keyframes": {0: GREY, 1: YELLOW, 2: RED}, "recording": True, "state": "paused"}
    one = gallery(state=state, **MOVING)
    one.has(one.area, 0.8, YELLOW)
    one.drag(0, 0.5)
    one.has(one.area, 0.8, RED)
    one.has(one.area, 0.4, BLUE)
    one.stands(50)


def test_pictures_over_time(gallery) -> None:
    one = gallery(state={"keyframes": {0: GREY, 1: YELLOW}})
    one.shows(2, RED, OTHERS)
    one.me.button("strip").click()
    rows = one.me.stage.locator(".strip-row canvas")
    expect(rows).to_have_count(2)
    for i, colour in enumerate([GREY, YELLOW]):
        row = rows.nth(i)
        one.me.until(
            lambda row=row, colour=colour: alike(row.evaluate(COLOUR, [40, 40]), colour),
            f"the picture of keyframe {i}",
        )


def test_the_picture_in_the_graph_is_the_newest(gallery) -> None:
    one = gallery()
    one.shows(1, RED, OTHERS)
    one.me.button("graph").click()
    thumb = one.me.button("graph-section").get_by_role("img")
    for round, colour in ((2, YELLOW), (3, GREY)):
        one.shows(round, colour)
        now = lambda colour=colour: alike(thumb.evaluate(COLOUR, [30, 25]), colour)  # noqa: E731
        one.me.until(now, f"the thumbnail of round {round}")


def test_a_picture_that_cannot_be_read_leaves_the_old_one(gallery) -> None:
    one = gallery()
    one.shows(1, RED, OTHERS)
    one.painter.pack(2, {"photo/result": np.frombuffer(b"no picture", np.uint8)})
    one.me.until(lambda: one.me.number("round") == 2, "that frame")
    one.me.page.wait_for_timeout(100)
    assert alike(one.pixel(one.area, 0.8), RED)
    one.shows(3, YELLOW)


def test_a_small_picture_is_shown_large_and_put_back(gallery) -> None:
    one = gallery()
    one.shows(1, RED, OTHERS)
    where = one.area.bounding_box()
    one.small("style").click()
    expect(one.knob).to_be_hidden()
    one.has(one.canvas, 0.9, GREEN)
    one.small("style").click()
    one.has(one.area, 0.8, RED)
    assert one.area.bounding_box() == where


def test_on_a_phone_the_result_comes_first_and_the_others_in_a_row_below_it(gallery) -> None:
    one = gallery(**PHONE)
    one.shows(1, RED, OTHERS)
    one.has(one.small("content"), 0.5, BLUE)
    large, content, style = place(one.area), place(one.small("content")), place(one.small("style"))
    assert large["width"] > 340
    assert content["y"] == style["y"] > large["y"] + large["height"]
    assert content["x"] + content["width"] < style["x"]
    assert style["x"] + style["width"] <= 390
    expect(one.area).to_have_css("touch-action", "pan-y")


def test_a_finger_moves_the_handle_sideways(gallery) -> None:
    one = gallery(**PHONE)
    one.shows(1, RED, OTHERS)
    box = place(one.area)
    touch = one.me.browser.new_cdp_session(one.me.page)
    y = box["y"] + box["height"] / 2

    def finger(kind: str, *at: float) -> None:
        points = [{"x": at[0], "y": at[1]}] if at else []
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    finger("touchStart", box["x"] + 20, y)
    for step in range(1, 11):
        finger("touchMove", box["x"] + 20 + step * (0.5 * box["width"] - 20) / 10, y)
    finger("touchEnd")
    one.stands(50)
    one.has(one.area, 0.4, BLUE)
    finger("touchStart", box["x"] + 0.2 * box["width"], y)
    for step in range(1, 11):
        finger("touchMove", box["x"] + 0.2 * box["width"] + step, y - 20 * step)
    finger("touchEnd")
    one.stands(50)  # that scrolled the page


def test_the_parts_of_the_loss_are_seen_after_the_first_rounds(gallery) -> None:
    one = gallery()
    one.shows(100, RED, OTHERS)
    chart = one.me.stage.locator("[data-chart='loss of the layers']")
    chart.wait_for()
    low, high = (float(end) for end in (chart.get_attribute("data-box") or "").split()[2:])
    assert low <= 0
    assert 7 < high < 14  # of a sum that is 7 after its first tenth, and was 7000
    for name in ("content", "style 1", "style 5", "roughness"):
        expect(chart.locator(".keys")).to_contain_text(name)
    assert chart.locator(".keys b").all_inner_texts() == ["1"] * 7
    colours = chart.locator(".keys i").evaluate_all(
        "all => all.map(one => getComputedStyle(one).backgroundColor)"
    )
    assert len(set(colours)) == 7


def test_two_pictures_of_a_page_have_the_same_handle(gallery) -> None:
    one = gallery("/?split=1")
    one.has(one.area, 0.8, RED)
    one.drag(0.1, 0.4)
    one.has(one.area, 0.35, BLUE)
    one.has(one.area, 0.45, RED)
    expect(one.knob).to_have_attribute("aria-valuetext", "before left of 40 %")
    one.me.page.get_by_role("button", name="again").click()
    one.me.written()
    one.stands(40)
    one.has(one.area, 0.35, BLUE)
