"""Compare in a real browser: one bar drives two runs, which stay together in rounds and looks back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from lab.runs.jobs import LEAD
from tests.browser.visiting import Visitor

pytestmark = pytest.mark.browser

Come = Callable[..., Visitor]
SLOW = "/compare?width_G=16&knob=width_D&left=16&right=256"  # two speeds
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Pair:
    """The two stages of a visitor's page and their bar."""

    def __init__(self, me: Visitor, address: str) -> None:
        self.me = me
        me.open(address)
        self.press("play")
        me.until(lambda: min(self.numbers("now"), default=0) > 30, "some rounds of both")

    @property
    def bar(self) -> Locator:
        return self.me.page.get_by_test_id("shared")

    def press(self, name: str) -> None:
        self.bar.get_by_test_id(name).click()

    def said(self, name: str) -> list[str]:
        return self.me.stage.evaluate_all(f"all => all.map(one => one.getAttribute('data-{name}') || '')")

    def numbers(self, name: str) -> list[int]:
        return [int(text or 0) for text in self.said(name)]

    def both(self, name: str, value: str) -> None:
        self.me.until(lambda: self.said(name) == [value, value], f"both {name} {value}")

    def pause(self) -> int:
        self.press("play")
        return self.rests()

    def rests(self) -> int:
        """Wait until both have paused, as the server says, and are shown at one round; which?"""
        self.me.until(lambda: all(self.me.info(run)["state"] == "paused" for run in self.said("run")), "rest")
        spoken = self.me.stage.locator(".spoken")
        self.me.until(lambda: all("paused" in text for text in spoken.all_text_contents()), "the word of it")
        at = [re.sub(r"\D", "", text.partition("·")[0]) for text in spoken.all_text_contents()]
        assert at[0] == at[1]
        self.both("now", at[0])
        self.both("round", at[0])
        return int(at[0])


@pytest.fixture
def compare(visitor: Come):
    """Opens the page; at the end the runs are paused, to take no more time."""
    opened: list[Pair] = []

    def open(address: str, **options: object) -> Pair:
        opened.append(Pair(visitor(**options), address))
        return opened[-1]

    yield open
    for pair in opened:
        if "training" in pair.said("state"):
            pair.pause()


def test_one_bar_pauses_trains_steps_and_resets_both(compare) -> None:
    pair = compare(SLOW)

    def in_step() -> bool:
        apart = []
        for _ in range(20):
            one, other = pair.numbers("now")
            apart.append(abs(one - other))
            pair.me.page.wait_for_timeout(50)
        return sorted(apart)[10] <= 2 * LEAD  # what is on the screen may be some frames old

    pair.me.until(in_step, "both in step")  # if they were not, they would be further apart each time
    round = pair.pause()
    runs = pair.said("run")
    pair.press("step-D")
    pair.me.until(lambda: all(pair.me.commands(run) for run in runs), "a step of both")
    assert [pair.me.commands(run) for run in runs] == [[{"round": round, "do": "step", "player": "D"}]] * 2
    expect(pair.me.stage.nth(1).get_by_test_id("readout")).to_contain_text("last turn: D")
    pair.press("play")
    pair.both("state", "training")
    pair.me.until(lambda: min(pair.numbers("now")) > round + 20, "both to go on")
    pair.pause()
    pair.press("reset")
    pair.both("now", "0")


def test_to_scrub_looks_back_at_one_round_in_both_and_rewinds_both(compare) -> None:
    pair = compare(SLOW)
    now = pair.pause()
    pair.bar.get_by_test_id("scrub").focus()
    for _ in range(3):
        pair.me.page.keyboard.press("ArrowLeft")
    pair.me.until(lambda: max(pair.numbers("round")) < now, "earlier pictures")
    pair.me.until(lambda: len(set(pair.numbers("round"))) == 1, "both of one round")
    (earlier, _) = pair.numbers("round")
    expect(pair.bar.get_by_test_id("chip")).to_have_text(f"looking at round {earlier}")
    expect(pair.bar.get_by_test_id("fork")).to_be_hidden()
    pair.press("back")
    pair.both("round", str(now))
    pair.bar.get_by_test_id("scrub").focus()
    for _ in range(3):
        pair.me.page.keyboard.press("ArrowLeft")
    pair.press("rewind")
    pair.both("now", str(earlier))


