"""README, "Five minutes as a student", sentence by sentence; what other tests hold is not here again."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from safetensors.numpy import load

from engine import data
from engine.gan.gan import GAN
from lab.runs import store
from tests.browser.test_gan_layers import find_fake, word
from tests.browser.visiting import MOVING, Visitor

pytestmark = pytest.mark.browser

RECORDING = store.RECORDINGS / "gan-ring"
NOTES = """
    window.rounds = [];
    const own = Element.prototype.setAttribute;
    Element.prototype.setAttribute = function (name, value) {
        own.call(this, name, value);
        if (name === "data-round" && rounds.at(-1) !== Number(value)) rounds.push(Number(value));
    };
"""


def picture(address: str) -> np.ndarray:
    """The pixels (h, w, 3) of a canvas, from what its `toDataURL` says."""
    image = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    return np.asarray(image.convert("RGB"), int)


def vivid(me: Visitor) -> dict[str, int]:
    """How many pixels of the picture are strongly orange, and how many blue."""
    pixels = picture(me.at_rest())
    redder = pixels[..., 0] - pixels[..., 2]
    return {"orange": (redder > 110).sum(), "blue": (redder < -110).sum()}


def test_what_a_recording_a_run_its_drawer_and_a_presentation_promise(
    visitor: Callable[..., Visitor],
) -> None:
    me = visitor(**MOVING)
    me.page.add_init_script(NOTES)
    me.open("/gan")
    a_recording_plays_and_rests_on_its_result(me)
    a_press_on_a_fake_shows_the_path_of_its_z(me)
    each_metric_has_its_noise_floor(me)
    the_recording_stays_a_press_away(me)
    slow_motion_shows_each_tensor_and_the_graph_lights_up_beside_it(me)
    over_time_is_the_same_noise(me)
    presented_there_are_live_sliders_beside_the_picture(me)


def a_recording_plays_and_rests_on_its_result(me: Visitor) -> None:
    kept = store.keyframes(RECORDING)
    played = lambda: me.page.evaluate("rounds")  # noqa: E731
    me.until(lambda: len(played()) > len(kept) / 2 and me.says("rests"), "the recording to play and to rest")
    assert played()[1:] == sorted(played()[1:])  # the first of all pictures to come is the result
    assert me.number("round") == played()[-1] == kept[-1]
    shown = vivid(me)
    assert min(shown.values()) > 500
    word(me, "field/discriminator").click()
    bare = vivid(me)
    assert bare != shown, "D's belief is behind them"
    word(me, "points/fake").click()
    alone = vivid(me)
    assert alone["orange"] < 0.02 * bare["orange"]
    assert alone["blue"] > 500
    word(me, "points/real").click()
    assert max(vivid(me).values()) == 0
    for layer in ("points/real", "points/fake", "field/discriminator"):
        word(me, layer).click()
    assert vivid(me) == shown


def a_press_on_a_fake_shows_the_path_of_its_z(me: Visitor) -> None:
    me.page.mouse.click(*find_fake(me))
    me.until(lambda: me.number("path") >= 5, "the places of this z at earlier rounds")


def each_metric_has_its_noise_floor(me: Visitor) -> None:
    for chart in ("modes found", "samples near a mode", "distance from the data", "JS divergence, bits"):
        figure = me.stage.locator(f'[data-chart="{chart}"]')
        figure.get_by_role("button").click()
        expect(figure.locator(".keys span", has=me.page.locator("i.dashed"))).to_contain_text("real data")


def the_recording_stays_a_press_away(me: Visitor) -> None:
    run = me.train()
    expect(me.button("beside")).to_have_text("Back to the recording")
    me.button("beside").click()
    me.shows(RECORDING.name)
    me.until(lambda: not me.run, "the address without the run")
    expect(me.button("beside")).to_have_text("Back to your run")
    me.button("beside").click()
    me.shows(run)
    me.until(lambda: me.number("now") > 200 and me.run == run, "the run, which has trained on")


def slow_motion_shows_each_tensor_and_the_graph_lights_up_beside_it(me: Visitor) -> None:
    me.button("slow").click()
    me.rests()
    me.button("graph").click()
    me.button("slow-turn-D").click()
    expect(me.button("slow-status")).to_contain_text("Turn of D")
    things = me.button("slow-things").locator(".thing")
    while "takes its step" not in me.button("slow-status").inner_text():
        me.button("slow-next").click()
        me.drawn()
        painted = things.locator("canvas").evaluate_all("all => all.map((canvas) => canvas.toDataURL())")
        assert all(picture(one).std() > 1 for one in painted)
    pictured = things.filter(has=me.page.locator("canvas"))
    assert {"z", "batch.x"} <= {*pictured.evaluate_all("all => all.map(one => one.dataset.name)")}
    assert things.filter(has_text="×", has_not=me.page.locator("canvas")).all_inner_texts() == []
    expect(me.button("node-D")).to_have_class("node lit")
    line = me.button("slow-code").locator("[aria-current=step]")
    for seen in (line, things.last, me.button("node-D")):
        expect(seen).to_be_in_viewport()


def over_time_is_the_same_noise(me: Visitor) -> None:
    me.button("strip").click()
    rows = me.button("strip-section").locator(".strip-row")
    me.until(lambda: rows.count() >= 3, "rows")
    at = me.lab.home / me.run
    noise = {
        load(store.keyframe(at, round).read_bytes())["latent/fake"].tobytes() for round in store.keyframes(at)
    }
    assert len(noise) == 1


def presented_there_are_live_sliders_beside_the_picture(me: Visitor) -> None:
    me.page.keyboard.press("Escape")
    me.button("present").click()
    me.until(lambda: me.stage.get_attribute("data-presented"), "the stage to hear of it")
    me.still(me.stage)
    knobs = GAN.Config.knobs()
    for name in GAN.configure(space := data.load("ring").space).effective(space):
        if not knobs[name].advanced:
            expect(me.page.locator(f".st-key-{name}")).to_be_visible(visible=knobs[name].live)
    shown, slider = me.canvas.bounding_box(), me.slider("lr_G").bounding_box()
    assert shown
    assert slider
    assert slider["x"] >= shown["x"] + shown["width"]
