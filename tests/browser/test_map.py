"""The map in a browser: its cards play, rest without motion, lead to rooms, and are a list on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import MOVING, Visitor

pytestmark = pytest.mark.browser
DRAWN = "all => all.map(one => Number(one.dataset.drawn ?? 0))"
IN_SIGHT = """all => all.filter(one => {
    const { top, bottom } = one.getBoundingClientRect();
    return top < innerHeight && bottom > 0;
}).map(one => Number(one.dataset.drawn ?? 0))"""


def drawn(me: Visitor) -> list[int]:
    return me.page.locator("[data-testid=map] canvas").evaluate_all(IN_SIGHT)


def test_cards_play_and_lead_to_their_rooms_in_the_same_visit(visitor: Callable[..., Visitor]) -> None:
    me = visitor(viewport={"width": 1366, "height": 768}, **MOVING)
    me.page.goto(f"{me.lab.url}/")
    me.until(lambda: drawn(me) and min(drawn(me)) > 3, "every card in sight plays")
    assert len(drawn(me)) >= 17, "the tree fits this window"
    card = me.page.locator("[data-address=gan]")
    expect(card).to_have_attribute("data-state", "Start here")
    assert "orange" in (card.locator("canvas").get_attribute("aria-label") or "")
    me.page.evaluate("window.sameVisit = true")
    card.get_by_role("link").click()
    me.stage.first.wait_for()
    assert "/gan" in me.page.url
    assert me.page.evaluate("window.sameVisit")
    me.page.get_by_role("link", name="Map").first.click()
    expect(me.page.locator("[data-address=gan]")).to_have_attribute("data-state", "visited")
    expect(me.page.locator("[data-address=cgan]")).to_have_attribute("data-state", "Next")


def test_without_motion_the_last_picture_rests(visitor: Callable[..., Visitor]) -> None:
    me = visitor()
    me.page.goto(f"{me.lab.url}/")
    me.until(lambda: drawn(me) and min(drawn(me)) >= 1, "every card in sight has a picture")
    me.page.wait_for_timeout(300)
    before = drawn(me)
    me.page.wait_for_timeout(500)
    assert drawn(me) == before


def test_a_phone_has_a_list_in_the_order_to_follow(visitor: Callable[..., Visitor]) -> None:
    me = visitor(viewport={"width": 390, "height": 844})
    me.page.goto(f"{me.lab.url}/")
    me.until(lambda: drawn(me) and min(drawn(me)) > 0, "cards in sight play")
    numbers = me.page.locator("[data-testid=map] .badge i").all_inner_texts()
    assert [int(n) for n in numbers] == list(range(1, len(numbers) + 1))
    wide = me.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    every = me.page.locator("[data-testid=map] canvas")
    assert min(every.evaluate_all(DRAWN)) == 0, "what is out of sight is not drawn"
