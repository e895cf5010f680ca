"""How fast a room opens and moves, in headless Chromium: `python -m tests.bench.bench_stage`.

Times are taken inside the page, from the start of its navigation, at the moment the stage draws.
"""

from __future__ import annotations

import io
import os
import statistics
import sys
import tempfile
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.bench.benching import family_of, processor, settings
from tests.browser.visiting import Visitor
from tests.serving import Lab, start_lab, stop_lab

TARGETS = {  # the most that is allowed, or the least where it is negative
    "moves, first visit, s": 2.0,
    "moves, second visit, s": 2.0,
    "Train to first frame, s": 1.0,
    "frames drawn a second": -20.0,
    "server, % of a core": 5.0,
    "remounts": 0.0,
    "blank pictures": 0.0,
    "console errors": 0.0,
}
NOTES = """
    window.bench = { drawn: [], trained: [], pressed: null, first: null, stages: 0 };
    const own = Element.prototype.setAttribute;
    Element.prototype.setAttribute = function (name, value) {
        own.call(this, name, value);
        if (name === "data-testid" && value === "stage") bench.stages += 1;
        if (name === "data-frames") bench.drawn.push(performance.now());
        if (name === "data-round" && bench.pressed && !bench.first && Number(value) > 0
            && this.getAttribute("data-run") !== bench.run) bench.first = performance.now();
    };
    window.addEventListener("click", (event) => {
        if (!event.composedPath().some((one) => one.dataset?.testid === "play")) return;
        bench.pressed = performance.now();
        bench.run = event.composedPath().find((one) => one.dataset?.testid === "stage").dataset.run;
    }, true);
"""


def opens(me: Visitor) -> float:
    """Seconds from the navigation until the room has drawn two pictures that differ."""
    me.page.add_init_script(NOTES)
    me.page.goto(f"{me.lab.url}/gan")
    me.stage.wait_for()
    me.until(lambda: me.page.evaluate("bench.drawn.length") >= 2, "two pictures")
    moved = me.page.evaluate("bench.drawn[1]") / 1000
    me.moves()
    return moved


@contextmanager
def pictures(me: Visitor) -> Iterator[list[bytes]]:
    """What the screen shows meanwhile, each change of it, as JPEG."""
    shown: list[bytes] = []
    session = me.browser.new_cdp_session(me.page)

    def keep(event: dict) -> None:
        shown.append(b64decode(event["data"]))
        session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    session.on("Page.screencastFrame", keep)
    session.send("Page.startScreencast", {"format": "jpeg", "quality": 60})
    yield shown
    session.send("Page.stopScreencast")
    session.detach()


def blank(pictures: list[bytes], me: Visitor) -> int:
    """How many of these pictures have nothing on the canvas."""
    box = me.canvas.bounding_box()
    viewport = me.page.viewport_size
    assert box
    assert viewport
    count = 0
    for data in pictures:
        image = Image.open(io.BytesIO(data)).convert("L")
        scale = image.width / viewport["width"]
        edges = (box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"])
        inside = np.asarray(image.crop(tuple(int(edge * scale) for edge in edges)), float)
        count += inside[20:-20, 20:-20].std() < 2
    return count


def visit(lab: Lab, browser: Browser, watched_for: float = 10.0) -> dict[str, float]:
    me = Visitor(browser, lab)
    measured = {"moves, first visit, s": opens(me)}
    me.page.close()
    me.tab()
    measured["moves, second visit, s"] = opens(me)
    me.train()
    me.until(lambda: me.page.evaluate("bench.first") is not None, "the first frame")
    measured["Train to first frame, s"] = me.page.evaluate("bench.first - bench.pressed") / 1000
    hidden = me.stage.locator(".word[aria-pressed=false]")
    while hidden.count():  # every layer on
        hidden.first.click()
    me.page.wait_for_timeout(2000)

    watched = family_of(lab.process.pid)
    frames, before, start = me.number("frames"), processor(watched), time.monotonic()
    me.page.wait_for_timeout(1000 * watched_for)
    seconds = time.monotonic() - start
    after = processor(watched)
    server, *workers = (100 * (after[pid] - before[pid]) / seconds for pid in watched if pid in after)
    measured["frames drawn a second"] = (me.number("frames") - frames) / seconds
    measured["server, % of a core"] = server
    measured["workers, % of a core"] = sum(workers)

    with pictures(me) as shown:  # where a picture could vanish: at a knob, a pause, a rewind, another run
        me.slider("lr_G").focus()
        me.page.keyboard.press("ArrowLeft")
        me.until(lambda: me.info()["config"]["lr_G"] != 0.001, "the knob")
        me.pause()
        me.look_back(3)
        me.button("rewind").click()
        me.until(lambda: me.info()["state"] == "paused", "the rewind")
        me.slider("k").focus()
        me.page.keyboard.press("ArrowRight")
        me.until(lambda: me.info()["config"]["k"] == 2, "another k")
        old = me.run
        me.button("scrub").focus()
        me.page.keyboard.press("ArrowLeft")
        me.button("fork").click()
        me.until(lambda: me.run != old, "a fork")
        me.shows(me.run)
    measured["pictures looked at"] = len(shown)
    measured["blank pictures"] = blank(shown, me)
    measured["remounts"] = me.page.evaluate("bench.stages") - 1
    me.leave()
    measured["console errors"] = len(me.troubles)
    for trouble in me.troubles:
        print("console:", trouble)
    return measured


def visits(visit: Callable[[Lab, Browser], dict[str, float]], targets: dict[str, float], times: int) -> bool:
    """Print what so many visits found, each in a new browser, beside the targets. True if none is broken
    that is 0."""
    load = os.getloadavg()[0]
    measurements: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as home:
        lab = start_lab(Path(home) / "runs")
        try:
            with sync_playwright() as playwright:
                for _ in range(times):
                    browser = playwright.chromium.launch(
                        executable_path="/usr/bin/chromium", args=["--no-sandbox"]
                    )
                    measurements.append(visit(lab, browser))
                    browser.close()
        finally:
            stop_lab(lab)
    print(f"{os.cpu_count()} cores, load {load:.1f} before; {times} visits in new browsers, then the median")
    broken = False
    for name in measurements[0]:
        values = [one[name] for one in measurements]
        target = targets.get(name)
        middle = statistics.median(values)
        kept = target is None or (middle <= target if target >= 0 else middle >= -target)
        broken |= target == 0 and not kept
        aim = "" if target is None else f"{'at most' if target >= 0 else 'at least'} {abs(target):g}"
        row = " ".join(f"{value:8.2f}" for value in [*values, middle])
        print(f"{name:36} {row}   {aim:12} {'' if kept else 'MISSED'}")
    return not broken


def main() -> int:
    given = settings(__doc__, times=(3, 1), seconds=(10.0, 1.0))
    kept = visits(lambda lab, browser: visit(lab, browser, given.seconds), TARGETS, given.times)
    return 0 if kept or given.quick else 1


if __name__ == "__main__":
    sys.exit(main())
