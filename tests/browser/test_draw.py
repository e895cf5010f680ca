"""Draw a digit in a browser: by mouse and by finger, empty, picked, from a file; the graph and its code."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from engine import data as datasets
from tests.browser.visiting import Visitor

pytestmark = pytest.mark.browser

Come = Callable[..., Visitor]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
THREE = [(9, 7), (14, 5), (18, 8), (13, 12), (18, 16), (14, 21), (8, 19)]


class Pad:
    """The tab "Draw a digit" of a room."""

    def __init__(self, me: Visitor, address: str) -> None:
        self.me = me
        self.asked = 0  # questions about what is on the pad
        me.page.on("websocket", lambda socket: socket.on("framesent", self.sent))
        me.open(address)
        me.train()
        me.page.get_by_role("tab", name="Draw a digit").click()
        self.canvas = self.get("pad")
        expect(self.get("picks").get_by_role("button")).to_have_count(20)
        me.written()
        me.still(self.canvas)
        self.canvas.scroll_into_view_if_needed()

    def sent(self, message: str | bytes) -> None:
        self.asked += '"ask":"look"' in str(message)

    def rests(self) -> None:
        """Wait until all that was asked is answered, on the screen."""
        self.me.drawn()
        self.me.until(lambda: self.count() >= self.asked, "the answer to the last question")

    def get(self, name: str) -> Locator:
        return self.me.page.get_by_test_id(name)

    def pixels(self, name: str) -> list[int]:
        """The red of a canvas, pixel for pixel."""
        _, _, data = self.get(name).evaluate("canvas => canvas.toDataURL()").partition(",")
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            return np.asarray(picture.convert("RGB"))[..., 0].ravel().tolist()

    def place(self, x: float, y: float) -> tuple[float, float]:
        box = self.canvas.bounding_box()
        assert box
        return box["x"] + x * box["width"] / 28, box["y"] + y * box["height"] / 28

    def draw(self, points: list[tuple[float, float]]) -> None:
        mouse = self.me.page.mouse
        mouse.move(*self.place(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self.place(*point), steps=5)
        mouse.up()

    def answered(self, before: int = 0) -> int:
        """How many answers have been shown, after one more than `before`."""
        self.me.until(lambda: self.count() > before, "an answer of the model")
        return self.count()

    def count(self) -> int:
        return int(self.get("coder").get_attribute("data-answers") or 0)

    def number(self, name: str) -> float:
        return float(self.get(name).inner_text().replace("−", "-"))

    def codes(self, name: str) -> list[float]:
        rows = self.get(f"box-{name}").locator(".code-row span").all_inner_texts()
        return [float(row.replace("−", "-")) for row in rows]


def test_a_digit_is_drawn_with_the_mouse_and_its_reconstruction_is_seen_while_it_is_drawn(
    visitor: Come,
) -> None:
    me = visitor()
    pad = Pad(me, "/vae?data=digits&width=32")
    expect(pad.get("coder-note")).to_have_text("Draw something first, or pick a test picture.")
    expect(pad.get("pad-clear")).to_be_disabled()
    mouse = me.page.mouse
    while not any(pad.pixels("pad")):  # what is still being written above may push the pad away
        mouse.up()
        pad.canvas.scroll_into_view_if_needed()
        mouse.move(*pad.place(9, 7))
        mouse.down()
        mouse.move(*pad.place(18, 8), steps=5)
    first = pad.answered()  # the button is still held
    mouse.move(*pad.place(8, 19), steps=5)
    pad.answered(first)
    mouse.up()
    me.pause()
    pad.canvas.scroll_into_view_if_needed()
    pad.draw([(8, 20), (18, 20)])
    pad.rests()
    assert sum(pad.pixels("pad")) > 20 * 255
    expect(pad.get("coder-note")).to_be_hidden()
    # the numbers on the page fit together
    mu, sigma, eps, z = (pad.codes(name) for name in ("mu", "sigma", "eps", "z"))
    assert len(z) == 2
    for i in range(2):
        assert math.isclose(z[i], mu[i] + sigma[i] * eps[i], abs_tol=0.03)
    kl = sum((m * m + s * s - math.log(s * s) - 1) / 2 for m, s in zip(mu, sigma, strict=True))
    assert math.isclose(pad.number("number-kl"), kl, abs_tol=0.1 + 0.05 * kl)
    elbo = -pad.number("number-log_p") - pad.number("number-kl")
    assert math.isclose(pad.number("number-elbo"), elbo, abs_tol=0.11)
    # eps: another draw, then the mean
    pad.get("new-eps").click()
    me.until(lambda: pad.codes("eps") != eps, "another eps")
    assert pad.codes("mu") == mu
    pad.get("use-mean").click()
    me.until(lambda: pad.codes("eps") == [0, 0], "no eps")
    assert pad.codes("z") == pad.codes("mu")
    expect(pad.get("spread").locator("canvas")).to_have_count(8)
    # away again: the last stroke, then all
    ink = sum(pad.pixels("pad"))
    pad.get("pad-undo").click()
    assert sum(pad.pixels("pad")) < ink
    pad.get("pad-clear").click()
    assert not any(pad.pixels("pad"))
    expect(pad.get("coder-note")).to_have_text("Draw something first, or pick a test picture.")


def test_the_delay_from_stroke_to_picture(visitor: Come) -> None:
    """Printed, not asserted: `pytest -s` shows it."""
    pad = Pad(visitor(), "/vae?data=digits&seed=1")
    for state in ("training", "paused"):
        if state == "paused":
            pad.me.pause()
            pad.canvas.scroll_into_view_if_needed()
        delays: list[float] = []
        x, y = pad.place(14, 6)
        pad.me.page.mouse.move(x, y)
        pad.me.page.mouse.down()
        for i in range(60):
            pad.me.page.mouse.move(x + 50 * math.sin(i / 5), y + 2 * i)
            pad.me.page.wait_for_timeout(16)
            delays += [float(pad.get("coder").get_attribute("data-latency") or 0)]
        pad.me.page.mouse.up()
        shown = sorted(set(delays))
        assert len(shown) > 5
        print(f"\n{state}: median {shown[len(shown) // 2]:.0f} ms, worst {shown[-1]:.0f} ms of {len(shown)}")


def test_a_finger_draws_on_a_phone_and_the_page_does_not_scroll_away(visitor: Come) -> None:
    me = visitor(**PHONE)
    pad = Pad(me, "/vae?data=digits&width=32")
    touch = me.browser.new_cdp_session(me.page)

    def send(kind: str, *places: tuple[float, float]) -> None:
        points = [dict(zip("xy", pad.place(*place), strict=True)) for place in places]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", THREE[0])
    for place in THREE[1:]:
        send("touchMove", place)
    send("touchEnd")
    pad.answered()
    ink = np.reshape(pad.pixels("pad"), (28, 28))
    assert ink[4:7].max() == ink[18:21].max() == 255  # a page that scrolls takes the finger away
    wide = me.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390


def test_a_drawing_is_centred_unless_that_is_switched_off(visitor: Come) -> None:
    me = visitor()
    pad = Pad(me, "/ae?data=digits&width=32")
    me.pause()
    pad.canvas.scroll_into_view_if_needed()
    pad.draw([(4, 4), (4, 16)])
    seen = pad.answered()
    me.until(lambda: abs(_middle(pad.pixels("picture-x")) - 14) < 0.8, "a centred picture")
    pad.get("pad-centre").click()
    pad.answered(seen)
    me.until(lambda: pad.pixels("picture-x") == pad.pixels("pad"), "the picture as it was drawn")
    # an autoencoder has one code for each picture: no sigma, no eps
    for name in ("box-mu", "box-sigma", "box-eps"):
        expect(pad.get(name)).to_have_count(0)
    expect(pad.get("new-eps")).to_be_hidden()
    expect(pad.get("box-z")).to_be_visible()


def _middle(pixels: list[int]) -> float:
    """The column of the centre of mass of a 28 x 28 picture."""
    return sum(value * (i % 28) for i, value in enumerate(pixels)) / max(1, sum(pixels))


def test_a_box_lights_the_line_that_computes_it_and_a_line_its_box(visitor: Come) -> None:
    pad = Pad(visitor(), "/vae?data=digits&width=32")
    pad.get("picks").get_by_role("button").first.click()
    pad.answered()
    lit = pad.get("coder-code").locator(".code-line[aria-current]")
    for box, line in {
        "box-z": "z = q.mean + q.stddev * eps",
        "box-sigma": "/ 2).exp()",
        "box-kl": "kl(q)",
    }.items():
        pad.get(box).hover()
        expect(lit.filter(has_text=line)).not_to_have_count(0)
        expect(pad.get(box)).to_have_class("box lit")
    line = pad.get("coder-code").locator(".code-line").filter(has_text="z = q.mean")
    line.hover()
    expect(pad.get("box-z")).to_have_class("box lit")
    expect(pad.get("box-kl")).to_have_class("box")
    pad.me.page.mouse.move(0, 0)
    pad.get("box-decoder").focus()  # by keyboard, too
    expect(lit.filter(has_text="self.D(z)")).to_have_count(1)


def test_a_conditional_model_asks_for_the_label_first(visitor: Come) -> None:
    me = visitor()
    pad = Pad(me, "/cvae?data=digits&width=32")
    pad.draw(THREE)
    expect(pad.get("coder-note")).to_contain_text("Choose which digit it is")
    pad.get("label-3").click()
    pad.answered()
    expect(pad.get("label-3")).to_have_attribute("aria-pressed", "true")
    pad.get("picks").get_by_label("Test picture of a 8").first.click()
    expect(pad.get("label-8")).to_have_attribute("aria-pressed", "true")


def test_a_picture_file_becomes_the_digit_and_what_is_none_is_refused(visitor: Come) -> None:
    me = visitor()
    pad = Pad(me, "/pca?data=digits&seed=1")
    digit = datasets.load("digits").test_x[3, 0].numpy()
    held = io.BytesIO()
    Image.fromarray(255 - digit).resize((300, 300)).save(held, "jpeg")
    file = me.page.locator("input[type=file]")
    file.set_input_files({"name": "two.jpg", "mimeType": "image/jpeg", "buffer": held.getvalue()})
    pad.answered()
    assert sum(pad.pixels("pad")) > 20 * 255
    file.set_input_files({"name": "no.png", "mimeType": "image/png", "buffer": b"hello"})
    expect(me.page.get_by_text("'no.png' is not a PNG, JPEG or WebP picture")).to_be_visible()
