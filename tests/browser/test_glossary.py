"""Terms are explained where a page uses them: by hover, by press, and by keyboard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import Visitor

pytestmark = pytest.mark.browser
PLACES = """() => [...(CSS.highlights.get("genlab-term") ?? [])].map(one => {
    const { x, y, width, height } = one.getBoundingClientRect();
    return [one.toString(), x + width / 2, y + height / 2];
})"""


def test_terms_of_a_page_and_of_the_stage_are_explained(visitor: Callable[..., Visitor]) -> None:
    me = visitor(viewport={"width": 1366, "height": 768})
    me.open("/gan")
    me.until(lambda: "JS divergence" in [word for word, *_ in me.page.evaluate(PLACES)], "a chart's title")
    bubble = me.page.locator(".genlab-words.bubble")
    for word, x, y in me.page.evaluate(PLACES):
        if word == "JS divergence":
            me.page.mouse.move(x, y)
    expect(bubble).to_contain_text("KL divergences")
    me.page.keyboard.press("Escape")
    expect(bubble).to_be_hidden()
    button, listed = me.page.locator(".genlab-words button"), me.page.locator("#genlab-words-list")
    button.press("Enter")
    expect(listed).to_contain_text("Half the sum")
    me.page.keyboard.press("Escape")
    expect(listed).to_be_hidden()
    expect(button).to_be_focused()
