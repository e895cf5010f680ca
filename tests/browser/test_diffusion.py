"""A student in the room of diffusion, with a model of his own: scrubs, plays, steps, changes the sampler."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.visiting import MOVING, Visitor

pytestmark = pytest.mark.browser

Come = Callable[..., Visitor]
SMALL = "T=20&steps=10&width=16&depth=1&batch=32"


class Films:
    """The films of a room's tab."""

    def __init__(self, me: Visitor, address: str, own: bool = True) -> None:
        """With a run of one's `own`, a little trained; or with what the room opens with."""
        self.me = me
        me.open(address)
        self.of = "model of round"
        if own:
            me.train()
            me.until(lambda: me.number("now") > 50, "a net that predicts noise: a new one predicts none")
            self.of += f" {me.pause():,}"
        me.written()

    def get(self, name: str) -> Locator:
        return self.me.page.get_by_test_id(f"film-{name}")

    def go(self, tab: str) -> None:
        self.me.page.get_by_role("tab", name=tab, exact=True).click()
        self.me.written()

    def ends(self, text: str) -> None:
        """Wait until the film, of the model as it is now, has come whole and played to its end; it begins
        when it is in sight."""
        self.me.still(self.get("play"))
        self.get("row-0").scroll_into_view_if_needed()
        expect(self.get("row-0")).to_contain_text(self.of)
        expect(self.get("t")).to_have_text(text)
        expect(self.get("play")).to_have_text("Play")

    def pixels(self, screen: str = "x_t", row: int = 0) -> str:
        self.me.drawn()
        name = screen if screen == "grid" else f"screen-{screen}"
        return self.get(name).nth(row).evaluate("canvas => canvas.toDataURL()")


def test_a_student_scrubs_forward_plays_reverse_steps_and_changes_the_sampler(visitor: Come) -> None:
    me = visitor(**MOVING)
    asked: list[str] = []

    def heard(message: str | bytes) -> None:
        if '"ask"' in str(message):
            asked.append(str(message))

    me.page.on("websocket", lambda socket: socket.on("framesent", heard))
    films = Films(me, f"/ddpm?data=moons&{SMALL}&tab=Forward")
    films.ends("t = 20 of 20")

    # forward: the slider, and nobody is asked
    before = len(asked)
    noise = films.pixels()
    films.get("slider").focus()
    me.page.keyboard.press("Home")
    expect(films.get("t")).to_have_text("t = 0 of 20")
    data = films.pixels()
    assert data != noise
    assert films.pixels("chain") != noise
    for t in (1, 2, 3):
        me.page.keyboard.press("ArrowRight")
        expect(films.get("t")).to_have_text(f"t = {t} of 20")
    assert films.pixels() not in (noise, data)
    assert len(asked) == before

    # reverse: plays by itself to t = 0; step back and forth
    films.go("Reverse")
    expect(films.get("screen-eps")).to_have_count(1)
    films.ends("t = 0 of 20")
    expect(films.get("row-0")).to_contain_text("DDPM, 10 steps")
    expect(films.get("row-1")).to_have_count(0)
    last = films.pixels()
    films.get("back").click()
    expect(films.get("t")).to_have_text("t = 2 of 20")
    assert films.pixels() != last
    films.get("forth").click()
    expect(films.get("t")).to_have_text("t = 0 of 20")
    assert films.pixels() == last
    expect(films.get("screen-x0")).to_have_count(1)

    # another sampler from the same noise: other samples, and no more than its own number of steps
    me.select("sampler-One-walk-0", "DDIM")
    expect(films.get("row-0")).to_contain_text("DDIM, 10 steps, η = 0")
    me.until(lambda: films.pixels() != last, "another film")
    films.ends("t = 0 of 20")
    assert films.pixels() != last

    # two walks from one noise
    me.page.get_by_test_id("stButtonGroup").get_by_text("Stochastic and deterministic").click()
    expect(films.get("row-1")).to_contain_text("DDIM, 10 steps, η = 0")
    expect(films.get("row-0")).to_contain_text("DDPM, 10 steps")
    films.ends("t = 0 of 20")
    assert films.pixels(row=0) != films.pixels(row=1)
    films.get("slider").focus()
    me.page.keyboard.press("Home")
    expect(films.get("t")).to_have_text("t = 20 of 20")


def test_64_pretrained_digits_come_out_of_noise_and_are_stepped_through(visitor: Come) -> None:
    me = visitor()
    films = Films(me, "/ddpm?tab=Reverse", own=False)
    films.ends("t = 0 of 200")
    expect(films.get("row-0")).to_contain_text("DDIM, 20 steps")
    expect(films.get("row-0")).to_contain_text("model of round 10,000")
    assert not me.run  # nothing was trained for it
    digit, grid = films.pixels("x0"), films.pixels("grid")
    films.get("slider").focus()
    me.page.keyboard.press("Home")
    expect(films.get("t")).to_have_text("t = 200 of 200")
    seen = {films.pixels("x_t")}
    for t in range(190, -1, -10):
        me.page.keyboard.press("ArrowRight")
        expect(films.get("t")).to_have_text(f"t = {t} of 200")
        seen.add(films.pixels("x_t"))
    assert len(seen) == 21
    assert films.pixels("x0") == digit
    films.get("grid").focus()
    me.page.keyboard.press("ArrowRight")
    me.until(lambda: films.pixels("x0") != digit, "the next digit, large")
    assert films.pixels("grid") != grid  # another one is framed


def test_a_link_opens_a_comparison_and_the_slide_is_seen_to_be_wrong(visitor: Come) -> None:
    me = visitor()
    films = Films(me, f"/ddpm?data=moons&{SMALL}&tab=Slips+in+the+slides")
    expect(films.get("row-0")).to_contain_text("as in the paper")
    expect(films.get("row-1")).to_contain_text("as on the slide")
    films.ends("t = 0 of 20")
    assert films.pixels(row=0) != films.pixels(row=1)


def test_the_room_of_flow_matching_walks_too_on_a_phone(visitor: Come) -> None:
    me = visitor(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    films = Films(me, f"/flow-matching?data=moons&{SMALL}&tab=Reverse")
    films.ends("t = 0 of 20")
    expect(films.get("row-0")).to_contain_text("Euler, 10 steps")
    assert me.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert me.page.get_by_test_id("stMain").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
