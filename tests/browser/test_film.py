"""Films in a browser: they stream, play, and are scrubbed from memory, with nobody asked."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.filming import Projector, start_page
from tests.browser.visiting import CALM, MOVING, Visitor
from tests.serving import Lab, stop_lab

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
NOTES = """
    window.past = {};
    const own = Object.getOwnPropertyDescriptor(Node.prototype, "textContent");
    Object.defineProperty(Node.prototype, "textContent", {
        ...own,
        set(text) {
            own.set.call(this, text);
            const part = this.closest?.("[data-testid^=film-]");
            if (part) (past[part.dataset.testid] ??= []).push(String(text));
        },
    });
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """In place of the lab: the page with films alone."""
    page = start_page(tmp_path_factory.mktemp("films"))
    yield page
    stop_lab(page)


class Cinema:
    """A visitor before a film of the test's own making."""

    def __init__(self, me: Visitor, name: str, most: int = 1000) -> None:
        self.me = me
        self.projector = Projector(me.page, most)
        me.page.add_init_script(NOTES)
        me.open(f"/?film={name}")
        self.film = me.page.get_by_test_id("film")
        self.slider = self.get("slider")
        self.film.wait_for()

    def get(self, name: str) -> Locator:
        return self.me.page.get_by_test_id(f"film-{name}")

    @property
    def asked(self) -> int:
        """Messages that the page has sent."""
        return len(self.projector.asked)

    def t(self) -> int:
        return int((self.get("t").inner_text() or "t = -1").split()[2])

    def past(self, name: str) -> list[str]:
        """All that a part of the film has said: it plays on while a test looks away."""
        return self.me.page.evaluate(f"past['film-{name}'] ?? []")

    def forget(self) -> None:
        self.me.page.evaluate("past = {}")

    def shows(self, t: int) -> None:
        expect(self.get("t")).to_have_text(f"t = {t} of 100")

    def pixels(self, screen: str = "screen-x_t", row: int = 0) -> str:
        self.me.drawn()
        return self.get(screen).nth(row).evaluate("canvas => canvas.toDataURL()")

    def rests(self) -> None:
        """Wait until the film has played to its end; before it has begun the button says the same."""
        self.me.until(lambda: "Pause" in self.past("play"), "the film to begin")
        self.me.until(lambda: self.get("play").inner_text() == "Play", "the end of the film")

    def scrub(self, value: int) -> None:
        self.slider.evaluate(
            "(one, value) => { one.value = value; one.dispatchEvent(new Event('input')) }", value
        )
        self.drawn()

    def drawn(self) -> None:
        self.me.drawn()


@pytest.fixture
def cinema(chromium: Browser, visitor: Callable[..., Visitor]) -> Callable[..., Cinema]:
    return lambda name, most=1000, **options: Cinema(visitor(**MOVING | options), name, most)


def test_a_film_plays_by_itself_to_its_end_and_again_when_it_is_pressed(cinema) -> None:
    one = cinema("points")
    one.me.until(lambda: "Pause" in one.past("play"), "the film to begin")
    one.me.until(lambda: one.t() == 0, "the end of the film")
    one.rests()
    assert len(set(one.past("t"))) > 5, "some steps"
    one.forget()
    one.get("play").click()
    one.me.until(lambda: "t = 100 of 100" in one.past("t"), "the film to begin again")
    assert one.asked == 1


def test_a_film_that_is_stopped_stands(cinema) -> None:
    one = cinema("points", most=50)  # it waits for more where it ends for now
    expect(one.get("play")).to_have_text("Pause")
    one.get("play").click()
    expect(one.get("play")).to_have_text("Play")
    one.drawn()
    stands, picture = one.t(), one.pixels()
    one.me.page.wait_for_timeout(300)
    assert (one.t(), one.pixels()) == (stands, picture)


def test_scrubbing_and_stepping_draw_from_memory(cinema) -> None:
    one = cinema("points")
    one.rests()
    seen = set()
    for value in (0, 25, 50, 75, 100):
        one.scrub(value)
        one.shows(100 - value)
        seen |= {(screen, one.pixels(screen)) for screen in ("screen-x_t", "screen-x0")}
    assert len(seen) == 10
    one.scrub(60)
    here = one.pixels()
    one.get("forth").click()
    one.shows(39)
    one.drawn()
    assert one.pixels() != here
    one.get("back").click()
    one.shows(40)
    one.drawn()
    assert one.pixels() == here
    expect(one.film.locator("[data-number=SNR] dd")).to_have_text("1.89")
    one.get("first").click()
    one.shows(100)
    one.get("last").click()
    one.shows(0)
    assert one.asked == 1


