"""A student in the room of Real-NVP, with a model of his own: trains it, slides through the layers, presses a
point; and on a phone sees it all without scrolling sideways."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import Visitor

pytestmark = pytest.mark.browser

SMALL = "layers=4&width=16&depth=1&batch=64"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def pressed(me: Visitor, across: float, up: float) -> dict[str, float]:
    """Press a place of the plane, in shares of it; the numbers of the sum that then stands there."""
    plane, told = me.page.get_by_test_id("passage-plane"), me.page.get_by_test_id("passage-sum")
    plane.scroll_into_view_if_needed()
    me.still(plane)
    box, before = plane.bounding_box(), told.inner_text()
    assert box
    me.page.mouse.click(box["x"] + across * box["width"], box["y"] + up * box["height"])
    me.until(lambda: told.inner_text() != before, "another place's sum")
    names = ("log_px", "log_pz", "log_dets", "inversion")
    read = "(sum, names) => names.map((name) => sum.querySelector(`[data-number=${name}] b`).innerText)"
    texts = dict(zip(names, told.evaluate(read, names), strict=True))  # all of one answer
    return {name: float(text.replace("−", "-").partition("·")[0]) for name, text in texts.items()}


def test_a_student_trains_slides_through_the_layers_and_presses_a_point(
    visitor: Callable[..., Visitor],
) -> None:
    me = visitor()
    me.open(f"/real-nvp?data=moons&{SMALL}&tab=Layers")
    me.train()
    me.until(lambda: me.number("now") > 130, "two measurements")
    expect(me.page.locator("strong").filter(has_text="nat above the entropy")).to_be_visible()
    round = me.pause()

    # through the layers: the film plays from z to x; between two layers there is something, too
    get = lambda name: me.page.get_by_test_id(f"film-{name}")  # noqa: E731
    pixels = lambda: get("screen-h").evaluate("canvas => canvas.toDataURL()")  # noqa: E731
    get("row-0").scroll_into_view_if_needed()
    expect(get("row-0")).to_contain_text(f"model of round {round}")  # no longer the one at rest
    expect(get("t")).to_have_text("x = h₀, after all 4 layers")
    data = pixels()
    get("slider").focus()
    me.page.keyboard.press("Home")
    expect(get("t")).to_have_text("z = h₄, before any layer")
    seen = {data}
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight"):
        me.until(lambda: pixels() not in seen, f"another picture before {key}")
        seen.add(pixels())
        me.page.keyboard.press(key)
    expect(get("t")).to_have_text("h₃, after 1 of 4 layers")
    me.page.keyboard.press("End")
    me.until(lambda: pixels() == data, "the data again")

    # a point: log p(x) is the sum, and every layer has its Jacobian
    me.page.get_by_role("tab", name="A point", exact=True).click()
    me.written()
    me.page.get_by_test_id("passage").scroll_into_view_if_needed()  # out of sight it asks nothing
    expect(me.page.get_by_test_id("passage-table").locator(".matrix")).to_have_count(4)
    one, other = pressed(me, 0.5, 0.5), pressed(me, 0.6, 0.4)
    for numbers in (one, other):
        assert numbers["log_px"] == pytest.approx(numbers["log_pz"] + numbers["log_dets"], abs=0.002)
    assert one["log_px"] != other["log_px"]


def test_a_phone_needs_no_sideways_scrolling_in_a_room_of_flows(visitor: Callable[..., Visitor]) -> None:
    me = visitor(**PHONE)
    me.open("/real-nvp?tab=Layers")
    me.until(lambda: me.number("frames") > 0, "a picture")
    me.page.get_by_test_id("film-row-0").wait_for()
    assert me.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert me.page.get_by_test_id("stMain").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
