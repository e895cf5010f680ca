"""The hand of the models of handwriting, in a browser: small models answer, as the lab would let them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from engine.autoregressive.writer import Writer
from engine.data import Dataset, load
from engine.families import find
from lab import probes
from tests.browser.filming import start_page
from tests.browser.playing import Player
from tests.browser.visiting import MOVING
from tests.serving import Lab, stop_lab

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
MODEL, OWN = (213, 94, 0), (0, 114, 178)
ELL = [(0.2, 0.2), (0.2, 0.6), (0.6, 0.6)]  # in shares of the sheet


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """In place of the lab: the page of a hand."""
    page = start_page(tmp_path_factory.mktemp("hand"), "hand_page.py")
    yield page
    stop_lab(page)


def small(name: str = "handwriting", data: str = "pen-digits", **knobs: Any) -> tuple[Writer, Dataset]:
    """A model that has never trained, whose steps hang on one another."""
    torch.manual_seed(0)
    dataset, family = load(data), find(name)
    model = family(family.configure(dataset.space, {"h": 16, "M": 3} | knobs), dataset.space)
    for weight in model.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    return model, dataset


@pytest.fixture(scope="module")
def digits() -> tuple[Writer, Dataset]:
    return small()


@pytest.fixture(scope="module")
def words() -> tuple[Writer, Dataset]:
    return small("handwriting-synthesis", "words")


class Played(Player):
    """A hand."""

    name = "hand"

    def told(self, array: str, **more: Any) -> np.ndarray:
        """An array of all steps that a question makes."""
        parts = list(probes.ask(self.model, self.data, "write", {"seed": 1} | more))
        return np.concatenate([part[array] for part in parts], 1)

    def ink(self, colour: tuple[int, int, int], canvas: str = "sheet") -> int:
        """How many pixels of a canvas have about this colour."""
        return self.get(canvas).evaluate(
            """(canvas, colour) => {
              const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
              copy.drawImage(canvas, 0, 0);
              const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
              let n = 0;
              for (let i = 0; i < data.length; i += 4) {
                if (data[i + 3] > 200 && colour.every((one, c) => Math.abs(one - data[i + c]) < 12)) n += 1;
              }
              return n;
            }""",
            list(colour),
        )

    def looks(self, canvas: str = "sheet") -> str:
        self.me.drawn()
        return self.get(canvas).evaluate("canvas => canvas.toDataURL()")

    def changes(self, was: str, canvas: str = "sheet") -> None:
        self.me.until(lambda: self.looks(canvas) != was, "another picture")

    def places(self, shares: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """Places on the page, from shares of the sheet."""
        self.me.centre(self.get("sheet"))
        box = self.get("sheet").bounding_box()
        return [(box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in shares]

    def draw(self, shares: list[tuple[float, float]]) -> None:
        """One stroke by the mouse, with the pad open."""
        first, *others = self.places(shares)
        mouse = self.me.page.mouse
        mouse.move(*first)
        mouse.down()
        for place in others:
            mouse.move(*place, steps=6)
        mouse.up()

    def shown(self, n: int) -> None:
        self.me.until(lambda: self.number("n") == n, f"{n} steps")

    def judged(self) -> None:
        self.me.until(lambda: self.get().get_attribute("data-judged") is not None, "a verdict")


# --- the model writes -----------------------------------------------------------------------------


def test_with_less_motion_all_is_there_and_its_numbers_are_the_models(visitor, digits) -> None:
    one = Played(visitor, digits).open()
    expect(one.get("count")).to_have_text("8 of 8 steps")
    loss = one.told("loss", n=6, label=0)
    assert one.reads("sum") == pytest.approx(loss[0].sum(), abs=0.06)
    assert one.reads("loss") == pytest.approx(loss[0, 7], abs=0.006)
    one.get("slider").fill("3")
    one.shown(3)
    assert one.reads("loss") == pytest.approx(loss[0, 3], abs=0.006), "of the step that comes next"
    assert one.reads("sum") == pytest.approx(loss[0, :3].sum(), abs=0.06)
    expect(one.get("round")).to_have_text("model of round 7")
    expect(one.get("lift")).to_be_hidden()
    expect(one.get("text")).to_be_hidden()


def test_it_writes_step_by_step_pauses_and_goes_back(visitor, digits) -> None:
    one = Played(visitor, digits, **MOVING).open()
    one.get("pace").select_option("slow")
    one.me.until(lambda: 1 < one.number("n") < 8, "some steps")
    one.get("play").click()
    one.me.until(lambda: one.get().get_attribute("data-playing") == "false", "a pause")
    n = one.number("n")
    ink = one.ink(MODEL)
    one.get("step").click()
    one.shown(n + 1)
    one.get("slider").fill("8")
    one.shown(8)
    assert one.ink(MODEL) > ink
    one.get("slider").fill("2")
    one.shown(2)
    one.get("pace").select_option("fast")
    one.get("play").click()
    one.shown(8)
    assert len(one.asks("write")) == 1, "nobody was asked for what was there"
    expect(one.get("play")).to_have_text("Write")
    one.after(one.get("play").click)
    assert one.asks("write")[-1]["seed"] == 2
    expect(one.get("seed")).to_have_value("2")


def test_keys_and_the_time_axis_go_back_and_forth(visitor, digits) -> None:
    one = Played(visitor, digits).open()
    sheet = one.get("sheet")
    sheet.focus()
    for key, n in (("ArrowLeft", 7), ("Shift+ArrowLeft", 2), ("ArrowRight", 3), (".", 4)):
        sheet.press(key)
        one.shown(n)
    strip = one.get("strip")
    width = strip.evaluate("canvas => canvas.clientWidth")
    strip.click(position={"x": 30 + (width - 32) * 5.5 / 8, "y": 20})
    one.shown(6)
    strip.click(position={"x": 4, "y": 20})
    one.shown(0)
    sheet.press("ArrowLeft")
    one.shown(0)
    assert "0 of 8 steps" in (sheet.get_attribute("aria-label") or "")
    assert len(one.asks("write")) == 1


def test_ellipses_float_ahead_of_the_nib(visitor, digits) -> None:
    one = Played(visitor, digits).open()
    at_the_end = one.looks(), one.looks("ahead")
    one.get("slider").fill("3")
    one.changes(at_the_end[0])
    one.changes(at_the_end[1], "ahead")
    says = one.get("ahead").get_attribute("aria-label") or ""
    heavy = int((one.told("mixture", n=6, label=0)[0, 3, :, 0] >= 0.05).sum())
    assert f"{heavy} of its 3 components" in says


def test_the_label_the_seed_and_the_bias_count(visitor, digits) -> None:
    one = Played(visitor, digits).open()
    was = one.looks()
    one.after(lambda: one.get("label").select_option("4"))
    one.changes(was)
    assert (one.asks("write")[-1]["label"], one.asks("write")[-1]["seed"]) == (4, 1)
    was = one.looks()
    one.after(lambda: (one.get("seed").fill("9"), one.get("seed").press("Enter")))
    one.changes(was)
    assert (one.asks("write")[-1]["label"], one.asks("write")[-1]["seed"]) == (4, 9)
    one.get("slider").fill("3")
    one.shown(3)
    was = one.looks("ahead")
    one.after(lambda: one.get("bias").fill("2"))
    one.changes(was, "ahead")
    assert one.asks("write")[-1] == {"label": 4, "seed": 9, "bias": 2, "n": 6}
    expect(one.get("bias-value")).to_have_text("2.0")
    expect(one.get("formula")).to_contain_text("each σ is 0.14 of what the net says")
    one.shown(3)
    assert one.reads("loss") == pytest.approx(
        one.told("loss", label=4, seed=9, bias=2.0, n=6)[0, 3], abs=0.006
    )


def test_another_way_is_chosen(visitor, digits) -> None:
    one = Played(visitor, digits).open()
    loss = one.told("loss", n=6, label=0).sum(1)
    one.get("way-4").click()
    expect(one.get("way-4")).to_have_attribute("aria-pressed", "true")
    expect(one.get("way-0")).to_have_attribute("aria-pressed", "false")
    one.me.drawn()
    assert one.reads("sum") == pytest.approx(loss[4], abs=0.06)
    assert len(one.asks("write")) == 1


def test_the_limp_pen_goes_beside(visitor, digits) -> None:
    one = Played(visitor, digits).open()
    assert one.asks("limp") == []
    plain = one.looks()
    one.get("mean").click()
    one.changes(plain)
    assert one.asks("limp") == [{"label": 0}]
    one.get("mean").click()
    one.me.until(lambda: one.looks() == plain, "the pen alone")
    one.get("mean").click()
    one.after(lambda: one.get("label").select_option("3"))
    one.me.until(lambda: one.asks("limp")[-1] == {"label": 3}, "that of another label")


def test_a_net_of_squared_error_has_no_bias_and_says_why(visitor) -> None:
    one = Played(visitor, small(output="squared error")).open()
    expect(one.get("bias")).to_be_disabled()
    expect(one.get("mean")).to_be_hidden()
    expect(one.get("formula")).to_contain_text("only says the mean")


# --- a hand draws ---------------------------------------------------------------------------------


def test_a_drawing_is_judged_and_the_net_goes_on(visitor, digits) -> None:
    one = Played(visitor, digits).open()
    one.after(lambda: one.get("label").select_option("4"))
    one.get("draw").click()
    expect(one.get("prime")).to_be_disabled()
    assert one.ink(MODEL) == 0
    one.draw(ELL)
    one.judged()
    assert one.ink(OWN) > 300
    told = probes.ask(one.model, one.data, "judge", one.asks("judge")[-1])
    assert one.asks("judge")[-1]["label"] == 4
    best = int(told["bayes"][-1].argmax())
    expect(one.get("verdict")).to_contain_text(
        f"Most likely it is a {best}: p = {told['bayes'][-1, best]:.3f}."
    )
    cost = (
        f"As a 4 it costs {told['losses'].sum():.1f} nats; a 4 of the test digits costs {told['usual']:.1f}"
    )
    expect(one.get("verdict")).to_contain_text(cost.replace("-", "−"))
    expect(one.get("bayes").locator("[data-chosen]")).to_have_text("4")
    assert one.ink(OWN, "strip") > 100, "the loss of each step"
    [stroke] = one.asks("judge")[-1]["strokes"]
    one.after(one.get("prime").click)
    assert one.asks("write")[-1]["strokes"] == [stroke]
    given = next(iter(probes.ask(one.model, one.data, "write", one.asks("write")[-1])))["given"]
    assert 2 <= given < 8
    one.shown(8)
    assert one.ink(OWN) > 200
    assert one.ink(MODEL) > 50
    one.after(one.get("prime").click)
    assert "strokes" not in one.asks("write")[-1]
    assert one.ink(OWN) == 0


def test_a_stroke_is_taken_back_and_a_drawing_is_cleared(visitor, digits) -> None:
    one = Played(visitor, digits).open()
    one.get("draw").click()
    one.draw(ELL)
    one.draw([(0.7, 0.2), (0.8, 0.8)])
    one.me.until(lambda: one.asks("judge") and len(one.asks("judge")[-1]["strokes"]) == 2, "both strokes")
    one.get("undo").click()
    one.me.until(lambda: len(one.asks("judge")[-1]["strokes"]) == 1, "one stroke")
    one.get("clear").click()
    one.me.until(lambda: one.ink(OWN) == 0, "an empty sheet")
    expect(one.get("judge")).to_be_hidden()
    for name in ("prime", "undo", "clear"):
        expect(one.get(name)).to_be_disabled()


def test_one_point_is_no_drawing(visitor, digits) -> None:
    one = Played(visitor, digits).open()
    one.get("draw").click()
    one.draw(ELL[:1])
    expect(one.get("verdict")).to_have_text("Draw a stroke with at least two points.")
    one.get("prime").click()
    expect(one.get("bad")).to_have_text("Draw a stroke with at least two points.")
    one.get("draw").click()
    one.draw(ELL)
    one.judged()
    one.after(one.get("draw").click)
    assert len(one.asks("write")[-1]["strokes"]) == 2, "the net goes on from what is drawn now"
    expect(one.get("bad")).to_be_hidden()


def test_keys_draw_and_go_on(visitor, digits) -> None:
    one = Played(visitor, digits).open()
    one.get("draw").focus()
    keys = one.me.page.keyboard
    keys.press("Enter")
    expect(one.get("sheet")).to_be_focused()
    for key in (
        "Shift+ArrowUp",
        "Enter",
        "Shift+ArrowDown",
        "Shift+ArrowDown",
        "Enter",
        "ArrowRight",
        "Enter",
    ):
        keys.press(key)
    assert one.asks("judge") == [], "the pen is still down"
    keys.press("Backspace")
    keys.press("l")
    one.judged()
    [[first, last]] = one.asks("judge")[-1]["strokes"]
    assert first[0] == last[0]
    assert first[1] > last[1]
    assert "1 strokes" in (one.get("sheet").get_attribute("aria-label") or "")
    one.get("prime").focus()
    one.after(lambda: keys.press("Enter"))
    assert one.asks("write")[-1]["strokes"] == [[first, last]]


def test_a_finger_draws_and_nothing_is_wider_than_a_phone(visitor, digits) -> None:
    one = Played(visitor, digits, **PHONE).open()
    one.get("draw").tap()
    first, *others = one.places([(u, v) for u, v in np.linspace(ELL[0], ELL[1], 8).tolist()])
    touch = one.me.browser.new_cdp_session(one.me.page)
    for kind, (x, y) in (("touchStart", first), *(("touchMove", place) for place in others)):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    one.judged()
    assert one.me.page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    n, prime = one.number("answers"), one.get("prime")
    # a browser swallows a tap that follows a swipe at once
    one.me.until(lambda: prime.get_attribute("aria-pressed") == "true" or prime.tap(), "a tap")
    one.answered(n + 1)
    assert one.asks("write")[-1]["strokes"]
    one.get("strip").tap(position={"x": 32, "y": 20})
    one.shown(1)
    assert one.me.page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


# --- words ----------------------------------------------------------------------------------------


def test_a_word_is_written_and_the_window_walks(visitor, words) -> None:
    one = Played(visitor, words).open()
    first = words[1].space.words[0]
    expect(one.get("text")).to_have_value(first)
    expect(one.get("label")).to_be_hidden()
    assert one.asks("write")[0]["text"] == first
    one.after(lambda: one.get("text").fill("zebra"))
    assert one.asks("write")[-1] == {"text": "zebra", "seed": 1, "bias": 0, "n": 4}
    one.get("slider").fill("5")
    one.shown(5)
    phi, lift = (one.told(name, text="zebra", n=4)[0, 5] for name in ("phi", "lift"))
    expect(one.get("letter")).to_have_text([*"zebra", "the end"][min(5, int(phi.argmax()))])
    assert one.reads("lift") == pytest.approx(lift, abs=0.006)
    assert "window" in (one.get("strip").get_attribute("aria-label") or "")
    was = one.looks("strip")
    one.get("slider").fill("6")
    one.changes(was, "strip")


def test_unknown_letters_are_named_beside_the_field(visitor, words) -> None:
    one = Played(visitor, words).open()
    one.get("text").fill("ža9")
    expect(one.get("bad")).to_have_text("'ža9' has the letters 'ž9', which this model has never seen.")
    expect(one.get("text")).to_have_attribute("aria-invalid", "true")
    one.get("text").fill("toolong")
    expect(one.get("bad")).to_contain_text("write at most 6")
    one.get("text").fill(" ")
    expect(one.get("bad")).to_have_text("There is nothing to write; type a word.")
    one.after(lambda: one.get("text").fill("yes"))
    expect(one.get("bad")).to_be_hidden()
    expect(one.get("text")).not_to_have_attribute("aria-invalid", "true")


def test_a_word_goes_on_in_the_hand_of_its_beginning(visitor, words) -> None:
    one = Played(visitor, words).open()
    one.after(lambda: one.get("text").fill("lo"))
    one.get("draw").click()
    one.draw([(0.05, 0.6), (0.08, 0.2), (0.1, 0.6)])
    one.me.page.wait_for_timeout(500)
    assert one.asks("judge") == [], "nobody knows what it says"
    one.get("prime").click()
    expect(one.get("bad")).to_contain_text("Say what you wrote")
    one.get("drawn").fill("l")
    one.judged()
    assert one.asks("judge")[-1]["text"] == "l"
    one.get("draw").click()
    expect(one.get("verdict")).to_contain_text("nats a step")
    one.after(one.get("draw").click)
    asked = one.asks("write")[-1]
    assert (asked["drawn"], asked["text"], len(asked["strokes"])) == ("l", "lo", 1)
    one.get("slider").fill("3")
    one.me.until(lambda: one.ink(OWN) > 50, "the hand's own ink")


# --- the run --------------------------------------------------------------------------------------


def test_while_a_run_trains_the_same_is_asked_anew(visitor, digits) -> None:
    one = Played(visitor, digits).open()
    asked = one.asks("write")[-1]
    one.round = 12
    one.state(state="training", round=12)
    expect(one.get("round")).to_have_text("model of round 12")
    assert one.asks("write")[-1] == asked
    one.round = 20
    one.state(state="paused", round=20)
    expect(one.get("round")).to_have_text("model of round 20")
    one.me.page.wait_for_timeout(300)
    n = len(one.asked)
    one.state(state="paused", round=20)
    one.me.page.wait_for_timeout(1500)
    assert len(one.asked) == n, "a run that rests is asked once"
    one.me.page.get_by_role("slider", name="round").press("ArrowRight")
    one.me.until(lambda: one.asked[-1][2] == 1, "the kept round 1")


def test_another_run_has_other_data(visitor, digits, words) -> None:
    one = Played(visitor, digits).open()
    one.other = words
    one.get("draw").click()
    one.draw(ELL)
    one.judged()
    one.get("draw").click()
    one.after(one.me.page.get_by_test_id("stCheckbox").click)
    expect(one.get("text")).to_be_visible()
    expect(one.get("label")).to_be_hidden()
    assert one.asks("write")[-1]["text"] == words[1].space.words[0]
    one.get("draw").click()
    one.me.until(lambda: one.ink(OWN) == 0, "an empty sheet: another one's scale")


def test_a_refusal_is_a_sentence_in_place_of_the_hand(visitor, digits) -> None:
    one = Played(visitor, digits)
    one.refusal = "This model has diverged and holds no numbers; rewind or reset the run first."
    one.open()
    expect(one.get("note")).to_have_text(one.refusal)
    expect(one.get("sheet")).to_be_hidden()
    one.refusal = ""
    one.state(state="ready", round=0)
    one.answered(1)
    expect(one.get("note")).to_be_hidden()


# --- pure functions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sx", "sy", "rho"), [(1.0, 1.0, 0.0), (2.0, 0.5, 0.0), (0.5, 2.0, 0.3), (1.0, 0.7, -0.9)]
)
def test_the_axes_of_an_ellipse_are_those_of_the_covariance(modules, sx, sy, rho) -> None:
    axes = modules("hand/writing.js", "return axesOf(...args);", sx, sy, rho)
    cos, sin = np.cos(axes["angle"]), np.sin(axes["angle"])
    turn = np.array([[cos, -sin], [sin, cos]])
    covariance = turn @ np.diag([axes["long"] ** 2, axes["short"] ** 2]) @ turn.T
    np.testing.assert_allclose(covariance, [[sx**2, rho * sx * sy], [rho * sx * sy, sy**2]], atol=1e-9)


def test_a_drawing_is_taken_back_mark_by_mark(modules) -> None:
    body = """
    const drawing = new Drawing();
    drawing.begin([0, 0]);
    drawing.extend([0.001, 0], 1);
    drawing.extend([1, 0], 1);
    drawing.lift();
    drawing.put([2, 2]);
    drawing.put([3, 3]);
    const seen = [drawing.sent()];
    for (let i = 0; i < 3; i++) {
      drawing.undo();
      seen.push(drawing.sent());
    }
    return [seen, drawing.empty, drawing.down];
    """
    seen, empty, down = modules("hand/drawing.js", body)
    assert seen == [
        [[[0, 0], [1, 0]], [[2, 2], [3, 3]]],
        [[[0, 0], [1, 0]], [[2, 2]]],
        [[[0, 0], [1, 0]]],
        [],
    ]
    assert (empty, down) == (True, False)
