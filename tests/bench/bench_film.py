"""How long a film of 64 pretrained digits takes to come, and a frame of it to draw, in headless Chromium:
`python -m tests.bench.bench_film`."""

from __future__ import annotations

import statistics
import sys
import time
from itertools import pairwise

from playwright.sync_api import Browser, WebSocket

from tests.bench.bench_stage import visits
from tests.bench.benching import settings
from tests.browser.visiting import Visitor
from tests.serving import Lab

TARGETS = {  # the most that is allowed
    "asked to last frame, s": 6.0,
    "a scrubbed frame's script, ms": 16.0,
    "questions while scrubbing": 0.0,
    "console errors": 0.0,
}


def visit(lab: Lab, browser: Browser) -> dict[str, float]:
    me = Visitor(browser, lab)
    asked: list[float] = []
    came: list[float] = []
    ended: list[float] = []

    def heard(message: str | bytes) -> None:
        if isinstance(message, bytes):
            came.append(time.monotonic())
        elif '"end"' in message:
            ended.append(time.monotonic())

    def opened(socket: WebSocket) -> None:
        if "quiet" in socket.url:
            socket.on("framesent", lambda text: asked.append(time.monotonic()) if '"ask"' in text else None)
            socket.on("framereceived", heard)

    me.page.on("websocket", opened)
    me.page.goto(f"{lab.url}/ddpm?tab=Reverse")
    film = me.page.get_by_test_id("film")
    film.scroll_into_view_if_needed()
    me.until(lambda: ended, "the end of the film")
    me.until(lambda: film.get_by_test_id("film-play").inner_text() == "Play", "the end on the screen")
    film.get_by_test_id("film-slider").focus()
    draws = []
    for key in ["Home", *["ArrowRight"] * 20]:
        me.page.keyboard.press(key)
        me.page.wait_for_timeout(50)
        draws.append(float(film.get_attribute("data-draw") or 0))
    me.leave()
    return {
        "frames": len(came),
        "asked to first frame, s": came[0] - asked[0],
        "asked to last frame, s": came[-1] - asked[0],
        "longest between two frames, s": max(b - a for a, b in pairwise(came)),
        "a scrubbed frame's script, ms": statistics.median(draws),
        "questions while scrubbing": len(asked) - 1,
        "console errors": len(me.troubles),
    }


def main() -> int:
    given = settings(__doc__, times=(3, 1))
    return 0 if visits(visit, TARGETS, given.times) or given.quick else 1


if __name__ == "__main__":
    sys.exit(main())