def test_the_keyboard_moves_the_film(cinema) -> None:
    one = cinema("points", **CALM)
    one.shows(0)
    one.slider.focus()
    for key, t in (("Home", 100), ("ArrowRight", 99), ("ArrowRight", 98), ("ArrowLeft", 99), ("End", 0)):
        one.me.page.keyboard.press(key)
        one.shows(t)
    one.film.focus()
    one.me.page.keyboard.press("ArrowLeft")
    one.shows(1)
    one.me.page.keyboard.press("Home")
    one.me.page.keyboard.press(" ")
    expect(one.get("play")).to_have_text("Pause")
    one.me.page.keyboard.press(" ")
    expect(one.get("play")).to_have_text("Play")


def test_rows_share_the_slider_and_only_the_one_that_changes_is_asked_again(cinema) -> None:
    one = cinema("two")
    one.rests()
    one.scrub(33)
    one.shows(67)
    expect(one.get("row-0")).to_contain_text("t = 67")
    expect(one.get("row-1")).to_contain_text("t = 65")
    one.get("forth").click()
    one.shows(66)
    expect(one.get("row-1")).to_contain_text("t = 65")
    before = one.pixels(row=1)
    one.projector.most = 0
    one.me.slider("steps").focus()
    one.me.page.keyboard.press("ArrowRight")
    one.me.until(lambda: one.asked == 3, "the second row to ask")
    assert one.projector.asked[2]["with"] == {"steps": 25}
    expect(one.get("row-1")).to_contain_text("25 steps")
    assert one.pixels(row=1) == before, "the old film stays until the new one comes"
    one.projector.most = 1000
    one.forget()
    one.get("again").click()
    one.me.until(lambda: one.asked == 5, "both rows to ask")
    one.rests()
    one.scrub(33)
    expect(one.get("row-1")).to_contain_text("t = 68")


def test_a_film_that_is_cut_off_is_asked_for_again_and_a_complete_one_is_not(cinema) -> None:
    one = cinema("two", most=30)
    expect(one.get("status")).to_contain_text("still coming")
    one.me.until(lambda: one.t() == 71, "the film to wait where it ends for now")
    assert one.slider.evaluate("one => one.style.getPropertyValue('--here')") == "29%"
    one.get("back").click()
    one.shows(72)
    one.get("last").click()
    one.shows(0)  # the row of 20 steps is complete
    one.projector.most = 1000
    for link in one.projector.sockets:
        link.close(code=1011, reason="gone")
    one.me.until(lambda: len(one.projector.sockets) == 4, "both to come back")
    expect(one.get("status")).to_be_empty()
    one.rests()
    one.shows(0)
    assert [message["with"]["steps"] for message in one.projector.asked] == [100, 20, 100]


def test_a_newer_question_ends_the_film_that_is_coming(cinema) -> None:
    one = cinema("two", most=3)
    one.me.until(lambda: one.get("row-1").locator("canvas").count() == 3, "its first frames")
    one.me.slider("steps").focus()
    one.projector.most = 1000
    one.me.page.keyboard.press("ArrowRight")
    one.me.until(lambda: one.asked == 3, "the question, before the old film has ended")
    assert one.projector.asked[2]["id"] != one.projector.asked[1]["id"]


def test_a_refusal_is_a_sentence_under_the_film(cinema) -> None:
    one = cinema("refused")
    expect(one.get("status")).to_have_text("This model cannot be asked that; choose another sampler.")
    expect(one.get("play")).to_be_disabled()
    one.get("again").click()
    one.me.until(lambda: one.asked == 2, "to be asked again")


def test_one_of_many_pictures_is_shown_large(cinema) -> None:
    one = cinema("images", **CALM)
    one.shows(0)
    first = {screen: one.pixels(f"screen-{screen}") for screen in ("x_t", "x0", "eps")}
    grid = one.get("grid")
    grid.scroll_into_view_if_needed()
    box = grid.bounding_box()
    assert box
    one.me.page.mouse.click(box["x"] + 3.5 / 8 * box["width"], box["y"] + 2.5 / 8 * box["height"])
    expect(one.film.get_by_text("x_t, picture 20")).to_be_visible()
    one.drawn()
    assert all(one.pixels(f"screen-{screen}") != picture for screen, picture in first.items())
    grid.focus()
    for key, number in (("ArrowDown", 28), ("ArrowLeft", 27), ("ArrowUp", 19)):
        one.me.page.keyboard.press(key)
        expect(one.film.get_by_text(f"predicted x_0, picture {number}")).to_be_visible()
    one.shows(0)  # the arrows were the grid's
    all_of_them = one.pixels("grid")
    one.get("grid-x0").click()
    expect(one.film.get_by_text("All: predicted x_0")).to_be_visible()
    one.drawn()
    assert one.pixels("grid") != all_of_them
    assert one.asked == 1