def test_keys_and_words_act_on_both(compare) -> None:
    pair = compare("/compare?width_G=16&width_D=16")
    pair.me.stage.nth(1).locator("canvas.canvas").hover()
    pair.me.page.keyboard.press(" ")
    pair.rests()
    pictures = [pair.me.canvas.nth(i) for i in range(2)]
    pair.me.page.mouse.move(2, 2)
    before, seen = [], None
    while before != (seen := [one.screenshot() for one in pictures]):  # points glide
        before = seen
        pair.me.page.wait_for_timeout(400)
    pair.me.page.get_by_test_id("pair").locator('[data-layer="points/fake"]').first.click()
    pair.me.page.mouse.move(2, 2)
    pair.me.until(
        lambda: all(one.screenshot() != old for one, old in zip(pictures, before, strict=True)),
        "both without fakes",
    )


def test_a_refresh_finds_the_runs_and_a_knob_of_both_turns_in_both(compare) -> None:
    pair = compare("/compare?width_G=16&width_D=16")
    pair.pause()
    runs = pair.said("run")
    pair.me.page.reload()
    pair.me.until(lambda: pair.said("run") == runs, "the same runs")
    pair.both("state", "paused")
    pair.me.slider("k").focus()
    pair.me.page.keyboard.press("ArrowRight")
    pair.me.until(lambda: all(pair.me.info(run)["config"]["k"] == 2 for run in runs), "k in both")
    pair.press("play")
    pair.both("state", "training")


def test_the_detector_speaks_under_each_picture_and_charts_share_height_and_scales(compare) -> None:
    pair = compare("/compare")
    recorded = lambda: pair.me.stage.evaluate_all("all => all.some(e => e.dataset.recording)")  # noqa: E731
    pair.me.until(lambda: not recorded(), "one's own runs in place of the recordings that it opens with")
    pair.me.until(lambda: min(pair.numbers("now")) > 700, "700 rounds")
    pair.pause()
    verdicts = pair.me.page.get_by_test_id("verdict")
    expect(verdicts.nth(1)).to_contain_text("Mode collapse: ")
    expect(verdicts.nth(1)).to_contain_text("Cure: ")
    expect(verdicts.nth(1)).to_have_attribute("data-tone", "bad")
    expect(verdicts.nth(0)).not_to_have_attribute("data-tone", "bad")
    tops = pair.me.stage.locator(".charts").evaluate_all("all => all.map(e => e.getBoundingClientRect().top)")
    assert tops[0] == pytest.approx(tops[1], abs=2)
    boxes = "[...e.querySelectorAll('.chart')].map(c => [c.dataset.chart, c.dataset.box])"
    scales = f"e => Object.fromEntries({boxes})"
    both = lambda: [pair.me.stage.nth(i).evaluate(scales) for i in range(2)]  # noqa: E731
    pair.me.until(lambda: both()[0] == both()[1], "the same scales")
    assert len(both()[0]) >= 5


def test_on_a_phone_one_stands_above_the_other_and_the_bar_stays_in_sight(compare) -> None:
    pair = compare("/compare?width_G=16&width_D=16", **PHONE)
    boxes = [pair.me.canvas.nth(i).bounding_box() for i in range(2)]
    assert boxes[0]["x"] == boxes[1]["x"]
    assert boxes[1]["y"] > boxes[0]["y"] + boxes[0]["height"]
    assert pair.me.page.get_by_test_id("pair").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    for name in ("play", "step", "step-D", "step-G", "reset", "scrub"):
        box = pair.bar.get_by_test_id(name).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert box["y"] + box["height"] <= 844
    pair.bar.get_by_test_id("play").tap()
    pair.both("state", "paused")
