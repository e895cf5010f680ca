"""Addresses that strangers have written: what they say is shown, and nothing of it is loaded or linked."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import Visitor

pytestmark = pytest.mark.browser
PICTURE = "![x](http://evil.test/a)"
TEXTS = [
    PICTURE,
    "[x](//evil.test)",
    "http://evil.test",
    ":red[x] :smile:",
    "$x$ `a` **b**",
    "<img src=//evil.test>",
]


KNOBS = (
    "gan?data",
    "gan?run",
    "compare?family",
    "compare?knob",
    "compare?left",
    "wall?rows",
    "wall?row_values",
)


@pytest.mark.parametrize(
    "address", [f"/{one}=" for one in (*KNOBS, "style?data", "change-of-variables?base")]
)
def test_a_picture_in_an_address_is_not_fetched(visitor: Callable[..., Visitor], address: str) -> None:
    me = visitor()
    me.open(address + quote(PICTURE))
    errors = me.page.get_by_test_id("stAlertContentError")
    expect(errors.first).to_be_visible()
    assert me.page.locator("img[src*=evil], a[href*=evil]").count() == 0


@pytest.mark.parametrize("text", TEXTS)
def test_what_an_address_says_is_shown_letter_by_letter(visitor: Callable[..., Visitor], text: str) -> None:
    me = visitor()
    me.open("/gan?data=" + quote(text))
    error = me.page.get_by_test_id("stAlertContentError")
    expect(error).to_be_visible()
    told = error.inner_text().replace("\u2060", "")
    assert f"There is no data called '{text}' for this family" in told
    assert error.locator("img, a, strong, code, .katex, [class*=icon], span[style*=color]").count() == 0


def test_an_unknown_page_is_ours_and_leads_to_the_map_with_a_key(visitor: Callable[..., Visitor]) -> None:
    me = visitor()
    me.page.goto(f"{me.lab.url}/nothing-here")
    expect(me.page.get_by_role("heading", name="This lab has no page “nothing-here”.")).to_be_visible()
    me.troubles.clear()  # the browser reports the 404, and asks for an icon
    me.page.get_by_role("link", name="the map").click()
    me.written()
    me.troubles.clear()
    me.page.get_by_role("link", name="GAN", exact=False).first.click()
    me.stage.first.wait_for()
    run = me.train()
    assert me.info(run)["owner"]
    me.pause()
