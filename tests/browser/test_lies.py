"""The lie detector in a browser: suspects, lens and question in one window; hands of three kinds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from lab.autoregressive.lies_tab import ANSWERS, CASES, leak_of
from tests.browser.visiting import Visitor

pytestmark = pytest.mark.browser

Come = Callable[..., Visitor]
LAPTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PIXELS = [name for name, case in CASES.items() if case.family in ("made", "pixelcnn", "pixelrnn")]


def enter(me: Visitor, case: str, side: str = "A") -> Visitor:
    """At a case, with the lens on one of its models."""
    me.open(f"/lie-detector?case={case}")
    if side == "B":
        me.page.locator(".st-key-examine").get_by_text("Model B").click()
        me.written()
    return me


def lens(me: Visitor) -> Locator:
    return me.page.get_by_test_id("desk-lens")


def sees(me: Visitor) -> Locator:
    return me.page.get_by_test_id("desk-sees")


def say(me: Visitor, side: str, why: str) -> None:
    form = me.page.get_by_test_id("stForm")
    form.get_by_text(f"Model {side}").click()
    form.get_by_text(ANSWERS[why]).click()
    form.get_by_role("button", name="Say so").click()


@pytest.mark.parametrize("case", PIXELS)
def test_the_lens_shows_which_of_two_models_of_pixels_lies(visitor: Come, case: str) -> None:
    me = enter(visitor(**LAPTOP), case)
    sheet = me.page.get_by_test_id("desk-sheet")
    for side in "AB":
        if side == "B":
            me.page.locator(".st-key-examine").get_by_text("Model B").click()
        honest = side != CASES[case].liar
        told = "It does not see itself. Of the 90 pixels after it, it sees 0."
        expect(lens(me)).to_have_attribute("data-pixel", "105")  # in the middle, of both
        if honest:
            expect(sees(me)).to_contain_text(told)
        else:
            expect(sees(me)).not_to_contain_text(told)
        sheet.press("ArrowUp")
        expect(lens(me)).to_have_attribute("data-pixel", "91")
        told = "It does not see itself. Of the 104 pixels after it, it sees 0."
        assert (told in sees(me).inner_text()) == honest
        sheet.press("ArrowDown")
        me.until(lambda: lens(me).get_attribute("data-pixel") == "105", "the pixel in the middle")


def test_a_mouse_and_a_finger_choose_the_pixel(visitor: Come) -> None:
    for options in (LAPTOP, PHONE):
        me = enter(visitor(**options), "masked", "B")
        expect(lens(me)).to_have_attribute("data-pixel", "105")
        sheet = me.page.get_by_test_id("desk-sheet")
        cell = sheet.evaluate("canvas => canvas.clientWidth") / 14
        place = {"x": 2.5 * cell, "y": 1.5 * cell}
        sheet.tap(position=place) if options is PHONE else sheet.click(position=place)
        expect(lens(me)).to_have_attribute("data-pixel", "16")
        expect(sees(me)).to_contain_text("It sees itself. Of the 179 pixels after it, it sees 0.")


def test_the_lens_on_a_sound_shows_past_and_future(visitor: Come) -> None:
    me = enter(visitor(**LAPTOP), "sound")
    told = me.page.locator(".st-key-tools p", has_text="samples before it")
    expect(told).to_contain_text("Of the 900 samples before it")
    slider = me.page.locator(".st-key-around").get_by_role("slider")
    slider.press("ArrowRight")
    expect(told).to_contain_text("Of the 910 samples before it")
    expect(told).to_contain_text("it sees 0.")
    me.page.locator(".st-key-examine").get_by_text("Model B").click()
    expect(told).not_to_contain_text("it sees 0.")


def test_the_lens_on_grey_is_a_curve(visitor: Come) -> None:
    me = enter(visitor(**LAPTOP), "density")
    me.page.locator(".st-key-levels-chart .js-plotly-plot").wait_for()


def test_all_is_in_one_window_and_a_wrong_and_a_right_answer_are_told(visitor: Come) -> None:
    me = enter(visitor(**LAPTOP), "masked")
    case = CASES["masked"]
    expect(lens(me)).to_have_attribute("data-pixel", "105")
    me.page.get_by_test_id("shared").get_by_test_id("play").click()
    me.until(lambda: me.page.locator(".chart canvas").count() == 2, "two curves")
    me.page.get_by_test_id("shared").get_by_test_id("play").click()
    me.until(lambda: all(me.stage.evaluate_all("all => all.map((one) => one.dataset.frames)")), "samples")
    me.still(me.page.get_by_test_id("stForm"))
    parts = [*me.page.locator("canvas.canvas").all(), *me.page.locator(".chart canvas").all(),
             me.page.get_by_test_id("shared"), sees(me), me.page.get_by_test_id("stForm")]  # fmt: skip
    assert len(parts) >= 7
    for part in parts:
        box = part.bounding_box()
        assert box
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 900
    honest = "A" if case.liar == "B" else "B"
    say(me, honest, leak_of(case).symptom)
    expect(me.page.get_by_text(f"Not model {honest}")).to_be_visible()
    say(me, case.liar, "Sees the future")
    expect(me.page.get_by_text("the reason is not")).to_be_visible()
    say(me, case.liar, leak_of(case).symptom)
    expect(me.page.get_by_text(f"Yes: model {case.liar} lies.")).to_be_in_viewport()
    with me.browser.expect_page() as opened:
        me.page.get_by_role("link", name="Open it cured").click()
    cured = opened.value
    cured.wait_for_load_state()
    assert "/made?" in cured.url
    assert "mask=%3E" in cured.url or "mask" not in cured.url
    cured.get_by_test_id("stage").wait_for()
    cured.close()
    me.page.get_by_role("button", name="Ask me again").click()
    expect(me.page.get_by_test_id("stForm")).to_be_visible()


def test_on_a_phone_the_suspects_come_first_then_lens_and_question(visitor: Come) -> None:
    me = enter(visitor(**PHONE), "masked")
    expect(lens(me)).to_have_attribute("data-pixel", "105")
    me.still(me.page.get_by_test_id("stForm"))
    left, right = (cell.bounding_box() for cell in me.page.locator(".cell").all())
    assert left
    assert right
    assert left["y"] == right["y"], "beside one another"
    order = [me.page.get_by_test_id(name).bounding_box() for name in ("pair", "desk", "stForm")]
    tops = [box["y"] for box in order if box]
    assert tops == sorted(tops)
    assert len(tops) == 3
    assert me.page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
