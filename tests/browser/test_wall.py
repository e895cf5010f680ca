"""The wall in a browser: its panels move, are read under the pointer, and open as runs of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import Visitor

pytestmark = pytest.mark.browser

Come = Callable[..., Visitor]
SMALL = "/wall?row_values=0.001,+0.01&column_values=0.0001,+0.003&width_G=8&width_D=8"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def wall(me: Visitor, address: str = SMALL, rounds: int = 70) -> str:
    """A wall in training; the id of its run."""
    me.open(address)
    me.train()
    me.until(lambda: me.number("now") > rounds, "some rounds")
    return me.run


def place(me: Visitor, across: float, down: float) -> tuple[float, float]:
    me.centre(me.canvas)
    box = me.canvas.bounding_box()
    assert box
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def corner(me: Visitor, across: int, down: int) -> str:
    """What the panel in this corner says of itself: of those about it, it is met first."""
    inward = [0.025 * i for i in range(1, 12)]
    for x, y in sorted(((x, y) for x in inward for y in inward), key=sum):
        me.page.mouse.move(*place(me, abs(across - x), abs(down - y)))
        if me.button("hover").is_visible():
            return me.button("hover").inner_text()
    raise AssertionError("no panel in this corner")


def test_panels_move_and_are_read_under_the_pointer(visitor: Come) -> None:
    me = visitor()
    run = wall(me)
    me.moves()
    me.pause()
    bubble = me.button("hover")
    read = set()
    for across, down in ((0.3, 0.3), (0.85, 0.3), (0.3, 0.85), (0.85, 0.85)):
        me.page.mouse.move(*place(me, across, down))
        expect(bubble).to_be_visible()
        read.add(bubble.inner_text())
    assert len(read) == 4
    assert {line for text in read for line in text.splitlines() if line.startswith("Learning")} == {
        "Learning rate of D: 0.001", "Learning rate of D: 0.01",
        "Learning rate of G: 0.0001", "Learning rate of G: 0.003",
    }  # fmt: skip
    assert all("Modes found: " in text for text in read)
    assert me.info(run)["wall"] == {"lr_D": [0.001, 0.01], "lr_G": [0.0001, 0.003]}
    expect(me.stage.get_by_test_id("drawer")).to_be_hidden()


def test_a_press_opens_the_setting_as_a_run_and_a_refresh_keeps_it(visitor: Come) -> None:
    me = visitor()
    first = wall(me)
    me.pause()
    me.page.mouse.move(*place(me, 0.85, 0.3))
    me.page.mouse.click(*place(me, 0.85, 0.3))
    me.until(lambda: "/gan?" in me.page.url, "the GAN's room")
    me.written()
    single = me.train()
    assert single != first
    config = me.info(single)["config"]
    assert (config["lr_D"], config["lr_G"], config["width_G"], config["depth_G"]) == (0.001, 0.003, 8, 2)
    assert not me.info(single)["wall"]
    me.pause()
    me.page.reload()
    me.written()
    me.shows(single)
    assert me.run == single


def test_a_refresh_keeps_the_wall_and_a_keyframe_can_be_looked_at(visitor: Come) -> None:
    me = visitor()
    run = wall(me)
    me.pause()
    me.page.reload()
    me.written()
    me.shows(run)
    assert me.run == run
    now = me.canvas.screenshot()
    me.look_back(3)
    me.until(lambda: me.canvas.screenshot() != now, "the picture of an earlier round")


def test_the_keyboard_walks_the_panels_and_opens_one(visitor: Come) -> None:
    me = visitor()
    wall(me)
    me.pause()
    me.stage.focus()
    me.page.keyboard.press("z")
    expect(me.button("hover")).to_contain_text("Learning rate of G: 0.0001")
    me.page.keyboard.press("z")
    expect(me.button("hover")).to_contain_text("Learning rate of G: 0.003")
    me.page.keyboard.press("Enter")
    me.until(lambda: "/gan?" in me.page.url, "the GAN's room")
    assert me.info(me.untrained())["config"]["lr_G"] == 0.003  # of the second panel


def test_on_a_phone_the_first_tap_reads_and_the_second_opens(visitor: Come) -> None:
    me = visitor(**PHONE)
    wall(me)
    me.pause()
    x, y = place(me, 0.85, 0.8)
    me.page.touchscreen.tap(x, y)
    bubble = me.button("hover")
    expect(bubble).to_contain_text("Learning rate of D: 0.01\nLearning rate of G: 0.003")
    box = bubble.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert "/wall?" in me.page.url
    me.page.touchscreen.tap(x, y)
    me.until(lambda: "/gan?" in me.page.url, "the GAN's room")
    me.untrained()


def test_sixty_four_panels_of_one_axis_stand_in_a_square(visitor: Come) -> None:
    me = visitor(color_scheme="dark")
    seeds = ",".join(map(str, range(64)))
    wall(me, f"/wall?rows=seed&row_values={seeds}&columns=none&width_G=8&width_D=8&batch=16", rounds=5)
    me.moves()
    me.pause()
    seeds_at = [corner(me, *at).partition("\n")[0] for at in ((0, 0), (1, 0), (0, 1), (1, 1))]
    assert seeds_at == ["Seed: 0", "Seed: 7", "Seed: 56", "Seed: 63"]
