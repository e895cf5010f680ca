"""A visitor: one browser of its own, in which nothing may go wrong unseen."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Locator, Page, Request, expect

from engine.families import families
from lab.server import PAGES
from tests.serving import Lab

SECONDS = 120.0  # after which nothing is expected any more; a noisy machine may need most of it
expect.set_options(timeout=SECONDS * 1000)

# the teacher's page is for a class (tests/pages/test_class_page.py)
_PAGED = {file.stem.replace("_", "-") for file in PAGES.glob("*.py") if file.stem not in ("map", "class")}
ADDRESSES = ["/", *sorted(f"/{name}" for name in _PAGED | {*families()})]


# To draw motion takes a core of the processor: tests see it only where they look at it.
CALM, MOVING = {"reduced_motion": "reduce"}, {"reduced_motion": "no-preference"}


class Visitor:
    """A browser with its own key, on one page at a time; `troubles` is what its consoles say."""

    def __init__(
        self, browser: Browser, lab: Lab, left: BrowserContext | None = None, **options: Any
    ) -> None:
        """In a new browser, or in one that somebody has left."""
        self.lab = lab
        self.troubles: list[str] = []
        self.browser = left or browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        self.browser.set_default_timeout(SECONDS * 1000)
        self.page = self.tab()

    def tab(self) -> Page:
        """A new tab, which becomes the one that is looked at."""
        page = self.page = self.browser.new_page()
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.troubles.append(f"exception: {error}"))
        page.on("response", lambda r: r.status >= 400 and self.troubles.append(f"{r.status} {r.url}"))
        page.on("request", self._requested)
        return page

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(f"{message.type}: {message.text}")

    def _requested(self, request: Request) -> None:
        if not request.url.startswith((f"{self.lab.url}/", "blob:", "data:")):
            self.troubles.append(f"from outside: {request.url}")

    # --- what is on the page -----------------------------------------------------------------

    @property
    def stage(self) -> Locator:
        return self.page.get_by_test_id("stage")

    @property
    def canvas(self) -> Locator:
        return self.stage.locator("canvas.canvas")

    def button(self, name: str) -> Locator:
        return self.stage.get_by_test_id(name)

    def slider(self, knob: str) -> Locator:
        return self.page.locator(f".st-key-{knob}").get_by_role("slider")

    def says(self, name: str) -> str:
        """What the stage says of itself: run, state, frames, round, now."""
        return self.stage.get_attribute(f"data-{name}") or ""

    def number(self, name: str) -> int:
        return int(self.says(name) or 0)

    @property
    def run(self) -> str:
        """The run in the address."""
        _, _, rest = self.page.url.partition("run=")
        return rest.partition("&")[0]

    # --- what a visitor does -----------------------------------------------------------------

    def open(self, address: str) -> None:
        """Open an address and wait until the page is written."""
        self.page.goto(self.lab.url + address if address.startswith("/") else address)
        self.written()

    def written(self) -> None:
        done = self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]")
        done.wait_for(state="attached")
        assert self.page.get_by_test_id("stException").all_inner_texts() == []

    def until(self, true: Callable[[], Any], what: str, seconds: float = SECONDS) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"not within {seconds:g} s: {what}{self.seen()}"
            self.page.wait_for_timeout(30)

    def seen(self) -> str:
        """What is on the screen, for whoever reads of a failure."""
        lines = ["", self.page.url, *self.stage.all_inner_texts()]
        if self.stage.count():
            lines.append(self.stage.first.evaluate("stage => JSON.stringify(stage.dataset)"))
        if self.run:
            with suppress(OSError):  # an address may name a run that is not there
                lines.append(str(self.info()))
        return "\n  ".join([*lines, *self.troubles])

    def still(self, part: Locator) -> None:
        """Wait until a part of the page keeps its place, half a second long: what loads above it moves it."""
        self.written()
        place, times = None, 0
        while times < 3:
            times = times + 1 if place == (place := part.bounding_box()) else 0
            self.page.wait_for_timeout(200)

    def centre(self, part: Locator) -> None:
        """Scroll a part of the page to the middle of the window, where no bar of the page covers it."""
        part.evaluate("part => part.scrollIntoView({ block: 'center' })")
        self.drawn()

    def select(self, key: str, name: str) -> None:
        """Choose this option of the select box with this key. A box that is drawn anew meanwhile loses what
        was typed, and a page that scrolls closes its menu."""
        box = self.page.locator(f".st-key-{key}").get_by_role("combobox")

        def chosen() -> bool:
            with suppress(Error):
                self.centre(box)
                box.fill(name, timeout=2000)
                self.page.get_by_role("option", name=name, exact=True).click(timeout=2000)
                self.written()
            return box.input_value() == name and box.get_attribute("aria-expanded") == "false"

        self.until(chosen, f"the choice of {name}")

    def drawn(self) -> None:
        """Wait until what has happened is on the screen."""
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def shows(self, run: str) -> None:
        self.until(lambda: self.says("run") == run, f"a picture of run {run}")

    def moves(self) -> None:
        """The picture changes: the stage counts new frames, and the pixels are other ones."""
        first, picture = self.number("frames"), self.canvas.screenshot()
        self.until(lambda: self.number("frames") >= first + 2, "two more frames")
        self.until(lambda: self.canvas.screenshot() != picture, "other pixels")

    def train(self) -> str:
        """Press Train in a room that shows a recording, or a model at rest; the id of the run that trains.
        The button has its place once the picture has: a press while it moves would miss it."""
        self.until(lambda: self.number("frames"), "a picture")
        self.still(self.button("play"))
        self.button("play").click()
        self.until(lambda: self.run, "a run in the address")
        self.shows(self.run)
        self.until(lambda: self.number("now") > 0, "the first round")
        return self.run

    def untrained(self) -> str:
        """Wait for the picture of a model that has not trained yet; its run."""
        self.until(lambda: self.says("state") == "ready" and self.says("run"), "a model at rest")
        assert not self.run
        return self.says("run")

    def pause(self) -> int:
        """Pause the run on the stage; its round."""
        self.button("play").click()
        return self.rests()

    def rests(self) -> int:
        """Wait until the run has paused and its last picture is shown; its round. The button shows at once
        what will probably follow, and a picture may still be on its way: what is spoken is the server's."""
        self.until(lambda: self.info()["state"] == "paused", "the run to pause")
        spoken = self.stage.locator(".spoken")
        self.until(lambda: "paused" in (spoken.text_content() or ""), "the server to say so")
        round = int(re.sub(r"\D", "", (spoken.text_content() or "").partition("·")[0]))
        shown = lambda: (self.number("now"), self.number("round")) == (round, round)  # noqa: E731
        self.until(shown, f"the picture of round {round}")
        return round

    def look_back(self, steps: int) -> int:
        """Scrub to the keyframe so many steps before now; its round."""
        self.button("scrub").focus()
        for _ in range(steps):
            self.page.keyboard.press("ArrowLeft")
        chip = self.button("chip")
        chip.wait_for()
        round = int(chip.inner_text().split()[-1].replace(",", ""))
        self.until(lambda: self.number("round") == round, f"the picture of round {round}")
        return round

    def at_rest(self) -> str:
        """The picture when its last points have glided to their places."""
        picture = ""
        while picture != (picture := self.canvas.evaluate("canvas => canvas.toDataURL()")):
            self.page.wait_for_timeout(400)
        return picture

    # --- what is on the disk -----------------------------------------------------------------

    def info(self, run: str = "") -> dict[str, Any]:
        return json.loads((self.lab.home / (run or self.run) / "run.json").read_text())

    def commands(self, run: str = "") -> list[dict[str, Any]]:
        log = self.lab.home / (run or self.run) / "commands.jsonl"
        lines = log.read_text().splitlines(keepends=True) if log.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]  # the last may be half written

    def leave(self) -> None:
        """Close this browser; a run of its own in training is paused first and takes no more time."""
        self.forget()
        self.browser.close()

    def forget(self) -> None:
        """Close all pages, and forget whose browser it was; what it has loaded, it keeps."""
        for page in self.browser.pages:
            self.page = page
            shown = self.run and self.stage.count()
            if shown and self.info()["state"] == "training" and self.button("play").is_enabled():
                self.pause()
            page.evaluate("try { localStorage.clear() } catch { /* a page of nobody has none */ }")
            page.close()
        self.browser.clear_cookies()
        self.browser.clear_permissions()
