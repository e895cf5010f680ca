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
# rooms that one function makes have the same sidebar, so of each kind one; test_pages opens them all
ALIKE = {"glow", "iaf", "nice", "planar", "spline-flow", "continuous-flow", "flow-matching", "cvae"}
ONE_OF_A_KIND = [address for address in ADDRESSES if address.strip("/") not in ALIKE]

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
        self.run = "at rest" if self.run and me.says("state") == "ready" else self.run
        self.address = dict(parse_qsl(urlsplit(me.page.url).query))

    def of_anybody(self) -> Sight:
        """Without the runs side by side, of which everybody has their own."""
        self.address = {name: text for name, text in self.address.items() if name not in "abc"}
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sight) and vars(self) == vars(other)

    def __repr__(self) -> str:
        return f"{self.widgets} {self.run} {self.address}"


def sees(me: Visitor, expected: Sight, what: str) -> None:
    def same() -> bool:
        return Sight(me) == expected

    try:
        me.until(same, what)
    except AssertionError:
        raise AssertionError(f"{what}: {Sight(me)} is not {expected}") from None


def settled(me: Visitor) -> Sight:
    """What is seen when nothing changes any more."""
    if urlsplit(me.page.url).path.strip("/") in {*families(), "compare", "planes", "wall"}:
        me.stage.first.wait_for()
    if me.stage.count() == 1:
        me.until(lambda: me.says("run"), "a run on the stage")
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
    if sight.run == "at rest":  # the stage may still show the model that this one replaces
        me.until(lambda: (me.lab.home / me.says("run") / "run.json").exists(), "the model at rest")
    where = me.lab.home / me.says("run")
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


@pytest.mark.exhaustive
@pytest.mark.parametrize("address", ONE_OF_A_KIND)
def test_back_forward_reload_another_tab_and_another_browser_show_what_the_address_says(
    visitor: Come, address: str
) -> None:
    me = visitor()
    me.open(address)
    sights = [settled(me)]
    if turn_a_knob(me):
        sights.append(settled(me))
        describes(me, sights[-1])
        if address == "/gan":
            me.train()
            sights.append(settled(me))
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
    if address == "/gan":  # a second tab is for the server what a reload is
        me.tab()
        me.open(link)
        sees(me, sights[-1], "a second tab")
    me.page.goto("about:blank")  # what nobody looks at takes no time from the friend
    friend = visitor()
    friend.open(link)
    seen = sights[-1].of_anybody()
    friend.until(lambda: Sight(friend).of_anybody() == seen, f"{seen} in a second browser")


def test_back_gives_ones_own_run_the_live_knobs_that_it_had(visitor: Come) -> None:
    me = visitor()
    me.open("/gan?width_G=8")
    me.train()
    first, run = settled(me), me.run
    turn_a_knob(me)
    me.until(lambda: me.info()["config"]["lr_D"] == 0.002, "the run to take the learning rate")
    second = settled(me)
    assert (first.run, second.run) == (run, run)
    me.page.go_back()
    sees(me, first, "Back")
    me.until(lambda: me.info()["config"]["lr_D"] == 0.001, "the run to take the learning rate it had")
    me.page.go_forward()
    sees(me, second, "Forward")
    me.until(lambda: me.info()["config"]["lr_D"] == 0.002, "the run to take the later learning rate")
    friend = visitor()
    friend.open(f"/gan?run={run}")  # the address is completed, and Back to the short one is no change
    seen = settled(friend)
    assert (seen.widgets, seen.address) == (second.widgets, second.address)
    friend.page.go_back()
    sees(friend, seen, "Back to the short link")


def test_a_link_that_gave_no_run_and_another_room_are_in_the_history_as_well(visitor: Come) -> None:
    me = visitor()
    me.open("/gan?run=0123456789ab&lr_D=0.005&data=grid")
    me.until(lambda: not me.run, "the link's setting, at rest")
    here = settled(me)
    assert (here.address["lr_D"], here.address["data"]) == ("0.005", "grid")
    assert "There is no run 0123456789ab" in me.page.get_by_test_id("stAlert").first.inner_text()
    me.page.goto(f"{me.lab.url}/cgan?lr_D=0.01")
    there = settled(me)
    assert there.address["lr_D"] == "0.01"
    me.page.go_back()
    sees(me, here, "Back to the other room")
