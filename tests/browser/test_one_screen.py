"""Every room uses one window: what one presses and what one sees are in it together, on a laptop, a large
screen and a phone; a presentation is readable from the last row; and everybody can use it (axe)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from engine.families import families
from tests.browser.visiting import ADDRESSES, Visitor

pytestmark = pytest.mark.browser

ROOMS = [address for address in ADDRESSES if address.strip("/") in families()]
STAGED = [*ROOMS, "/wall"]
SIZES = {"laptop": (1366, 768), "large": (1920, 1080), "phone": (390, 844)}
SHARE = 0.45  # of the window's height, that the picture has at least
PRESENTED = 0.7
OURS = {"exclude": [["[data-testid=stSkipToContent]"], [".katex-display"]]}
"""Streamlit's link to the content lies outside its landmarks, and it gives its formulas no place in the
order of the keyboard, which browsers give to all that scrolls."""

BOXES = """name => {
  const all = (root, what) => [...root.querySelectorAll("*")].flatMap((one) => [
    ...(one.matches(what) ? [one] : []), ...(one.shadowRoot ? all(one.shadowRoot, what) : [])]);
  const box = (one) => {
    const { left, top, right, bottom } = one.getBoundingClientRect();
    return { left, top, right, bottom };
  };
  const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0;
  const panel = [...document.querySelectorAll("[role=tabpanel]")].find(seen);
  const main = document.querySelector("[data-testid=stMain]");
  const what = "button, input, select, textarea, summary, a, [role=slider], [tabindex='0']";
  return {
    picture: all(document, "canvas.canvas, .photos").filter(seen).map(box),
    train: all(document, "[data-testid=play]").filter(seen).map(box),
    first: panel ? all(panel, what).filter(seen).map(box).slice(0, 1) : [],
    charts: all(document, ".chart").filter(seen).map(box),
    sideways: main.scrollWidth - main.clientWidth,
    wide: window.innerWidth,
    high: window.innerHeight,
  };
}"""
Come = Callable[..., Visitor]


def enter(visitor: Come, address: str, size: str, **options: Any) -> Visitor:
    """A visitor in a room whose picture is drawn and at rest."""
    wide, high = SIZES[size]
    me = visitor(viewport={"width": wide, "height": high}, **options)
    me.open(address)
    if address in STAGED:
        me.stage.first.wait_for()
    rest(me)
    return me


def rest(me: Visitor) -> None:
    if me.stage.count():
        frames = "all => all.map(one => Number(one.getAttribute('data-frames')))"
        me.until(lambda: all(me.stage.evaluate_all(frames)), "a picture on every stage")
        me.still(me.stage.first)


def boxes(me: Visitor) -> dict[str, Any]:
    told: dict[str, Any] = me.page.evaluate(BOXES)
    return told


def overlaps(all_: list[dict[str, float]]) -> list[tuple[int, int]]:
    """Pairs of boxes that lie over one another by more than a pixel."""
    return [
        (i, j)
        for i, one in enumerate(all_)
        for j, other in enumerate(all_[:i])
        if min(one["right"], other["right"]) - max(one["left"], other["left"]) > 1
        and min(one["bottom"], other["bottom"]) - max(one["top"], other["top"]) > 1
    ]


@pytest.mark.exhaustive
@pytest.mark.parametrize("address", ADDRESSES)
def test_what_one_presses_and_sees_is_in_one_window_and_everybody_can_use_it(
    visitor: Come, address: str
) -> None:
    me = enter(visitor, address, "large", color_scheme="dark")
    fits(me, address, "large")
    wide, high = SIZES["laptop"]
    me.page.set_viewport_size({"width": wide, "height": high})
    me.page.emulate_media(color_scheme="light")
    if me.stage.count():
        me.until(lambda: me.stage.first.get_attribute("data-mood") == "light", "the light picture")
    me.page.wait_for_timeout(300)  # colours of the page fade into one another
    rest(me)
    fits(me, address, "laptop")
    if address in ROOMS:
        no_formula_is_wider_than_its_column(me)


def fits(me: Visitor, address: str, size: str) -> None:
    there = boxes(me)
    assert there["sideways"] <= 0
    assert overlaps(there["charts"]) == []
    if address in STAGED:
        picture = max(there["picture"], key=lambda box: box["bottom"] - box["top"])
        # a photograph is wide: it may fill the width instead
        least = 0.38 if address == "/style" and size == "laptop" else SHARE
        assert picture["bottom"] - picture["top"] >= least * there["high"]
        assert there["train"][0]["bottom"] <= there["high"]
        assert all(box["bottom"] <= there["high"] for box in there["first"]), "the open tab's first control"
    found = Axe().run(me.page, context=OURS, options={"resultTypes": ["violations"]}).response["violations"]
    told = [
        (one["id"], [node["target"] for node in one["nodes"]][:3], one["nodes"][0]["failureSummary"])
        for one in found
    ]
    assert not told, f"{size}: {json.dumps(told, indent=1)}"


def no_formula_is_wider_than_its_column(me: Visitor) -> None:
    me.page.get_by_role("tab", name="Formula and code").click()
    shown = me.page.locator(".st-key-tools .katex-display").filter(visible=True)
    shown.first.wait_for()
    me.written()
    wide = "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.innerText)"
    assert shown.evaluate_all(wide) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("address", STAGED)
def test_on_a_phone_the_picture_comes_first_and_nothing_is_cut_off(visitor: Come, address: str) -> None:
    me = enter(visitor, address, "phone")
    there = boxes(me)
    picture, train = there["picture"][0], there["train"][0]
    assert picture["top"] < 0.3 * there["high"]
    assert train["bottom"] <= there["high"]
    assert overlaps(there["charts"]) == []
    assert there["sideways"] <= 0
    me.page.get_by_test_id("stExpandSidebarButton").click()
    sheet = me.page.get_by_test_id("stSidebar")
    me.still(sheet)
    box = sheet.bounding_box()
    assert box
    assert box["y"] >= 0.5 * there["high"], "the sheet of sliders leaves the picture free"


@pytest.mark.parametrize("address", ["/gan", "/vae", "/ddpm", "/real-nvp"])
def test_a_presentation_is_in_the_address_and_fills_the_height(visitor: Come, address: str) -> None:
    me = enter(visitor, address, "laptop")
    type_ = "one => one.getBoundingClientRect().height / one.offsetHeight"
    me.page.keyboard.press("p")
    me.until(lambda: "present=1" in me.page.url, "the address to say so")
    me.until(lambda: me.stage.get_attribute("data-presented"), "the stage to hear of it")
    me.still(me.stage)
    there = boxes(me)
    assert there["picture"][0]["bottom"] - there["picture"][0]["top"] >= (PRESENTED - 0.01) * there["high"]
    assert there["train"][0]["bottom"] <= there["high"]
    assert me.stage.evaluate(type_) == pytest.approx(1.6, rel=0.02)
    me.page.reload()
    me.written()
    me.until(lambda: me.stage.get_attribute("data-presented"), "it to last through a reload")
    me.button("present").click()
    me.until(lambda: "present" not in me.page.url, "the desk again")
