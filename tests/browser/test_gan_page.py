"""A walk through the whole page of the GAN: picture, numbers, verdict, and every tab."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from lab.gan.failures import FAILURES
from tests.browser.visiting import MOVING, Visitor

pytestmark = pytest.mark.browser

Come = Callable[..., Visitor]


def opened(me: Visitor, name: str) -> None:
    me.page.get_by_role("tab", name=name, exact=True).click()
    me.until(
        lambda: f"tab={name.split()[0]}" in me.page.url or name == "Formula and code", "the address to say so"
    )
    me.written()


def test_a_student_walks_through_the_page(visitor: Come) -> None:
    me = visitor()
    me.open("/gan?width_G=32&width_D=32")
    me.train()
    me.until(lambda: me.number("now") > 450, "enough rounds for a verdict")
    main = me.page.get_by_test_id("stMain")
    expect(main.get_by_text("Close").or_(main.get_by_text("Learning")).first).to_be_visible()
    expect(main.get_by_text("Around round").first).to_be_visible()
    for chart in ("What each player descends", "Modes found", "JS divergence, bits", "What D believes"):
        expect(me.stage.get_by_text(chart).first).to_be_visible()
    me.pause()

    expect(main.locator(".source")).to_contain_text("def turns")
    opened(me, "Losses")
    expect(me.page.locator(".js-plotly-plot")).to_have_count(2)
    expect(main).to_contain_text("In the present batch")
    expect(main).to_contain_text("singular value")
    for word in ("minimax", "hinge", "WGAN-GP", "R1"):
        expect(main.get_by_role("cell", name=word).first).to_be_visible()

    opened(me, "Failures and cures")
    expect(main.get_by_role("button", name="See it fail")).to_have_count(len(FAILURES))
    for failure in FAILURES:
        expect(main.get_by_text(failure.title).first).to_be_visible()

    opened(me, "Check")
    main.get_by_role("button", name="Measure now").click()
    expect(main.get_by_text("holds").first).to_be_visible()
    expect(main.get_by_text("broken")).to_have_count(0)


def test_a_link_of_the_gallery_opens_the_failure_and_the_detector_names_it(visitor: Come) -> None:
    me = visitor()
    (failure,) = [one for one in FAILURES if one.title == "Vanishing gradient"]
    me.open(failure.address())
    me.train()
    info = me.info()
    assert info["config"] | failure.knobs == info["config"]
    verdict = me.page.get_by_test_id("stMain").get_by_text(failure.symptom).first
    me.until(lambda: verdict.is_visible(), "the verdict")


def test_the_conditional_gan_shows_a_row_for_each_label_and_mixes_two(visitor: Come) -> None:
    me = visitor(**MOVING)
    me.open("/cgan")
    me.moves()
    assert me.says("run") == "cgan-digits"
    expect(me.page.locator(".strip img")).to_have_count(16)  # the model of the recording answers
    me.train()
    me.pause()
    me.page.reload()
    pictures = me.page.locator(".strip img")
    expect(pictures).to_have_count(16)
    me.written()
    first = pictures.first.get_attribute("src")
    me.page.locator(".st-key-label_share").get_by_role("slider").focus()
    me.page.keyboard.press("End")
    me.until(lambda: pictures.first.get_attribute("src") != first, "another label, other pictures")
