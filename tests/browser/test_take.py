"""Take home: a picture, a film, curves, the setting, and links, from recordings, runs at rest, and runs."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from lab.runs import files, store
from tests.browser.test_one_screen import boxes, enter
from tests.browser.visiting import Visitor

pytestmark = pytest.mark.browser

Come = Callable[..., Visitor]


def open_panel(me: Visitor, key: str = "share") -> None:
    me.page.locator(f".st-key-{key} button").click()
    me.page.get_by_test_id("keep").wait_for()


def taken(me: Visitor, what: str) -> tuple[str, bytes]:
    """The name and the bytes of a file."""
    with me.page.expect_download() as download:
        me.page.get_by_test_id(f"keep-{what}").click()
    me.until(lambda: download.value.suggested_filename in said(me), "the panel to say so")
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def said(me: Visitor) -> str:
    return me.page.get_by_test_id("keep-says").inner_text()


def colours(picture: Image.Image) -> int:
    return len(picture.convert("RGB").getcolors(1 << 24) or ())


@pytest.mark.parametrize(
    ("address", "name", "recording", "size", "ratio"),
    [
        ("/gan", "gan-ring", "gan-ring", "laptop", 2),
        ("/vae", "vae-digits", "vae-digits", "phone", 1),
        ("/style", "style-china-brushstrokes", "style-china", "large", 1),
    ],
)
def test_a_recordings_picture_film_and_curves(
    visitor: Come, address: str, name: str, recording: str, size: str, ratio: int
) -> None:
    me = enter(visitor, address, size, device_scale_factor=ratio)
    last = store.keyframes(store.RECORDINGS / recording)[-1]
    me.until(lambda: me.number("round") == last, "the last picture")
    open_panel(me)
    file, kept = taken(me, "picture")
    assert file == f"genlab-{name}-round-{last}.png"
    picture = Image.open(io.BytesIO(kept))
    if address != "/style":  # there the picture itself is kept, without what stands beside it
        assert list(picture.size) == me.canvas.evaluate("one => [one.width, one.height]")
        wide = me.canvas.evaluate("one => one.clientWidth")
        assert picture.width == pytest.approx(ratio * wide, abs=2)
    assert colours(picture) > 10
    file, kept = taken(me, "film")
    assert file == f"genlab-{name}-film.webp"
    film = Image.open(io.BytesIO(kept))
    assert film.n_frames == len(store.keyframes(store.RECORDINGS / recording))  # type: ignore[attr-defined]
    stills = []
    for at in range(film.n_frames):  # type: ignore[attr-defined]
        film.seek(at)
        stills.append(film.convert("RGB"))
        assert colours(stills[-1]) > 10
    assert len({still.tobytes() for still in stills}) == len(stills)
    file, kept = taken(me, "curves")
    assert file == f"genlab-{name}-curves.csv"
    rows = files.rows(store.RECORDINGS / recording / "metrics.jsonl")
    assert list(pd.read_csv(io.BytesIO(kept))["round"]) == [row["round"] for row in rows]
    file, kept = taken(me, "setting")
    assert (file, json.loads(kept)["family"]) == (f"genlab-{name}-setting.json", address.strip("/"))


def test_the_last_picture_of_a_film_is_that_of_the_stage(visitor: Come) -> None:
    me = enter(visitor, "/gan", "laptop")
    open_panel(me)
    picture = Image.open(io.BytesIO(taken(me, "picture")[1])).convert("RGB")
    film = Image.open(io.BytesIO(taken(me, "film")[1]))
    film.seek(film.n_frames - 1)  # type: ignore[attr-defined]
    last = film.convert("RGB").crop((0, 0, *picture.size))
    differ = [abs(a - b) for a, b in zip(picture.tobytes(), last.tobytes(), strict=True)]
    assert sum(differ) / len(differ) < 3  # of 255: WebP loses a little


def test_ones_own_run_at_an_earlier_round_its_links_and_what_is_said_when_it_is_gone(visitor: Come) -> None:
    me = visitor()
    me.open("/gan?width_G=8")
    me.untrained()
    open_panel(me)
    for what, why in (("curves", "not trained"), ("film", "one picture")):
        me.page.get_by_test_id(f"keep-{what}").click()
        me.until(lambda why=why: why in said(me), "why there is no file")
    assert me.page.get_by_test_id("keep-linkRun").is_hidden()
    me.page.keyboard.press("Escape")
    run = me.train()
    me.until(lambda: len(store.keyframes(me.lab.home / run)) > 12, "some kept rounds")
    me.pause()
    round = me.look_back(3)
    me.written()
    open_panel(me)
    assert taken(me, "picture")[0] == f"genlab-gan-ring-round-{round}.png"
    film = Image.open(io.BytesIO(taken(me, "film")[1]))
    assert film.n_frames == len(store.keyframes(me.lab.home / run))  # type: ignore[attr-defined]
    field = me.page.get_by_test_id("keep-linkRun")
    assert f"run={run}" in field.input_value()
    link = me.page.get_by_test_id("keep-linkSetting").input_value()
    assert (link.partition("?")[0], "run=" in link) == (f"{me.lab.url}/gan", False)
    friend = visitor()
    friend.open(link)
    rest = friend.untrained()
    assert friend.info(rest)["config"] == me.info(run)["config"]
    friend.open(field.input_value())
    friend.shows(run)
    shutil.move(me.lab.home / run, me.lab.home / "gone")
    try:
        for what in ("curves", "setting"):
            me.page.get_by_test_id(f"keep-{what}").click()
            me.until(lambda: f"There is no run {run}" in said(me), "a sentence")
    finally:
        shutil.move(me.lab.home / "gone", me.lab.home / run)


@pytest.mark.parametrize("secure", [True, False])
def test_a_link_is_copied_by_keyboard_also_without_https(visitor: Come, secure: bool) -> None:
    me = visitor()
    if not secure:  # as browsers do for http://192.168.1.2
        me.page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    me.open("/gan?lr_D=0.005")
    me.stage.wait_for()
    assert me.page.evaluate("navigator.clipboard !== undefined") == secure
    open_panel(me)
    me.page.get_by_test_id("copy-linkSetting").focus()
    me.page.keyboard.press("Enter")
    me.until(lambda: said(me) == "Copied: this setting.", "the panel to say so")
    me.page.keyboard.press("Escape")
    paste = "document.body.append(Object.assign(document.createElement('textarea'), { id: 'paste' }))"
    me.page.evaluate(paste)
    me.page.locator("#paste").focus()
    me.page.keyboard.press("Control+v")
    assert me.page.locator("#paste").input_value() == f"{me.lab.url}/gan?lr_D=0.005"


@pytest.mark.parametrize(
    ("address", "size", "mood"), [("/gan", "laptop", "light"), ("/vae", "phone", "dark")]
)
def test_the_panel_fits_the_window_and_everybody_can_use_it(
    visitor: Come, address: str, size: str, mood: str
) -> None:
    me = enter(visitor, address, size, color_scheme=mood)
    there = boxes(me)
    assert there["train"][0]["bottom"] <= there["high"]
    open_panel(me)
    me.still(me.page.get_by_test_id("keep"))
    box = me.page.get_by_test_id("keep").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= there["wide"]
    assert box["y"] + box["height"] <= there["high"]
    found = Axe().run(me.page, context={"include": [["[data-testid=stPopoverBody]"]]}).response["violations"]
    assert not found, json.dumps(found, indent=1)[:2000]


def test_the_panel_of_a_wall(visitor: Come) -> None:
    me = enter(visitor, "/wall", "laptop")
    open_panel(me)
    file, kept = taken(me, "setting")
    assert file == "genlab-gan-wall-ring-setting.json"
    assert urlsplit(json.loads(kept)["address"]).path == "/wall"
    assert taken(me, "picture")[0] == "genlab-gan-wall-ring-round-0.png"


def test_of_runs_side_by_side_each_is_taken_home(visitor: Come) -> None:
    name, recordings = "gan-lr-d-{}-ring", {"left": "gan-ring", "right": "gan-ring-collapse"}
    me = visitor()
    me.open("/compare")
    me.until(lambda: me.page.get_by_test_id("keep").count() == 0, "no panel yet")
    panels = me.page.locator("[class*=st-key-share-]")
    for side, (title, recording) in zip((0, -1), recordings.items(), strict=True):
        last = store.keyframes(store.RECORDINGS / recording)[-1]
        me.until(
            lambda side=side, last=last: me.stage.nth(side).get_attribute("data-round") == str(last), "it"
        )
        panels.nth(side).get_by_role("button").first.click()
        me.page.get_by_test_id("keep").wait_for()
        file, kept = taken(me, "picture")
        assert file == f"genlab-{name.format(title)}-round-{last}.png"
        shown = me.stage.nth(side).locator("canvas.canvas")
        assert list(Image.open(io.BytesIO(kept)).size) == shown.evaluate("one => [one.width, one.height]")
        _, curves = taken(me, "curves")
        rounds = list(pd.read_csv(io.BytesIO(curves))["round"])
        assert rounds == [row["round"] for row in files.rows(store.RECORDINGS / recording / "metrics.jsonl")]
        me.page.keyboard.press("Escape")
        me.page.get_by_test_id("keep").wait_for(state="detached")
