"""The room of letters in a browser: the recording answers, so nothing trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.visiting import Visitor

pytestmark = pytest.mark.browser

Come = Callable[..., Visitor]
NEXT = "/letters?data=villages-by-region&tab=What+comes+next%3F"
REGIONS = "/letters?data=villages-by-region&tab=Which+region%3F"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def chart(me: Visitor, key: str) -> Locator:
    return me.page.locator(f".st-key-{key} .js-plotly-plot").last


def bars(me: Visitor) -> dict[str, float]:
    """The letters of the chart, and p of the net."""
    drawn = "one => (one.calcdata?.[0] ?? []).map((bar, i) => [one._fullData[0].x[i], bar.s])"
    return dict(chart(me, "letters-chart").evaluate(drawn))


def tints(me: Visitor) -> list[str]:
    """The colours of the regions on the map."""
    return chart(me, "regions-map").evaluate(
        "one => (one.data ?? []).flatMap((cell) => cell.fillcolor ?? [])"
    )


def changed(me: Visitor, read: Callable[[Visitor], Any], act: Callable[[], Any], what: str) -> Any:
    """Act, wait until what is read is another, and at rest; that."""
    before = read(me)
    act()
    me.until(lambda: read(me) not in (before, type(before)()), what)  # empty while it is drawn
    me.written()
    return read(me)


def write(me: Visitor, label: str, text: str) -> None:
    me.page.get_by_label(label, exact=True).fill(text)
    me.page.get_by_label(label, exact=True).press("Enter")


def test_the_next_letter_follows_the_text_the_region_and_the_temperature(visitor: Come) -> None:
    me = visitor()
    me.open(NEXT)
    chart(me, "letters-chart").wait_for()
    assert not me.run, "a recording answers"
    me.until(lambda: bars(me), "bars")
    first = bars(me)
    assert sum(first.values()) == pytest.approx(1, abs=0.1), "twelve letters have nearly all"
    changed(me, bars, lambda: write(me, "Begin a name", "Нов"), "other letters after another beginning")
    warm = changed(me, bars, lambda: me.select("region", "Львівська"), "other letters in another region")
    slider = me.page.locator(".st-key-letters-temperature").get_by_role("slider")
    slider.focus()
    cold = changed(me, bars, lambda: slider.press("Home"), "the likeliest letter alone, at temperature 0")
    me.until(lambda: max(bars(me).values(), default=0) == 1, "the end of the slider")
    assert max(cold.values()) > max(warm.values())
    expect(
        me.page.get_by_text("0 of 20 are new").or_(me.page.get_by_text("20 of 20 are new"))
    ).to_be_visible()
    # at temperature 0 all names are the same


def test_names_are_invented_and_the_new_ones_are_bold(visitor: Come) -> None:
    me = visitor()
    me.open(NEXT)
    told = me.page.locator(".st-key-tools p", has_text=" · ")
    told.wait_for()
    names = told.inner_text().replace("\u2060", "").split(" · ")
    assert len(names) == 20
    assert all(name.startswith("Кам") for name in names)
    new = told.locator("strong").count()
    assert 0 < new < 20
    expect(me.page.get_by_text(f"{new} of 20 are new")).to_be_visible()
    before = told.inner_text()
    me.page.get_by_role("button", name="Another").click()
    me.until(lambda: told.inner_text() != before, "other names")


def test_the_map_follows_the_name_letter_by_letter(visitor: Come) -> None:
    me = visitor()
    me.open(REGIONS)
    chart(me, "regions-map").wait_for()
    me.until(lambda: len(tints(me)) == 25, "all regions")
    slider = me.page.locator(".st-key-regions-read").get_by_role("slider")
    slider.focus()
    whole = tints(me)
    prior = changed(me, tints, lambda: slider.press("Home"), "p before the first letter")
    me.until(lambda: slider.get_attribute("aria-valuetext") in ("nothing", None), "nothing is read")
    expect(me.page.get_by_text("Likeliest: Львівська, p = 0.07.")).to_be_visible()  # it has the most names
    first = changed(me, tints, lambda: slider.press("ArrowRight"), "p after the first letter")
    assert len({tuple(one) for one in (whole, prior, first)}) == 3
    other = changed(me, tints, lambda: write(me, "A name", "Голошина"), "another name")
    assert other not in (whole, prior, first)
    expect(me.page.get_by_text("Голошина∎").first).to_be_visible()  # all of another name is read


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Киыв", "letter 'ы', which this model has never seen"),
        ("Кiев", "i in 'Кiев': Latin letters. Write the Ukrainian ones."),
        ("Л" * 27, "has 27 letters; write at most 26."),
        ("   ", "Write a name first."),
    ],
)
def test_what_cannot_be_read_is_named(visitor: Come, text: str, said: str) -> None:
    me = visitor()
    me.open(REGIONS)
    chart(me, "regions-map").wait_for()
    write(me, "A name", text)
    me.until(lambda: said in me.page.locator(".st-key-tools").inner_text().replace("\u2060", ""), said)
    write(me, "A name", "Кам'янка")  # an apostrophe of a keyboard
    chart(me, "regions-map").wait_for()


def test_a_phone_shows_the_map_and_nothing_is_wider_than_it(visitor: Come) -> None:
    me = visitor(**PHONE)
    me.open(REGIONS)
    map_ = chart(me, "regions-map")
    map_.wait_for()
    map_.scroll_into_view_if_needed()
    box = map_.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert me.page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
