"""How many bytes a room sends to a browser: `python tests/bench/bench_bytes.py [--quick]`.

Over HTTP what is transferred, as compressed; over Streamlit's socket what its messages hold. The pictures of
the run (`/live`) are not counted. `--quick` visits the GAN's room twice.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.browser.visiting import Visitor
from tests.serving import Lab, start_lab, stop_lab

WINDOW = 2000  # ms; a page is done when it got next to nothing in so long
NOTHING = 5000  # bytes in a window: what the page asks for now and then, of its run's state


class Meter:
    """Counts what one tab receives."""

    def __init__(self, me: Visitor) -> None:
        self.me = me
        self.http = self.stream = self.files = 0
        self.sockets: dict[str, str] = {}
        session = me.browser.new_cdp_session(me.page)
        session.on("Network.loadingFinished", self._loaded)
        session.on("Network.webSocketCreated", lambda e: self.sockets.update({e["requestId"]: e["url"]}))
        session.on("Network.webSocketFrameReceived", self._received)
        session.send("Network.enable")

    def _loaded(self, event: dict) -> None:
        self.http += int(event["encodedDataLength"])
        self.files += event["encodedDataLength"] > 0

    def _received(self, event: dict) -> None:
        if "/_stcore/stream" in self.sockets.get(event["requestId"], ""):
            response = event["response"]
            data = response["payloadData"]
            self.stream += len(data) * 3 // 4 if response["opcode"] == 2 else len(data)  # base64 if binary

    def measure(self, name: str, act: Callable[[], object]) -> None:
        """Print what comes from this act on, until nothing more comes."""
        before = (self.http, self.files, self.stream)
        act()
        told = 0
        while (now := self.http + self.stream) - told > NOTHING:
            told = now
            self.me.page.wait_for_timeout(WINDOW)
        http, files, stream = (
            after - then for after, then in zip((self.http, self.files, self.stream), before, strict=True)
        )
        print(f"{name:44} {http:11,} {files:6} {stream:11,}", flush=True)


def press(me: Visitor, knob: str) -> None:
    me.slider(knob).focus()
    me.page.keyboard.press("ArrowRight")


def choose(me: Visitor, knob: str, number: int) -> None:
    run = me.says("run")
    me.page.get_by_role("combobox", name=knob).click()
    me.page.get_by_role("option").nth(number).click()
    me.until(lambda: me.says("run") != run, "another run on the stage")


def open_tab(me: Visitor, name: str, part: str) -> None:
    me.page.get_by_role("tab", name=name, exact=True).click()
    me.page.get_by_test_id(part).first.wait_for()


def gan(lab: Lab, browser: Browser, quick: bool) -> None:
    me = Visitor(browser, lab)

    def visit() -> None:
        me.page.goto(f"{lab.url}/gan")
        me.moves()

    Meter(me).measure("GAN, first visit", visit)
    me.page.close()
    me.tab()
    meter = Meter(me)
    meter.measure("GAN, second visit, same browser", visit)
    if quick:
        me.leave()
        return
    meter.measure("GAN, Train: another run on the stage", me.train)
    meter.measure("GAN, a knob of the run that trains", lambda: press(me, "lr_G"))
    meter.measure("GAN, other data: another run on the stage", lambda: choose(me, "Data", 1))
    me.leave()


def tabs(lab: Lab, browser: Browser) -> None:
    for room, tab, part in (
        ("vae", "Draw a digit", "coder"),
        ("ddpm", "Reverse", "film"),
        ("real-nvp", "A point", "passage"),
    ):
        me = Visitor(browser, lab)
        meter = Meter(me)
        meter.measure(f"{room}, first visit", lambda me=me, room=room: me.open(f"/{room}"))
        meter.measure(f"{room}, tab {tab!r}", lambda me=me, tab=tab, part=part: open_tab(me, tab, part))
        me.browser.close()


def main(quick: bool) -> None:
    print(f"{'bytes':44} {'HTTP':>11} {'files':>6} {'Streamlit':>11}")
    with tempfile.TemporaryDirectory() as home:
        lab = start_lab(Path(home) / "runs")
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path="/usr/bin/chromium", args=["--no-sandbox"]
                )
                gan(lab, browser, quick)
                if not quick:
                    tabs(lab, browser)
                browser.close()
        finally:
            stop_lab(lab)


if __name__ == "__main__":
    main("--quick" in sys.argv)
