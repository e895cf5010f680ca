"""How fast the list of runs opens when there are 500: `python -m tests.bench.bench_runs`.

The runs have the pictures of the lab's recordings, and ids, owners, seeds, states and dates of their own.
Times count from the start of the navigation in headless Chromium: to the title, where Streamlit is up, and
to the last of the rows whose picture is drawn. The page's script is timed in this process, without a browser:
cold, when no run is known, and warm.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path
from unittest.mock import patch

from playwright.sync_api import Browser, sync_playwright
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from lab.runs import inventory, store
from tests.bench.benching import settings
from tests.browser.visiting import Visitor
from tests.serving import Lab, start_lab, stop_lab

HOME = Path(store.__file__).parents[1] / "home.py"
PAGE = 20  # rows
TARGET = 1.0  # s, the most that the page itself is allowed
TALL = {"viewport": {"width": 1280, "height": 3600}}  # every row in sight: only what is in sight is drawn
WATCH = """
    const roots = [], own = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (how) {
        roots.push(own.call(this, how));
        return roots.at(-1);
    };
    const drawn = () => roots.filter((root) => root.host.isConnected && root.querySelector("[data-drawn]"));
    const when = (reached) => new Promise((done, fail) => {
        setTimeout(() => fail(`${drawn().length} pictures after a minute`), 60000);
        const look = () => reached() ? done(performance.now()) : requestAnimationFrame(look);
        look();
    });
    window.titled = when(() => document.querySelector("h1"));
    window.shows = (count) => when(() => drawn().length === count);
    window.addEventListener("keydown", () => (window.pressed = performance.now()), true);
"""


def fill(home: Path, count: int) -> None:
    """Make so many runs there. Their pictures are links to one copy of the recordings."""
    shutil.copytree(store.RECORDINGS, kept := home.with_name("recordings"))
    for number, recording in zip(range(count), cycle(sorted(kept.iterdir())), strict=False):
        at = home / f"run-{number:06}"
        shutil.copytree(recording, at, copy_function=os.link)
        (at / "lock").touch()
        state = "paused" if number % 10 else "training"  # by nobody, as its lock tells
        store.change_info(at, owner=f"{number % 30}", seed=number, created=1.7e9 + 1000 * number, state=state)


def visit(lab: Lab, browser: Browser, number: int) -> dict[str, float]:
    """Seconds until all rows have their pictures: in a new browser, once more, and with a filter."""
    measured = {}
    me = Visitor(browser, lab, **TALL)
    for which in ("first", "second"):
        me.page.add_init_script(WATCH)
        me.page.goto(f"{lab.url}/runs", wait_until="commit")
        shown, titled = (me.page.evaluate(what) / 1000 for what in (f"shows({PAGE})", "titled"))
        measured |= {f"title, {which} visit, s": titled, f"pictures, {which} visit, s": shown}
        measured[f"from title to pictures, {which}, s"] = shown - titled
        me.written()
        if which == "first":
            me.page.close()
            me.tab()
    field = me.page.get_by_label("Words in title")
    field.fill(f"run-{number:06}")
    field.press("Enter")
    measured["filter by a word, s"] = me.page.evaluate("shows(1).then((now) => now - pressed)") / 1000
    me.leave()
    assert not me.troubles, me.troubles
    return measured


def scripts(times: int) -> dict[str, list[float]]:
    """Seconds of the page's script and of reading the list alone, when no run is known and when all are."""
    page = AppTest.from_file(HOME, default_timeout=300)
    page._page_hash = calc_hash("runs")
    page.run()  # which imports what it needs
    took: dict[str, list[float]] = {}
    for name, work in (("listing", inventory.listing), ("script", page.run)):
        for _ in range(times):
            inventory._kept.cache_clear()
            for how in ("cold", "warm"):
                start = time.perf_counter()
                work()
                took.setdefault(f"{name}, {how}, s", []).append(time.perf_counter() - start)
    assert not page.exception
    return took


def main() -> int:
    given = settings(__doc__, times=(5, 1), runs=(500, 40))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "runs"
        fill(home, given.runs)
        lab = start_lab(home)
        try:
            with sync_playwright() as playwright:
                measured: dict[str, list[float]] = {}
                for number in range(given.times):
                    browser = playwright.chromium.launch(
                        executable_path="/usr/bin/chromium", args=["--no-sandbox"]
                    )
                    for name, took in visit(lab, browser, given.runs - 1 - number).items():
                        measured.setdefault(name, []).append(took)
                    browser.close()
        finally:
            stop_lab(lab)
        os.environ |= {"GENLAB_HOME": str(home), "GENLAB_DEVICE": "cpu"}
        with patch.object(ContextProxy, "cookies", {"genlab": "ann"}):  # AppTest has none
            measured |= scripts(given.times)
    print(f"{given.runs} runs, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; the last is the median")
    for name, values in measured.items():
        middle = statistics.median(values)
        row = " ".join(f"{value:7.3f}" for value in [*values, middle])
        late = middle > TARGET and not name.endswith("visit, s")  # which Streamlit's own start is part of
        print(f"{name:32} {row} {'MISSED' if late else ''}".rstrip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
