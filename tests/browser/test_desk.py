"""The desk of the models of pixels, in a browser: small models answer, as the lab would let them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from engine.autoregressive.gated_pixelcnn import GatedPixelCNN
from engine.autoregressive.influence import reach
from engine.autoregressive.made import MADE
from engine.autoregressive.pixelcnn import PixelCNN
from engine.autoregressive.pixels import Pixels, ranks
from engine.data import Dataset, load
from lab import probes
from tests.browser.filming import start_page
from tests.browser.playing import Player
from tests.browser.visiting import MOVING
from tests.serving import Lab, stop_lab

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
FREE = 255


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """In place of the lab: the page of a desk."""
    page = start_page(tmp_path_factory.mktemp("desk"), "desk_page.py")
    yield page
    stop_lab(page)


def small(family: type[Pixels] = PixelCNN, data: str = "digits-7", **knobs: Any) -> tuple[Pixels, Dataset]:
    """A model that has never trained, with weights large enough that its values hang on one another."""
    torch.manual_seed(0)
    dataset = load(data)
    usual = {PixelCNN: {"channels": 4, "layers": 1, "first": "3"}, GatedPixelCNN: {"channels": 4}}
    model = family(family.configure(dataset.space, usual.get(family, {}) | knobs), dataset.space)
    for weight in model.parameters():
        weight.data *= 2.5
    return model, dataset


class Played(Player):
    """A desk."""

    name = "desk"

    def written(self, **more: Any) -> np.ndarray:
        """The values of the picture that a question makes."""
        *_, last = probes.ask(self.model, self.data, "write", {"seed": 1} | more)
        return last["picture"][0].ravel()

    def values(self) -> np.ndarray:
        """What was given to the last picture."""
        return np.frombuffer(base64.b64decode(self.asks("write")[-1]["values"]), np.uint8)

    def at(self, place: int) -> dict[str, float]:
        """Where a place lies on the large picture."""
        width = self.get("sheet").evaluate("canvas => canvas.clientWidth")
        side = width / self.model.W
        return {"x": (place % self.model.W + 0.5) * side, "y": (place // self.model.W + 0.5) * side}

    def press(self, place: int) -> None:
        self.get("sheet").click(position=self.at(place))

    def colour(self, place: int) -> list[int]:
        """The colour of a pixel of the large picture, near its upper left corner."""
        return self.get("sheet").evaluate(
            """(canvas, [x, y, side]) => {
              const ratio = canvas.width / canvas.clientWidth;
              const copy = new OffscreenCanvas(1, 1).getContext("2d");
              copy.drawImage(canvas, ...[x, y].map((at) => -Math.round((at - 0.25 * side) * ratio)));
              return [...copy.getImageData(0, 0, 1, 1).data.slice(0, 3)];
            }""",
            [*self.at(place).values(), self.get("sheet").evaluate("c => c.clientWidth") / self.model.W],
        )


@pytest.fixture(scope="module")
def cnn() -> tuple[Pixels, Dataset]:
    return small()


def log_p(model: Pixels, k: np.ndarray) -> torch.Tensor:
    return model.log_probs(torch.tensor(k[None].astype(int)))[0].detach()


# --- a picture is written -------------------------------------------------------------------------


def test_with_less_motion_a_whole_picture_is_there_and_its_numbers_are_the_models(visitor, cnn) -> None:
    one = Played(visitor, cnn).open()
    k = one.written()
    expect(one.get("count")).to_have_text("49 of 49 pixels")
    assert one.number("n") == 49
    for place in (0, 10, 24, 40):
        assert one.colour(place) == [255 * int(k[place])] * 3
    each = log_p(one.model, k)
    assert one.reads("sum") == pytest.approx(each.sum().item(), abs=0.006)
    one.press(24)
    expect(one.get("where")).to_have_text("row 4, column 4: 25 of 49 in the order")
    assert one.reads("log") == pytest.approx(each[24].item(), abs=0.006)
    assert one.reads("sum") == pytest.approx(each[:25].sum().item(), abs=0.006)
    drawn = one.get(f"bar-{k[24]}")
    expect(drawn).to_have_attribute("aria-pressed", "true")
    assert float(drawn.inner_text()) == pytest.approx(each[24].exp().item(), abs=0.001)
    expect(one.get("round")).to_have_text("model of round 7")


def test_it_writes_pixel_by_pixel_pauses_steps_and_goes_back(visitor, cnn) -> None:
    one = Played(visitor, cnn, **MOVING).open()
    one.me.until(lambda: one.number("n") > 3, "some pixels")
    assert one.get().get_attribute("data-playing") == "true"
    assert one.number("cursor") == one.number("n") - 1, "the newest pixel is the one that is looked at"
    one.get("play").click()
    one.me.until(lambda: one.get().get_attribute("data-playing") == "false", "a pause")
    n = one.number("n")
    assert 3 < n < 49
    assert len(set(map(tuple, (one.colour(48), [0] * 3, [255] * 3)))) == 3, (
        "not written is not black or white"
    )
    one.get("step").click()
    one.me.until(lambda: one.number("n") == n + 1, "one pixel more")
    one.get("slider").fill("2")
    one.me.until(lambda: one.number("n") == 2, "two pixels")
    one.get("pace").select_option("fast")
    expect(one.get("play")).to_have_text("Go on")
    one.get("play").click()
    one.me.until(lambda: one.number("n") == 49, "the whole picture")
    expect(one.get("play")).to_have_text("Write")
    assert [given["seed"] for given in one.asks("write")] == [1], "nobody was asked for what was there"
    one.after(one.get("play").click)
    assert one.asks("write")[-1]["seed"] == 2
    assert one.number("n") < 49


def test_step_begins_another_picture_after_the_last(visitor, cnn) -> None:
    one = Played(visitor, cnn).open()
    one.after(one.get("step").click)
    one.me.until(lambda: one.number("n") == 1, "one pixel")
    assert (one.asks("write")[-1]["seed"], one.number("cursor")) == (2, 0)
    one.get("sheet").press(".")
    one.me.until(lambda: one.number("n") == 2, "the next")


def test_an_order_is_followed_and_named(visitor) -> None:
    one = Played(visitor, small(MADE, order="spiral", width=20)).open()
    rank = ranks("spiral", 7, 7).numpy()
    one.get("slider").fill("5")
    one.me.until(lambda: one.number("n") == 5, "five pixels")
    k = one.written()
    checker = one.colour(0)
    assert checker not in ([0] * 3, [255] * 3)
    for place in np.flatnonzero(rank < 5):
        assert one.colour(int(place)) == [255 * int(k[place])] * 3
    assert one.number("cursor") == int(np.flatnonzero(rank == 4)[0])
    assert "in a spiral" in (one.get("order").get_attribute("aria-label") or "")
    one.press(0)
    expect(one.get("reading")).to_have_text("The model has not come to this pixel yet.")
    one.get("sheet").press("1")
    expect(one.get("bar-0")).to_be_disabled()
    one.me.drawn()
    assert len(one.asks("write")) == 1, "what is not written cannot be another"


# --- another value is put -------------------------------------------------------------------------


def test_a_bar_that_is_pressed_puts_its_value_and_the_rest_is_written_anew(visitor, cnn) -> None:
    one = Played(visitor, cnn).open()
    before = one.written()
    one.press(17)
    value = 1 - before[17]
    one.after(one.get(f"bar-{value}").click)
    given = one.values()
    assert [*given[:17]] == [*before[:17]]
    assert (given[17], {*given[18:]}) == (value, {FREE})
    assert one.asks("write")[-1]["seed"] == 1, "the same random numbers"
    after = one.written(values=base64.b64encode(given.tobytes()).decode())
    totals = [log_p(one.model, k).sum().item() for k in (before, after)]
    names = ["black", "white"]
    says = f"You put {names[value]} instead of {names[1 - value]}: log p(x) "
    says += "fell" if totals[1] < totals[0] else "rose"
    says += f" from {totals[0]:.2f} to {totals[1]:.2f} nats, and {(before != after)[18:].sum()} of 31 later"
    expect(one.get("says")).to_have_text(f"{says} pixels changed.".replace("-", "−"))
    expect(one.get("reading")).to_contain_text(f"You put {names[value]}.")
    assert one.reads("sum") == pytest.approx(log_p(one.model, after)[:18].sum().item(), abs=0.006)
    one.press(30)  # a second one: the first stays
    second = 1 - after[30]
    one.after(one.get(f"bar-{second}").click)
    assert [*one.values()[:31]] == [*after[:30], second]


def test_keys_choose_a_pixel_and_put_a_value(visitor, cnn) -> None:
    one = Played(visitor, cnn).open()
    before = one.written()
    sheet, keys = one.get("sheet"), one.me.page.keyboard
    sheet.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowLeft", "Shift+ArrowLeft", "ArrowDown"):
        keys.press(key)
    one.me.until(lambda: one.number("cursor") == 35, "row 6, column 1")
    assert "Row 6, column 1" in (sheet.get_attribute("aria-label") or "")
    keys.press(str(before[35]))
    expect(one.get("says")).to_contain_text("already is")
    keys.press("7")  # no value of this model
    assert len(one.asks("write")) == 1
    one.after(lambda: keys.press(str(1 - before[35])))
    assert (one.values()[35], one.values()[36]) == (1 - before[35], FREE)
    one.get("bar-0").focus()
    keys.press("ArrowRight")
    expect(one.get("bar-1")).to_be_focused()
    keys.press("ArrowLeft")
    expect(one.get("bar-0")).to_be_focused()
    if before[35] == 1:
        keys.press("ArrowRight")
    one.after(lambda: keys.press("Enter"))
    assert one.values()[35] == before[35]
    keys.press("Escape")
    one.me.until(lambda: one.number("cursor") == 48, "the newest pixel")


def test_a_pointer_looks_and_a_press_stays(visitor, cnn) -> None:
    one = Played(visitor, cnn).open()
    sheet = one.get("sheet")
    sheet.hover(position=one.at(9))
    one.me.until(lambda: one.number("cursor") == 9, "the pixel under the pointer")
    one.press(9)
    sheet.hover(position=one.at(20))
    one.me.drawn()
    assert one.number("cursor") == 9
    one.press(20)
    one.me.until(lambda: one.number("cursor") == 20, "another one")
    one.press(20)
    sheet.hover(position=one.at(30))
    one.me.until(lambda: one.number("cursor") == 30, "it was let go")


def test_a_finger_chooses_and_puts_and_nothing_is_wider_than_a_phone(visitor, cnn) -> None:
    one = Played(visitor, cnn, **PHONE).open()
    before = one.written()
    one.get("sheet").tap(position=one.at(16))
    one.me.until(lambda: one.number("cursor") == 16, "the pixel under the finger")
    one.after(one.get(f"bar-{1 - before[16]}").tap)
    assert one.values()[16] == 1 - before[16]
    tops = [one.get(name).bounding_box()["y"] for name in ("sheet", "bars", "play")]
    assert tops == sorted(tops)
    for name in ("lens", "halves", "nets"):
        one.get(f"tool-{name}").tap()
    one.me.until(lambda: one.asks("fields"), "the panels to be there")
    assert one.me.page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


# --- the tools ------------------------------------------------------------------------------------


def test_the_lens_counts_what_a_pixel_sees(visitor, cnn) -> None:
    one = Played(visitor, cnn).open()
    one.press(24)
    plain = [one.colour(place) for place in (20, 40)]
    one.get("tool-lens").click()
    can = reach(one.model, 24).numpy()
    seen = int(can[:24].sum())
    assert 0 < seen < 24
    assert not can[24:].any()
    words = f"Of the 24 pixels before it, it sees {seen} and is blind to {24 - seen}."
    expect(one.get("sees")).to_have_text(words)
    expect(one.get("leak")).to_be_hidden()
    look = one.asks("look")[-1]
    assert (look["pixel"], base64.b64decode(look["values"])) == (24, one.written().tobytes())
    assert all(one.colour(place) != was for place, was in zip((20, 40), plain, strict=True))
    one.get("tool-lens").click()
    one.me.until(lambda: one.colour(40) == plain[1], "the picture without the lens")


def test_the_lens_asks_once_a_hand_rests(visitor, cnn) -> None:
    one = Played(visitor, cnn).open()
    one.get("tool-lens").click()
    one.me.until(lambda: len(one.asks("look")) == 1, "a look")
    one.get("sheet").evaluate(
        """sheet => { for (let i = 0; i < 6; i++) {
            sheet.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", bubbles: true }));
        } }"""
    )
    expect(one.get("sees")).to_contain_text("Of the 6 pixels")
    assert [look["pixel"] for look in one.asks("look")] == [48, 6]


@pytest.mark.parametrize("quiet", [False, True])
def test_a_leak_is_called_one_unless_students_are_to_find_it(visitor, quiet) -> None:
    one = Played(visitor, small(mask="B")).open("quiet=1" if quiet else "")
    if not quiet:
        one.get("tool-lens").click()
    one.press(24)
    if quiet:
        expect(one.get("tool-lens")).to_have_attribute("aria-pressed", "true")
        expect(one.get("sees")).to_contain_text("It sees itself. Of the 24 pixels after it, it sees 0.")
        expect(one.get("leak")).to_be_hidden()
        return
    expect(one.get("lens")).to_have_attribute("data-pixel", "24")
    expect(one.get("leak")).to_contain_text("This pixel sees itself. That is a leak")
    one.me.drawn()
    r, g, b = one.colour(24)
    assert r > 190 > 120 > g > b, "the colour of an alarm"


def test_later_pixels_that_are_seen_are_counted(visitor) -> None:
    class Ahead(PixelCNN):
        """Sees the pixel below and to the right."""

        name = "ahead"

        def logits(self, v: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
            later = v.unflatten(2, (self.H, self.W)).roll((-1, -1), (2, 3)).flatten(2)
            return super().logits(v, y) + later.mT

    model, data = small()
    model.__class__ = Ahead
    one = Played(visitor, (model, data)).open()
    one.get("tool-lens").click()
    one.press(24)
    expect(one.get("leak")).to_contain_text("It sees one later pixel. That is a leak")


def test_half_a_picture_is_completed_eight_ways(visitor, cnn) -> None:
    one = Played(visitor, cnn).open()
    one.get("tool-halves").click()
    panel = one.get("halves")
    expect(panel).to_have_attribute("data-over", "true")
    assert one.asks("example") == [{"number": 0}]
    original = probes.ask(one.model, one.data, "example", {"number": 0})["picture"].ravel()
    completing, whole = one.asks("write")[-2:]
    given = np.frombuffer(base64.b64decode(completing["values"]), np.uint8)
    assert completing["n"] == 8
    assert [*given] == [*original[:28], *[FREE] * 21], "of seven rows the middle one is given, too"
    assert base64.b64decode(whole["values"]) == original.tobytes()
    figures = one.get("completions").locator("figure")
    expect(figures).to_have_count(9)
    logs = [float(figures.nth(i).get_attribute("data-log") or "nan") for i in range(9)]
    *_, last = probes.ask(one.model, one.data, "write", completing)
    assert logs[1:] == pytest.approx([*last["log_p"]], abs=1e-3)
    assert logs[0] == pytest.approx(log_p(one.model, original).sum().item(), abs=1e-3)
    best = int(np.argmax(logs[1:])) + 1
    expect(figures.nth(best)).to_have_attribute("data-best", "")
    expect(one.get("best")).to_contain_text(f"Completion {best} is the likeliest")
    expect(figures.nth(3)).to_contain_text(f"drawn: {last['log_rest'][2]:.2f}".replace("-", "−"))
    expect(one.get("early")).to_be_hidden()
    one.get("half-bottom").click()
    expect(one.get("early")).to_contain_text("the model draws 28 pixels before")
    expect(panel).to_have_attribute("data-over", "true")
    one.get("number").fill("3")
    one.get("number").press("Enter")
    one.me.until(lambda: one.asks("example")[-1] == {"number": 3}, "the fourth test picture")
    one.me.until(lambda: one.asks("write")[-1].get("n", 1) == 1, "its own log p")
    expect(panel).to_have_attribute("data-over", "true")
    one.after(one.get("picture-2").click)
    *_, last = probes.ask(one.model, one.data, "write", one.asks("write")[-3])
    assert one.values().tobytes() == last["picture"][1].tobytes(), "the second completion lies on the desk"
    assert one.number("n") == 49


def test_the_same_pixel_in_other_nets(visitor, cnn) -> None:
    one = Played(visitor, cnn).open()
    one.get("tool-nets").click()
    one.press(24)
    nets = one.get("nets").locator("figure")
    expect(nets).to_have_count(4)
    expect(one.get("nets")).to_have_attribute("data-pixel", "24")
    *_, fields = probes.ask(one.model, one.data, "fields", {"pixel": 24})
    for name in ("PixelCNN", "Gated PixelCNN", "Row LSTM", "Diagonal BiLSTM"):
        seen = int((fields[f"field/{name}"].ravel()[:24] > 0).sum())
        net = one.get("nets").locator(f"figure[data-net='{name}']")
        expect(net).to_contain_text(f"sees {seen} of 24")
    assert nets.nth(0).get_attribute("data-net") == "PixelCNN"


def test_the_masks_light_the_ancestors_of_an_output(visitor) -> None:
    one = Played(visitor, small(MADE, width=30, orders=2)).open("masks=1")
    one.get("tool-masks").click()
    one.press(24)
    expect(one.get("ancestors")).to_have_text(
        "The output in row 4, column 4 is number 25 in the order. It sees 24 of the 24 inputs before it."
    )
    expect(one.get("masks").locator("canvas")).to_have_count(5)  # inputs, mask, units, mask, outputs
    answer = probes.ask(one.model, one.data, "ancestors", {"pixel": 24, "which": 1})
    one.get("order-1").click()
    rank = int(answer["rank"][24])
    says = f"number {rank + 1} in the order. It sees {answer['ancestors']} of the {rank} inputs"
    expect(one.get("ancestors")).to_contain_text(says)
    lit = one.get("masks").locator("figure[data-layer='1']")
    expect(lit).to_have_attribute("data-lit", str(int((answer["hidden/1"] > 0).sum())))
    outputs = one.get("masks").locator(".desk-pressed canvas")
    outputs.click(position={"x": 4, "y": 4})
    one.me.until(lambda: one.number("cursor") == 0, "the first output")
    expect(one.get("masks")).to_have_attribute("data-pixel", "0")


def test_only_what_a_model_has_is_offered(visitor, cnn) -> None:
    one = Played(visitor, cnn).open()
    for name in ("label", "tool-masks"):
        expect(one.get(name)).to_be_hidden()
    assert "label" not in one.asks("write")[0]


def test_a_class_and_a_temperature_are_asked_for(visitor) -> None:
    one = Played(visitor, small(GatedPixelCNN, layers=1, conditional=True)).open()
    assert one.asks("write")[0]["label"] == 0
    one.after(lambda: one.get("label").select_option("3"))
    one.after(lambda: one.get("temperature").fill("0.5"))
    last = one.asks("write")[-1]
    assert (last["label"], last["temperature"], last["seed"]) == (3, 0.5, 1)
    one.get("tool-lens").click()
    one.me.until(lambda: one.asks("look"), "a look")
    assert one.asks("look")[0]["label"] == 3
    one.get("tool-halves").click()
    expect(one.get("halves")).to_have_attribute("data-over", "true")
    label = probes.ask(one.model, one.data, "example", {"number": 0})["label"]
    assert [given["label"] for given in one.asks("write")[-2:]] == [label] * 2
    assert one.asks("write")[-2]["temperature"] == 0.5


def test_sixteen_colours_have_their_bars_and_keys(visitor) -> None:
    one = Played(visitor, small(data="pixel-faces")).open()
    k = one.written()
    expect(one.get("bars").locator("button")).to_have_count(16)
    one.press(100)
    expect(one.get("reading")).to_contain_text(f"colour {k[100]}")
    other = (k[100] + 1) % 16
    one.get(f"bar-{other}").hover()
    expect(one.get("reading")).to_contain_text(f"colour {other}: p = ")
    one.after(lambda: one.get("sheet").press(f"{other:x}"))
    assert one.values()[100] == other


# --- the run behind it ----------------------------------------------------------------------------


def test_while_a_run_trains_the_same_picture_is_asked_anew(visitor, cnn) -> None:
    one = Played(visitor, cnn).open()
    one.press(17)
    one.after(one.get(f"bar-{1 - one.written()[17]}").click)
    says, asked = one.get("says").inner_text(), one.asks("write")[-1]
    one.round = 12
    one.state(state="training", round=12)
    expect(one.get("round")).to_have_text("model of round 12")
    assert one.asks("write")[-1] == asked, "with what was put"
    assert one.get("says").inner_text() == says
    one.round = 20
    one.state(state="paused", round=20)
    expect(one.get("round")).to_have_text("model of round 20")
    one.me.page.wait_for_timeout(300)
    n = len(one.asked)
    one.state(state="paused", round=20)
    one.me.page.wait_for_timeout(1500)
    assert len(one.asked) == n, "a run that rests is asked once"


def test_another_kept_round_is_asked_for(visitor, cnn) -> None:
    one = Played(visitor, cnn).open()
    one.get("tool-lens").click()
    one.me.until(lambda: one.asks("look"), "a look")
    slider = one.me.page.get_by_role("slider", name="round")
    slider.press("ArrowRight")
    one.me.until(lambda: {name for name, _, round in one.asked if round == 1} == {"write", "look"}, "round 1")


def test_another_run_has_other_data(visitor, cnn) -> None:
    one = Played(visitor, cnn).open()
    one.other = small(data="pixel-faces")
    one.press(24)
    for tool in ("lens", "halves"):
        one.get(f"tool-{tool}").click()
    expect(one.get("halves")).to_have_attribute("data-over", "true")
    one.me.page.get_by_test_id("stCheckbox").click()
    expect(one.get("count")).to_have_text("256 of 256 pixels")
    expect(one.get("bars").locator("button")).to_have_count(16)
    assert one.number("cursor") == 255
    expect(one.get("sees")).to_contain_text("Of the 255 pixels before it")
    expect(one.get("halves")).to_have_attribute("data-over", "true")
    assert len(base64.b64decode(one.asks("write")[-1]["values"])) == 256


def test_a_desk_out_of_sight_asks_nothing(visitor, cnn) -> None:
    one = Played(visitor, cnn).open()
    one.get().evaluate(
        """desk => new Promise((done) => {
          desk.style.marginTop = "3000px";
          new IntersectionObserver(([now]) => now.isIntersecting || setTimeout(done, 100)).observe(desk);
        })"""
    )
    n = len(one.asked)
    one.state(state="training", round=12)
    one.me.page.wait_for_timeout(1500)
    assert len(one.asked) == n
    one.get().evaluate("desk => desk.scrollIntoView()")
    one.me.until(lambda: len(one.asked) > n, "a question")


def test_a_refusal_is_a_sentence_in_place_of_the_desk(visitor, cnn) -> None:
    one = Played(visitor, cnn)
    one.refusal = "This model has diverged and holds no numbers; rewind or reset the run first."
    one.open()
    expect(one.get("note")).to_have_text(one.refusal)
    expect(one.get("sheet")).to_be_hidden()
    one.refusal = ""
    one.state(state="ready", round=0)
    one.answered(1)
    expect(one.get("note")).to_be_hidden()


# --- pure functions -------------------------------------------------------------------------------

FACTS = """
    const [rank, W] = args, D = rank.length, order = [];
    rank.forEach((r, place) => (order[r] = place));
    const facts = { rank, order, W, H: D / W, D, K: 2, colours: [[0, 0, 0], [255, 255, 255]] };
