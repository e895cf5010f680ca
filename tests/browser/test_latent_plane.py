"""The latent plane under the hand: hover without a network, press, drag, let go; fingers and keys; points."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import Visitor

pytestmark = pytest.mark.browser

Come = Callable[..., Visitor]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SMALL = "width=32&batch=32&seed=1"

# Moves a pointer to a place of the plane, and waits until the picture says that it is drawn; in ms.
HOVER = """async (stage, [x, y]) => {
    const canvas = stage.querySelector("canvas.canvas");
    const box = canvas.getBoundingClientRect();
    const before = stage.dataset.tile;
    const start = performance.now();
    const options = { clientX: box.x + x, clientY: box.y + y, pointerType: "mouse" };
    canvas.dispatchEvent(new PointerEvent("pointermove", options));
    while (stage.dataset.tile === before && performance.now() - start < 3000) {
        await new Promise((done) => requestAnimationFrame(done));
    }
    return performance.now() - start;
}"""


def resting(me: Visitor, address: str, rounds: int = 40) -> Visitor:
    """A run at this address, trained a little, then still, with its atlas."""
    me.open(address)
    me.train()
    me.until(lambda: me.number("now") > rounds, "some rounds")
    me.pause()
    me.until(lambda: me.says("tile"), "the atlas")
    me.still(me.canvas)  # charts find their places
    me.at_rest()
    me.canvas.scroll_into_view_if_needed()
    return me


def plane(me: Visitor) -> tuple[float, float, float]:
    """Left and top of the plane on the page, and its side: it begins the picture, below its caption."""
    box = me.canvas.bounding_box()
    assert box
    side = box["height"] - 20 if box["width"] > 500 else box["width"]
    return box["x"], box["y"] + 20, side


def at(me: Visitor, across: float, down: float) -> tuple[float, float]:
    """A place on the page, from shares of the plane's side."""
    x, y, side = plane(me)
    return x + across * side, y + down * side


def test_without_a_network_a_place_of_the_plane_is_decoded_at_once(visitor: Come) -> None:
    me = resting(visitor(), f"/vae?{SMALL}")
    assert me.says("z") == "0.000 0.000", "where nobody points, z = 0 is decoded"
    me.page.context.set_offline(True)
    seen, took = {}, []
    _, _, side = plane(me)
    for i in range(12):
        row, column = 36 - 3 * i, 3 + 3 * i
        across, down = (column + 0.5) / 40, (row + 0.5) / 40
        took.append(me.stage.evaluate(HOVER, [across * side, 20 + down * side]))
        seen[me.says("tile")] = me.canvas.screenshot()
        assert me.says("tile") == str(40 * row + column)
    assert len(set(seen.values())) == len(seen) == 12
    print(f"\npointer to picture: median {statistics.median(took):.0f} ms, longest {max(took):.0f} ms")
    me.page.context.set_offline(False)


def test_press_holds_drag_walks_and_escape_or_the_marker_let_go(visitor: Come) -> None:
    me = resting(visitor(), f"/vae?{SMALL}")
    me.page.mouse.move(*at(me, 0.9, 0.9))
    me.until(lambda: me.says("z"), "a place under the pointer")
    free = me.says("z")
    me.page.mouse.click(*at(me, 0.93, 0.06))
    me.until(lambda: me.says("held"), "a z to be held")
    held = me.says("held")
    me.page.mouse.move(*at(me, 0.9, 0.9))
    me.until(lambda: me.says("z") == free, "what is under the pointer, while another z is held")
    me.page.mouse.move(2, 2)
    me.until(lambda: me.says("z") == held, "the held z when the pointer has left")
    before = me.canvas.screenshot()
    me.page.mouse.move(*at(me, 0.93, 0.06))
    me.page.mouse.down()
    for n in range(1, 31):
        me.page.mouse.move(*at(me, 0.93 - 0.028 * n, 0.06 + 0.02 * n))
    me.page.mouse.up()
    me.until(lambda: me.number("walked") == 12, "a way of twelve tiles")
    there = me.says("held")
    assert there != held
    me.page.mouse.move(2, 2)
    me.until(lambda: me.canvas.screenshot() != before, "another picture after the walk")
    me.page.mouse.click(*at(me, 0.09, 0.66))
    me.until(lambda: not me.says("held"), "the marker, pressed, to let go")
    me.page.mouse.click(*at(me, 0.93, 0.06))
    me.until(lambda: me.says("held"), "another z to be held")
    me.page.keyboard.press("Escape")
    me.until(lambda: not me.says("held"), "Escape to let go")


