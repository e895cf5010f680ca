"""A student's visit, in a real browser: open, train, pause, step, turn a knob, draw, rewind, fork, share."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import MOVING, Visitor

pytestmark = pytest.mark.browser

Come = Callable[..., Visitor]


def test_a_room_moves_when_it_opens_and_nobody_has_pressed_anything(visitor: Come) -> None:
    me = visitor(**MOVING)
    me.open("/gan")
    me.moves()
    assert me.says("run") == "gan-ring"
    assert "recording" in me.button("readout").inner_text()
    assert not me.run


def test_train_starts_a_run_of_ones_own_and_a_knob_turns_while_it_goes_on(visitor: Come) -> None:
    me = visitor()
    me.open("/gan")
    me.stage.evaluate("stage => stage.mark = 'this very one'")
    run = me.train()
    me.moves()
    me.written()  # a slider that is written anew takes no keys
    me.slider("lr_D").focus()
    me.page.keyboard.press("ArrowRight")
    me.until(lambda: me.info()["config"]["lr_D"] == 0.002, "the run to take the learning rate")
    expect(me.slider("lr_D")).to_have_attribute("aria-valuetext", "0.002")
    me.until(lambda: "lr_D=0.002" in me.page.url, "the address to say so")
    assert [command["do"] for command in me.commands()] == ["set"]
    before = me.number("now")
    me.until(lambda: me.number("now") > before, "training to go on")
    assert (me.run, me.says("run"), me.says("state")) == (run, run, "training")
    assert me.stage.evaluate("stage => stage.mark") == "this very one"


def test_a_paused_run_steps_one_turn_of_one_player_and_rewinds(visitor: Come) -> None:
    me = visitor()
    me.open("/gan")
    me.train()
    me.until(lambda: me.number("now") > 120, "some rounds")
    round = me.pause()
    assert me.commands() == []
    me.button("step-D").click()
    expect(me.button("readout")).to_contain_text("last turn: D")
    assert me.commands() == [{"round": round, "do": "step", "player": "D"}]
    assert me.number("now") == round

    earlier = me.look_back(3)
    assert 0 < earlier < round
    me.button("rewind").click()
    me.until(lambda: me.number("now") == earlier, "the run to be at the keyframe")
    me.until(lambda: me.number("round") == earlier, "the picture of that round")
    kept = [int(file.name[:8]) for file in (me.lab.home / me.run / "keyframes").iterdir()]
    assert max(kept) == earlier
    me.button("play").click()
    me.until(lambda: me.number("now") > earlier + 20, "the run to go on from there")


def test_a_fork_from_an_earlier_round_is_a_new_run_of_ones_own(visitor: Come) -> None:
    me = visitor()
    me.open("/gan?lr_G=0.002")
    me.train()
    first = me.run
    me.until(lambda: me.number("now") > 60, "some rounds")
    me.pause()
    round = me.look_back(2)
    me.button("fork").click()
    me.until(lambda: me.run != first, "another run in the address")
    me.shows(me.run)
    me.until(lambda: me.number("now") == round, "the round of the fork")
    old, new = me.info(first), me.info()
    assert new["parent"] == first
    assert (new["owner"], new["config"]) == (old["owner"], old["config"])
    me.button("play").click()
    me.until(lambda: me.number("now") > round + 20, "the fork to train")


def test_a_refresh_a_second_tab_and_a_second_browser_show_the_same_run_and_setting(visitor: Come) -> None:
    me, friend = visitor(), visitor()
    me.open("/gan?lr_D=0.005&k=2")
    run = me.train()

    def same(who: Visitor) -> bool:
        who.shows(run)
        expect(who.slider("lr_D")).to_have_attribute("aria-valuetext", "0.005")
        expect(who.slider("k")).to_have_attribute("aria-valuetext", "2")
        return who.run == run

    assert same(me)
    me.page.reload()
    assert same(me)
    link = me.page.url
    me.tab()
    me.open(link)
    assert same(me)
    expect(me.button("play")).to_be_enabled()

    friend.open(f"/gan?run={run}")
    assert same(friend)
    friend.moves()  # to watch is allowed
    expect(friend.stage).to_contain_text("someone else's run")
    for name in ("play", "step", "step-D", "reset"):
        expect(friend.button(name)).to_be_disabled()
    friend.button("fork").click()
    friend.until(lambda: friend.run not in ("", run), "a run of the friend's own")
    friend.shows(friend.run)
    expect(friend.button("play")).to_be_enabled()
    expect(friend.slider("lr_D")).to_have_attribute("aria-valuetext", "0.005")
    assert friend.info()["owner"] != me.info()["owner"]


def test_a_drawing_becomes_the_data_of_a_run(visitor: Come) -> None:
    me = visitor()
    me.open("/gan")
    me.page.get_by_role("combobox", name="Data").click()
    me.page.get_by_role("option", name="Draw your own …").click()
    pad = me.page.get_by_test_id("sketch-pad")
    pad.wait_for()
    box = pad.bounding_box()
    assert box
    x, y, radius = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"] / 3
    me.page.mouse.move(x + radius, y)
    me.page.mouse.down()
    for i in range(1, 25):
        me.page.mouse.move(x + radius * math.cos(i / 4), y + radius * math.sin(i / 4))
    me.page.mouse.up()
    me.page.get_by_test_id("sketch-use").click()
    me.until(lambda: "data=drawn-" in me.page.url, "the drawing in the address")
    me.written()
    me.train()
    me.moves()
    assert me.info()["data"].startswith("drawn-")
    me.until(lambda: me.number("now") > 0, "training on the drawing")


def test_a_csv_of_words_gets_a_sentence_and_a_good_one_trains(visitor: Come) -> None:
    me = visitor()
    me.open("/gan?data=upload-csv")
    chooser = me.page.locator("input[type=file]")
    words = b"name,colour\n" + b"rose,red\n" * 20
    chooser.set_input_files({"name": "words.csv", "mimeType": "text/csv", "buffer": words})
    told = me.page.get_by_test_id("stAlert")
    told.wait_for()
    assert "number" in told.inner_text()
    me.written()
    rows = "".join(f"{i % 7},{i % 5}.5\n" for i in range(40)).encode()
    chooser.set_input_files({"name": "numbers.csv", "mimeType": "text/csv", "buffer": rows})
    me.until(lambda: "data=csv-" in me.page.url, "the file in the address")
    me.written()
    me.train()
    me.until(lambda: me.number("now") > 0, "training on the file")


def test_digits_open_with_a_recording_of_pictures(visitor: Come) -> None:
    me = visitor(**MOVING)
    me.open("/gan?data=digits")
    me.moves()
    assert me.says("run") == "gan-digits"
    assert not me.run
    expect(me.stage).to_contain_text("watch it become a picture")


def test_a_phone_needs_no_sideways_scrolling(visitor: Come) -> None:
    me = visitor(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, **MOVING)
    me.open("/gan")
    me.moves()
    wide = "e => e.scrollWidth - e.clientWidth"
    assert me.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert me.page.get_by_test_id("stMain").evaluate(wide) <= 0
    assert me.stage.evaluate(wide) <= 0
    box = me.canvas.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert box["width"] > 300
    me.button("play").tap()
    me.until(lambda: me.run, "a run in the address")
    me.shows(me.run)


def test_the_keyboard_alone_is_enough(visitor: Come) -> None:
    me = visitor()
    me.open("/gan")
    me.stage.wait_for()
    at = (
        "() => { let e = document.activeElement; while (e?.shadowRoot) e = e.shadowRoot.activeElement;"
        " return e?.dataset?.testid }"
    )
    for _ in range(60):
        me.page.keyboard.press("Tab")
        if me.page.evaluate(at) == "play":
            break
    expect(me.button("play")).to_be_focused()
    me.page.keyboard.press("Space")
    me.until(lambda: me.run, "a run in the address")
    me.shows(me.run)
    expect(me.button("play")).to_be_focused()
    me.until(lambda: me.number("now") > 0, "the first round")
    me.page.keyboard.press("Space")
    round = me.rests()
    me.page.keyboard.press(".")
    me.until(lambda: len(me.commands()) == 1, "a step")
    assert me.commands()[0]["do"] == "step"
    assert me.number("now") == round