"""


@pytest.mark.parametrize("order", ["raster", "spiral", "random"])
@pytest.mark.parametrize("size", [(7, 7), (14, 14), (6, 9)])
def test_an_order_is_known_by_its_looks(modules, order, size) -> None:
    rank = ranks(order, *size).tolist()
    assert modules("desk/writing.js", f"{FACTS} return orderName(facts);", rank, size[1]) == order


@pytest.mark.parametrize("half", ["top", "left", "bottom"])
@pytest.mark.parametrize("order", ["raster", "random"])
def test_what_is_drawn_before_all_that_is_given_was_seen(modules, half, order) -> None:
    H, W = 5, 4
    rows, columns = np.mgrid[:H, :W]
    is_given = {"top": rows < H / 2, "left": columns < W / 2, "bottom": rows >= H / 2}[half].ravel()
    rank = ranks(order, H, W, 3).numpy()
    body = f"{FACTS} const given = halfOf(new Uint8Array(20).fill(1), facts, args[2]);"
    given, early = modules(
        "desk/writing.js", f"{body} return [[...given], drawnTooEarly(given, rank)];", rank.tolist(), W, half
    )
    assert given == [1 if one else FREE for one in is_given]
    assert early == int((rank[~is_given] < rank[is_given].max()).sum())
    assert order != "raster" or (early == 0) == (half == "top")


def test_a_writing_adds_up_the_logarithms_in_the_order(modules) -> None:
    rank = [2, 0, 1, 3]
    p = np.array([[0.9, 0.1], [0.2, 0.8], [1.0, 0.0], [0.5, 0.5]])  # in the order
    body = f"""{FACTS}
    const writing = new Writing(facts, {{ values: null, put: [] }});
    const array = (data) => ({{ data }});
    const picture = array([1, 0, 1, 0]);
    const part = (places, p, total) => {{
      const [chances, log_p] = [array(Float32Array.from(p)), array([total])];
      const named = {{ picture, places: array(places), p: chances, log_p }};
      writing.take({{ meta: {{ round: 5 }}, arrays: new Map(Object.entries(named)) }});
    }};
    part([1, 2], args[2].slice(0, 4), args[3][0]);
    const half = [writing.written, writing.complete, [...writing.shown(1)], writing.pixel(0, 4).p];
    part([0, 3], args[2].slice(4), args[3][1]);
    return [half, [...writing.sums], writing.pixel(2, 2), writing.pixel(2, 1).p, [...writing.before(0, 0)]];
    """
    exact = [np.log(0.9) + np.log(0.8), -120.0]  # of p = 0 here, which was only rounded
    half, sums, pixel, unseen, before = modules("desk/writing.js", body, rank, 2, p.ravel().tolist(), exact)
    assert half == [2, False, [FREE, 0, FREE, FREE], None]
    assert sums[1] == pytest.approx(np.log(0.9), abs=1e-6)
    assert [sums[2], sums[4]] == pytest.approx(exact)
    assert (pixel["value"], pixel["log"]) == (1, pytest.approx(np.log(0.8), abs=1e-6))
    assert unseen is None
    assert before == [0, 0, 1, FREE]


def test_numbers_and_values_are_told_as_they_are(modules) -> None:
    body = """
    const grey = (K) => ({ K, colours: Array.from({ length: K }, (_, k) => [k, k, k]) });
    return [[0.5, 0.00002, 0.9999, 0].map(chance), [-1.234, -Infinity].map(nats),
      [[grey(2), 1], [grey(4), 2], [grey(16), 7], [{ K: 2, colours: [[0, 0, 0], [255, 0, 0]] }, 1]]
        .map(([facts, k]) => valueName(facts, k, DESK_WORDS))];
    """
    chances, logs, names = modules("desk/writing.js desk/words.js", body)
    assert chances == ["0.500", "2.0·10⁻⁵", "0.9999", "0.000"]
    assert logs == ["−1.23", "< −87"]
    assert names == ["white", "light grey", "grey 7 of 15", "colour 1"]
