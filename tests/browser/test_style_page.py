"""A student in the room of style transfer: brings a picture, watches, pauses, changes a weight, takes the
result and its making-of home."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.visiting import Visitor

pytestmark = pytest.mark.browser

SMALL = "size=64"


def upside(path: Path) -> Path:
    """A photograph of 60 x 40 pixels, blue over red, that a camera has stored lying on its side."""
    image = Image.new("RGB", (40, 60), "red")
    image.paste("blue", (0, 0, 20, 60))
    turned = Image.Exif()
    turned[274] = 6  # orientation: turn it right by a quarter to see it upright
    image.save(path, exif=turned)
    return path


def test_a_student_brings_a_picture_changes_a_weight_and_takes_the_result_home(
    visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    me = visitor()
    me.open(f"/style?{SMALL}")
    first = me.train()

    # a text file is refused, and the run stays; then a photograph, which is turned upright
    me.page.locator(".st-key-picture-content").get_by_role("radio", name="Upload").click()
    chooser = me.page.locator(".st-key-file-content input[type=file]")
    (tmp_path / "words.png").write_text("no picture")
    chooser.set_input_files(tmp_path / "words.png")
    expect(me.page.get_by_test_id("stAlert")).to_contain_text("not a PNG, JPEG or WebP")
    assert me.run == first
    chooser.set_input_files(upside(tmp_path / "camera.jpg"))
    me.until(lambda: not me.run, "another picture, at rest")
    me.written()
    me.train()
    assert me.info()["data"].startswith("photo-")
    assert me.info()["data"].endswith(".brushstrokes")
    expect(me.page.get_by_test_id("stAlert")).to_have_count(0)

    # a weight changes while it runs
    mine = me.run
    me.until(lambda: me.number("now") >= 2, "two rounds")
    me.written()  # a slider that is written anew takes no keys
    me.slider("alpha").focus()
    me.page.keyboard.press("ArrowRight")
    me.until(lambda: me.info()["config"]["alpha"] == 1.05, "the weight to change")
    assert (me.run, me.info()["state"]) == (mine, "training")
    me.until(lambda: me.number("now") >= 8, "some rounds more")
    me.pause()

    # what is taken home is upright and changed, and its making-of moves
    me.page.get_by_role("tab", name="Keep it", exact=True).click()
    me.written()
    images = {}
    for label in ("Picture (PNG)", "Film (GIF)"):
        with me.page.expect_download() as download:
            me.page.get_by_role("button", name=label).click()
        images[label] = Image.open(io.BytesIO(Path(download.value.path()).read_bytes()))
    picture = images["Picture (PNG)"]
    assert (picture.format, picture.size) == ("PNG", (64, 43))
    film = images["Film (GIF)"]
    assert film.format == "GIF"
    assert film.n_frames >= 5
    above, below = (picture.crop((8, y, 56, y + 12)).resize((1, 1)).getpixel((0, 0)) for y in (4, 28))
    assert above[2] - above[0] > below[2] - below[0]  # bluer above
    colours = picture.getcolors(10_000)
    assert colours is None or len(colours) > 500  # the photograph has two


def test_a_phone_needs_no_sideways_scrolling_in_the_room_of_style(visitor: Callable[..., Visitor]) -> None:
    me = visitor(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    me.open(f"/style?{SMALL}&tab=Keep+it")
    me.until(lambda: me.number("frames") > 0, "a picture")
    assert me.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert me.page.get_by_test_id("stMain").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
