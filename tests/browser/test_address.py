"""The address is the setting: Back, Forward, a reload, another tab and another browser show what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from engine import data
from engine.families import families
from lab.kit.setting import usual_data
from lab.runs import store
from tests.browser.visiting import ADDRESSES, Visitor

pytestmark = pytest.mark.browser

Come = Callable[..., Visitor]

WIDGETS = """() => Object.fromEntries([...document.querySelectorAll('[class*=st-key-]')].flatMap(place => {
  const key = [...place.classList].find(name => name.startsWith('st-key-')).slice(7)
  const slider = place.querySelector('input[type=range], [role=slider]'), field = place.querySelector('input')
  const value = slider?.getAttribute('aria-valuetext') ?? slider?.getAttribute('aria-valuenow')
    ?? (field?.type == 'checkbox' ? field.checked : field?.value)
  return value == null || !place.closest('[data-testid=stSidebar]') ? [] : [[key, value]]
}))"""


class Sight:
    """What a visitor sees of a setting: the values in the sidebar, the run on the stage, and the address."""

    def __init__(self, me: Visitor) -> None:
        me.written()
        self.widgets: dict[str, Any] = me.page.evaluate(WIDGETS)
        self.run = me.says("run") if me.stage.count() == 1 else ""
        self.address = dict(parse_qsl(urlsplit(me.page.url).query))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sight) and vars(self) == vars(other)

    def __repr__(self) -> str:
        return f"{self.widgets} {self.run} {self.address}"


def sees(me: Visitor, expected: Sight, what: str) -> None:
    def same() -> bool:
        return Sight(me) == expected

    try:
        me.until(same, what, 20)
    except AssertionError:
        raise AssertionError(f"{what}: {Sight(me)} is not {expected}") from None


def settled(me: Visitor) -> Sight:
    """What is seen when nothing changes any more."""
    if me.run:
        me.shows(me.run)
    before = None
    while before != (now := Sight(me)):
        before = now
        me.page.wait_for_timeout(300)
    return now


def describes(me: Visitor, sight: Sight) -> None:
    """The address without its run says the very setting of the run on the stage."""
    name = urlsplit(me.page.url).path.strip("/")
    if name not in families() or not sight.run:
        return
    family, said = families()[name], dict(sight.address)
    where = me.lab.home / sight.run
    info = store.read_info(where if where.exists() else store.folder(sight.run))
    knobs = {k: v for k, v in said.items() if k in family.Config.knobs()}
    chosen = said.get("data", usual_data(family))
    assert (chosen, int(said.get("seed", 0))) == (info.data, info.seed)
    assert family.configure(data.load(chosen).space, knobs).model_dump() == info.config


def turn_a_knob(me: Visitor) -> bool:
    """Move the first slider of the sidebar one step; False if there is none."""
    sliders = me.page.get_by_test_id("stSidebar").get_by_role("slider")
    if not sliders.count():
        return False
    slider, before = sliders.first, settled(me)
    slider.focus()
    me.page.keyboard.press("ArrowRight")
    me.until(lambda: Sight(me).widgets != before.widgets, "the slider to move")
    me.until(lambda: Sight(me).address != before.address, "the address to say so")
    return True


@pytest.mark.parametrize("address", ADDRESSES)
def test_back_forward_reload_another_tab_and_another_browser_show_what_the_address_says(
    visitor: Come, address: str
) -> None:
    me = visitor()
    me.open(address)
    sights = [settled(me)]
    if turn_a_knob(me):
        sights.append(settled(me))
        describes(me, sights[-1])
    if sights[-1].address.get("run") and me.button("fork").is_visible():
        me.until(lambda: me.button("fork").is_enabled(), "a round to fork from")
        me.button("fork").click()
        me.until(lambda: me.run not in ("", sights[-1].run), "the fork in the address")
        sights.append(settled(me))
        describes(me, sights[-1])
    for sight in sights[-2::-1]:
        me.page.go_back()
        sees(me, sight, "Back")
    for sight in sights[1:]:
        me.page.go_forward()
        sees(me, sight, "Forward")
    me.page.reload()
    sees(me, sights[-1], "a reload")
    link = me.page.url
    me.tab()
    me.open(link)
    sees(me, sights[-1], "a second tab")
    friend = visitor()
    friend.open(link)
    sees(friend, sights[-1], "a second browser")
