"""The drawer under the stage: slow motion, the graph and the strip over time, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import MOVING, Visitor

pytestmark = pytest.mark.browser

Come = Callable[..., Visitor]
FRESH = "/gan?lr_G=0.002"  # a setting without a recording

PRESSED = """button => new Promise((done) => {
  const marked = () => button.getRootNode().querySelector('.slow-code [aria-current=step]');
  const before = marked();
  button.click();
  requestAnimationFrame(() => done(marked() !== before));
})"""


def begin(me: Visitor, rounds: int = 60) -> None:
    me.open(FRESH)
    me.train()
    me.until(lambda: me.number("now") > rounds, "some rounds")


def pixels(me: Visitor) -> str:
    return me.canvas.evaluate("canvas => canvas.toDataURL()")


def marked(me: Visitor) -> str:
    return me.button("slow-code").locator("[aria-current=step]").inner_text()


def end_of_turn(me: Visitor) -> None:
    while "takes its step" not in me.button("slow-status").inner_text():
        me.button("slow-next").click()


def test_slow_motion_walks_a_turn_and_holds_the_picture_until_the_step(visitor: Come) -> None:
    me = visitor()
    begin(me)
    me.button("slow").click()
    me.until(lambda: me.info()["state"] == "paused", "the run to pause")
    expect(me.button("slow-status")).to_contain_text("Press Next line")
    assert me.commands() == []
    me.button("slow-turn-G").click()
    expect(me.button("slow-status")).to_contain_text("Turn of G")
    assert me.commands() == [{"round": me.commands()[0]["round"], "do": "step", "player": "G"}]
    first = marked(me)
    picture = me.at_rest()  # the page has made room for the turn
    me.button("slow-next").click()
    assert marked(me) != first
    me.page.wait_for_timeout(400)
    assert pixels(me) == picture
    end_of_turn(me)
    me.until(lambda: pixels(me) != picture, "the picture after the step")
    me.button("slow-back").click()
    me.until(lambda: pixels(me) == picture, "the picture before the step again")
    end_of_turn(me)
    assert len(me.commands()) == 1
    me.button("slow-next").click()  # at the end of a turn: the next one
    expect(me.button("slow-status")).to_contain_text("Turn of D")
    assert me.commands()[1]["player"] is None
    end_of_turn(me)
    names = me.button("slow-things").locator(".thing").evaluate_all("all => all.map(e => e.dataset.name)")
    assert {"batch.x", "-E[log D(x)]", "gradient", "change"} <= set(names)
    me.button("play").click()
    me.until(lambda: me.info()["state"] == "training", "training to go on")


def test_the_next_line_is_marked_in_the_very_next_picture(visitor: Come) -> None:
    me = visitor()
    begin(me)
    me.button("slow").click()
    me.until(lambda: me.info()["state"] == "paused", "the run to pause")
    me.button("slow-turn-D").click()
    expect(me.button("slow-status")).to_contain_text("Turn of D")
    assert all(me.button("slow-next").evaluate(PRESSED) for _ in range(7))


def test_arrow_keys_walk_and_playing_goes_on_to_the_next_turn(visitor: Come) -> None:
    me = visitor()
    begin(me)
    me.button("slow").click()
    me.until(lambda: me.info()["state"] == "paused", "the run to pause")
    expect(me.button("slow-next")).to_be_focused()
    me.page.keyboard.press("ArrowRight")
    expect(me.button("slow-status")).to_contain_text("line 1 of")
    me.page.keyboard.press("ArrowRight")
    me.page.keyboard.press("ArrowRight")
    expect(me.button("slow-status")).to_contain_text("line 3 of")
    me.page.keyboard.press("ArrowLeft")
    expect(me.button("slow-status")).to_contain_text("line 2 of")
    assert len(me.commands()) == 1
    me.button("slow-speed").select_option("4")
    me.button("slow-play").click()
    me.until(lambda: len(me.commands()) == 2, "playing to reach the next turn")
    me.button("slow-play").click()


def test_the_graph_lives_and_its_nodes_light_up(visitor: Come) -> None:
    me = visitor()
    begin(me)
    me.button("graph").click()
    node = me.button("node-fake").locator("canvas")
    node.wait_for()
    before = node.evaluate("canvas => canvas.toDataURL()")
    me.until(lambda: node.evaluate("canvas => canvas.toDataURL()") != before, "another thumbnail")
    me.button("slow").click()
    me.until(lambda: me.info()["state"] == "paused", "the run to pause")
    me.button("slow-turn-D").click()
    expect(me.button("node-real")).to_have_class("node lit")  # the first line is given the real points
    end_of_turn(me)
    expect(me.button("node-D")).to_have_class("node lit")
    expect(me.button("node-gradient")).to_have_class("node lit")
    me.button("slow").click()
    expect(me.stage.locator(".node.lit")).to_have_count(0)


@pytest.mark.parametrize("address", ["/gan", "/gan?data=digits", "/gan?data=two-bumps"])
def test_the_strip_shows_earlier_rounds_and_goes_back_to_them(visitor: Come, address: str) -> None:
    me = visitor()
    me.open(address)
    me.until(lambda: me.number("frames") > 1, "a picture")
    me.button("strip").click()
    rows = me.button("strip-section").locator(".strip-row")
    me.until(lambda: rows.count() >= 5, "rows")
    expect(rows.first).to_contain_text("round 0")
    round = int(rows.nth(3).get_attribute("data-round") or 0)
    rows.nth(3).click()
    me.until(lambda: me.number("round") == round, "the picture of that round")
    expect(me.button("strip-section").locator("[aria-pressed=true]")).to_have_attribute(
        "data-round", str(round)
    )
    with me.page.expect_download() as saved:
        me.button("strip-save").click()
    assert saved.value.suggested_filename.endswith(".png")
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")


def test_a_copy_of_a_recordings_model_steps_and_the_recording_comes_back(visitor: Come) -> None:
    me = visitor()
    me.open("/gan")
    me.until(lambda: me.number("frames") > 0, "a picture")
    recorded = me.at_rest()
    me.button("slow").click()
    me.button("slow-turn-G").click()
    expect(me.button("slow-status")).to_contain_text("Turn of G in round 3,000")
    me.drawn()
    assert pixels(me) == recorded, "the step is still to come"
    end_of_turn(me)
    me.until(lambda: pixels(me) != recorded, "the picture after the step")
    expect(me.button("readout")).to_contain_text("copy of the recording")
    me.button("slow-turn").click()
    expect(me.button("slow-status")).to_contain_text("Turn of D in round 3,001")
    me.button("slow-close").click()
    me.until(lambda: pixels(me) == recorded, "the recording")
    expect(me.button("readout")).to_contain_text("recording, round 3,000")
    assert not me.run, "nothing was trained"


def test_a_copy_begins_with_the_picture_of_its_own_round(visitor: Come) -> None:
    """Of a large model only the weights of the end are kept; of a small one, those of some rounds."""
    me = visitor(**MOVING)
    me.open("/vae")  # its recording plays meanwhile
    me.button("slow").click()
    me.button("slow-turn").click()
    expect(me.button("slow-status")).to_contain_text("Turn of model in round 3,000")
    me.until(lambda: me.number("round") == 3000, "the picture of that round")
    expect(me.button("readout")).to_contain_text("model, round 3,000")
    me.open("/gan")
    me.until(lambda: me.says("rests"), "the end of the recording")
    early = me.look_back(20)
    me.button("slow").click()
    me.button("slow-turn").click()
    expect(me.button("slow-status")).to_contain_text("Turn of D in round")
    expect(me.button("chip")).to_be_hidden()
    begun = me.number("round")
    assert begun <= early
    expect(me.button("slow-status")).to_contain_text(f"in round {begun:,}")
    while me.look_back(1) == begun:
        pass
    expect(me.button("slow-status")).to_contain_text("The picture is of another round")
    me.button("slow-close").click()
    expect(me.button("chip")).to_be_visible()


def test_a_presentation_shows_slow_motion_beside_the_picture(visitor: Come) -> None:
    me = visitor(viewport={"width": 1366, "height": 768})
    me.open("/gan?present=1")
    me.until(lambda: me.says("presented") and me.number("frames"), "the presentation")
    me.button("slow").click()
    me.button("slow-next").click()
    expect(me.button("slow-status")).to_contain_text("line 1 of")
    for part in (me.button("slow-next"), me.button("slow-code"), me.button("slow-status")):
        box, picture = part.bounding_box(), me.canvas.bounding_box()
        assert box
        assert picture
        assert box["y"] + box["height"] <= 768
        assert box["x"] >= picture["x"] + picture["width"] - 1


def test_a_strangers_run_does_not_step(visitor: Come) -> None:
    me, friend = visitor(), visitor()
    begin(me)
    friend.open(f"/gan?run={me.run}")
    friend.shows(me.run)
    expect(friend.button("slow")).to_be_disabled()


def test_on_a_phone_the_open_drawer_needs_no_sideways_scrolling(visitor: Come) -> None:
    me = visitor(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    begin(me)
    for name in ("slow", "graph", "strip"):
        me.button(name).tap()
    me.until(lambda: me.info()["state"] == "paused", "the run to pause")
    me.button("slow-next").tap()
    expect(me.button("slow-status")).to_contain_text("line 1 of")
    assert me.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert me.stage.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    for node in me.stage.locator(".node").all():
        box = node.bounding_box()
        assert box
        assert 0 <= box["x"] < box["x"] + box["width"] <= 390
