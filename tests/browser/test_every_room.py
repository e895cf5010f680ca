"""One visit to every room: it opens, its pictures are drawn, and nothing goes wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from engine.families import families
from tests.browser.visiting import ADDRESSES, Visitor

pytestmark = pytest.mark.browser


@pytest.mark.exhaustive
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_room_opens_and_shows_its_pictures(visitor: Callable[..., Visitor], address: str) -> None:
    me = visitor()
    me.open(address)
    expect(me.page.get_by_role("heading").first).to_be_visible()
    if address.strip("/") in families():
        me.stage.first.wait_for()
    frames = "all => all.map(one => Number(one.getAttribute('data-frames')))"
    me.until(lambda: all(me.stage.evaluate_all(frames)), "a picture on every stage")
    me.written()
    expect(me.page.get_by_test_id("stAlertContentError")).to_have_count(0)