@pytest.mark.parametrize("switch", ["paths", "density", "mesh"])
def test_a_switch_changes_what_is_drawn(cinema, switch: str) -> None:
    one = cinema("points", **CALM)
    one.shows(0)
    one.scrub(70)
    before, eps = one.pixels(), one.pixels("screen-eps")
    one.get(switch).click()
    one.drawn()
    assert one.pixels() != before
    assert (one.pixels("screen-eps") != eps) == (switch == "density")
    one.get(switch).click()
    one.drawn()
    assert one.pixels() == before


def test_a_word_of_the_legend_hides_its_layer(cinema) -> None:
    one = cinema("points", **CALM)
    one.shows(0)
    both = one.pixels()
    one.film.get_by_role("button", name="Data").click()
    one.drawn()
    model = one.pixels()
    assert model != both
    one.film.get_by_role("button", name="what the model makes").click()
    one.drawn()
    assert one.pixels() not in (both, model)


def test_the_forward_film_counts_t_up_and_has_histograms(cinema) -> None:
    one = cinema("forward", **CALM)
    one.shows(100)
    one.get("first").click()
    one.shows(0)
    high = one.get("screen-chain").evaluate("one => one.clientHeight - one.clientWidth")
    assert 50 < high < 70, "the histogram is under its screen"
    one.scrub(30)
    one.shows(30)


def test_between_two_layers_there_is_something_too(cinema) -> None:
    one = cinema("layers", **CALM)
    screens = ("h", "density", "stretch")
    place = one.get("t")
    expect(place).to_have_text("x = h₀, after all 4 layers")
    pictures = []
    for value in (1, 1.4, 1.5, 2):
        one.scrub(value)
        pictures.append([one.pixels(f"screen-{screen}") for screen in screens])
    assert [len({*those}) for those in zip(*pictures, strict=True)] == [4, 4, 4], "all move between layers"
    one.scrub(1.4)
    expect(place).to_have_text("between h₃ and h₂")
    assert [one.pixels(f"screen-{screen}") for screen in screens] == pictures[1]
    expect(one.get("row-0")).to_contain_text("Now back through layer f₃: layer 3")
    one.slider.focus()
    for key, words in (
        ("Shift+ArrowRight", "h₂, after 2 of 4 layers"), ("ArrowRight", "between h₂ and h₁"),
        ("Shift+ArrowLeft", "h₂, after 2 of 4 layers"), ("Home", "z = h₄, before any layer"),
        ("ArrowLeft", "z = h₄, before any layer"), ("ArrowRight", "between h₄ and h₃"),
        ("End", "x = h₀, after all 4 layers"),
    ):  # fmt: skip
        one.me.page.keyboard.press(key)
        expect(place).to_have_text(words)
    assert one.get("density").count() == 0, "the exact density has a screen: no switch guesses one"
    one.get("play").click()
    one.me.until(lambda: "between h₃" in place.inner_text(), "the film to play")
    one.get("play").click()
    here = place.inner_text()
    assert "between" in here, "it stops where it is"
    one.me.page.wait_for_timeout(200)
    assert (place.inner_text(), one.asked) == (here, 1)


def test_a_drawing_is_asked_about_when_its_stroke_ends(cinema) -> None:
    one = cinema("redraw")
    expect(one.get("status")).to_have_text("Draw a digit first.")
    pad = one.me.page.get_by_test_id("pad")
    box = pad.bounding_box()
    assert box
    mouse = one.me.page.mouse
    mouse.move(box["x"] + 50, box["y"] + 40)
    mouse.down()
    mouse.move(box["x"] + 120, box["y"] + 150, steps=6)
    one.me.page.wait_for_timeout(500)
    assert one.asked == 0, "the stroke has not ended"
    mouse.up()
    one.me.until(lambda: one.asked == 1, "the drawing to be asked about")
    ink = base64.b64decode(one.projector.asked[0]["with"]["drawing"])
    assert (len(ink), max(ink)) == (784, 255)
    one.rests()
    one.shows(0)
    one.me.page.get_by_test_id("pad-clear").click()
    expect(one.get("status")).to_have_text("Draw a digit first.")
    assert one.asked == 1


@pytest.mark.parametrize("name", ["two", "images", "redraw"])
def test_on_a_phone_nothing_is_wider_than_the_page(cinema, name: str) -> None:
    one = cinema(name, **PHONE)
    one.drawn()
    assert one.me.page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    if name == "redraw":
        return
    one.rests()
    places = [
        place
        for place in (canvas.bounding_box() for canvas in one.get("row-0").locator("canvas").all())
        if place
    ]
    assert places[0]["y"] == places[1]["y"], "two beside one another"
    assert places[2]["y"] > places[0]["y"]
    assert all(place["x"] >= 0 and place["x"] + place["width"] <= 390 for place in places)
    for button in one.film.locator(".controls button:visible").all():
        size = button.bounding_box()
        assert size
        assert min(size["width"], size["height"]) >= 40