def test_keys_hold_and_walk_and_make_no_step_meanwhile(visitor: Come) -> None:
    me = resting(visitor(), f"/vae?{SMALL}")
    rounds = me.number("now")
    me.page.keyboard.press("z")
    me.until(lambda: me.says("held") == "0.000 0.000", "the middle to be held")
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowLeft"):
        me.page.keyboard.press(key)
    me.until(lambda: me.says("held").startswith("-"), "the way of all four keys")
    assert me.number("walked") > 3
    x, y = map(float, me.says("held").split())
    assert x < 0 < y
    assert -x == pytest.approx(3 * y, rel=0.02)
    assert me.number("now") == rounds
    me.page.keyboard.press("Escape")
    me.page.keyboard.press("ArrowRight")
    me.until(lambda: [c for c in me.commands() if c["do"] == "step"], "a step, now that nothing is held")


def test_a_code_shows_its_picture_and_a_digits_codes_can_be_hidden(visitor: Come) -> None:
    me = resting(visitor(), f"/vae?{SMALL}")
    for n in range(400):
        me.page.mouse.move(*at(me, 0.3 + 0.02 * (n % 20), 0.3 + 0.02 * (n // 20)))
        if re.fullmatch(r"label \d", me.button("hover").inner_text()):
            break
    expect(me.button("hover")).to_have_text(re.compile(r"^label \d$"))
    me.page.mouse.move(2, 2)
    for layer in ("codes/test/3", "codes/test", "circle/prior", "atlas/decoder"):
        me.page.wait_for_timeout(100)
        before = me.canvas.screenshot()
        me.stage.locator(f'[data-layer="{layer}"]').click()
        me.page.mouse.move(2, 2)
        me.until(lambda: me.canvas.screenshot() != before, f"other pixels without {layer}")  # noqa: B023


def test_a_finger_taps_and_walks(visitor: Come) -> None:
    me = resting(visitor(**PHONE), f"/vae?{SMALL}")
    me.page.touchscreen.tap(*at(me, 0.8, 0.3))
    me.until(lambda: me.says("held"), "the z that was tapped")
    first = me.says("held")
    touch = me.page.context.new_cdp_session(me.page)

    def finger(kind: str, *where: float) -> None:
        points = [{"x": where[0], "y": where[1]}] if where else []
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    finger("touchStart", *at(me, 0.3, 0.3))
    me.page.wait_for_timeout(600)
    expect(me.button("hover").locator("canvas")).to_be_visible()
    for n in range(1, 13):
        finger("touchMove", *at(me, 0.3 + 0.04 * n, 0.3 + 0.03 * n))
    finger("touchEnd")
    me.until(lambda: me.number("walked") > 5, "a way")
    assert me.says("held") != first
    assert me.stage.evaluate("e => e.scrollWidth - e.clientWidth") <= 0


def test_more_than_two_dimensions_are_seen_along_chosen_axes(visitor: Come) -> None:
    me = resting(visitor(), f"/vae?z=5&{SMALL}")
    before = me.canvas.screenshot()
    for name, axis in (("Axis across", "principal direction 1"), ("Axis up", "principal direction 2")):
        box = me.page.get_by_role("combobox", name=name)
        box.click()
        box.fill(axis)
        box.press("Enter")
        me.written()
    me.page.mouse.move(2, 2)
    me.until(lambda: me.canvas.screenshot() != before, "another plane")


def test_of_points_the_place_that_is_decoded_is_marked_in_their_plane(visitor: Come) -> None:
    me = resting(visitor(), "/vae?data=moons&width=16&batch=32&seed=1")
    me.page.mouse.move(*at(me, 0.9, 0.1))
    expect(me.button("hover")).to_have_text(re.compile(r"z₁ = .*z₂ = .*\nx = \("))
    me.page.mouse.click(*at(me, 0.9, 0.1))
    me.until(lambda: me.says("held"), "a z that is held")
    first = me.canvas.screenshot()
    me.page.keyboard.press("Shift+ArrowDown")
    me.page.keyboard.press("Shift+ArrowDown")
    me.until(lambda: me.canvas.screenshot() != first, "another place")
