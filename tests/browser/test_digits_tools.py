"""The digits' tools in a browser: a visitor plays the discriminator, and asks what lies between two z."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.visiting import Visitor

pytestmark = pytest.mark.browser

Come = Callable[..., Visitor]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def tools(me: Visitor) -> Locator:
    """Open the tab of the tools on a small run of digits that rests; the tab."""
    me.open("/gan?data=digits&width_G=16&width_D=16")
    me.train()
    me.until(lambda: me.number("now") > 20, "some rounds")
    me.pause()
    me.page.get_by_role("tab", name="Explore z").click()
    return me.page.get_by_role("tabpanel", name="Explore z")


def choose(tab: Locator, name: str) -> None:
    tab.get_by_role("radio", name=name).click()


def natural(picture: Locator) -> tuple[int, int]:
    """The pixels of a picture that has loaded; (0, 0) before."""
    width, height = picture.evaluate("image => [image.naturalWidth, image.naturalHeight]")
    return width, height


def test_a_visitor_plays_the_discriminator(visitor: Come) -> None:
    me = visitor()
    tab = tools(me)
    choose(tab, "Be the discriminator")
    picture = tab.get_by_alt_text("the picture to judge")
    expect(picture).to_be_visible()
    box = picture.bounding_box()
    assert box
    assert (box["width"], box["height"]) == (224, 224)
    assert natural(picture) == (28, 28)
    tab.get_by_role("button", name="Fake").scroll_into_view_if_needed()
    place = tab.get_by_role("button", name="Fake").bounding_box()
    for n in range(1, 13):
        shown = picture.get_attribute("src")
        tab.get_by_role("button", name="Real" if n % 2 else "Fake").click()
        expect(tab.get_by_text(re.compile(rf"You: \d+ of {n} right"))).to_be_visible()
        expect(tab.get_by_text(re.compile(rf"D: \d+ of {n} right"))).to_be_visible()
        verdict = tab.get_by_text(re.compile(r"^. (Right|Wrong): it was (real|fake)\. D said")).inner_text()
        newest = tab.get_by_role("img").nth(1)
        expect(newest).to_have_attribute("src", shown or "")
        expect(newest).to_have_attribute("alt", "real" if "it was real" in verdict else "fake")
        expect(tab.get_by_role("img")).to_have_count(1 + min(n, 10))
        right = ("it was real" in verdict) == (n % 2 == 1)
        assert ("Right" in verdict) == right
    assert tab.get_by_role("button", name="Fake").bounding_box() == place, "the buttons have moved"
    tab.get_by_role("button", name="Start again").click()
    expect(tab.get_by_text("You:")).to_have_count(0)
    expect(picture).to_be_visible()


def test_the_keyboard_judges_too(visitor: Come) -> None:
    me = visitor()
    tab = tools(me)
    choose(tab, "Be the discriminator")
    tab.get_by_role("button", name="Real").focus()
    for n in (1, 2):
        me.page.keyboard.press("Enter")
        expect(tab.get_by_text(re.compile(rf"You: \d of {n} right"))).to_be_visible()


def test_on_a_phone_the_way_between_two_z_scrolls_by_itself(visitor: Come) -> None:
    me = visitor(**PHONE)
    tab = tools(me)
    expect(tab.get_by_role("img")).to_have_count(22)
    expect(tab.get_by_text("The straight line cuts through z as short as")).to_be_visible()
    assert natural(tab.get_by_role("img").first) == (28, 28)
    wide = "document.documentElement.scrollWidth - window.innerWidth"
    assert me.page.evaluate(wide) <= 0, "the page itself scrolls sideways"
    first = tab.get_by_role("img").first.get_attribute("src")
    tab.get_by_role("button", name="Another").first.click()
    me.until(lambda: tab.get_by_role("img").first.get_attribute("src") != first, "another z")
