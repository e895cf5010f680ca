"""The tabs of flows of digits, of masks and of speeds, each in a page of its own, without a browser."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine import data
from engine.families import find
from lab.flow import pictures_tab as flow_pictures
from lab.kit.numbers import short, signed
from lab.runs import store
from lab.runs.supervisor import NO_MODEL
from tests.pages.test_pages import texts

SMALL = {"real-nvp": {"layers": 2, "width": 8}, "maf": {"layers": 2, "width": 16}, "iaf": {"layers": 3}}


@pytest.fixture
def run_of(settled, home, monkeypatch):
    """Makes runs that rest."""
    monkeypatch.setenv("GENLAB_HOME", str(home))

    def run_of(family: str, name: str = "digits") -> str:
        config = find(family).configure(data.load(name).space, SMALL[family]).model_dump()
        return store.create({"family": family, "data": name, "seed": 0, "config": config}).name

    return run_of


def script(family: str, run: str, live: bool, module: str, part: str):
    import importlib

    from engine import data
    from engine.families import find
    from lab.kit import Room
    from lab.runs import store

    space = data.load(store.read_info(store.folder(run)).data).space
    show = getattr(importlib.import_module(f"lab.flow.{module}"), part)
    show(Room(find(family), run, space, live))


def opened(family: str, run: str, part: str, live: bool = True) -> AppTest:
    module = "autoregressive_tab" if part in ("masks_tab", "speeds_tab") else "pictures_tab"
    given = {"family": family, "run": run, "live": live, "module": module, "part": part}
    return works(AppTest.from_function(script, kwargs=given, default_timeout=300).run())


def works(page: AppTest) -> AppTest:
    assert not page.exception, page.exception
    assert not page.error, [error.value for error in page.error]
    return page


def html(page: AppTest) -> str:
    return "".join(part.proto.body for part in page.get("html"))


def test_each_tool_answers(run_of):
    page = opened("real-nvp", run_of("real-nvp"), "use_flow")
    pills = page.button_group(key="flow-tool")
    assert list(pills.options) == ["What is likely?", "Draw a digit", "Between two digits", "Temperature"]
    assert html(page).count("likely-bars seen") == 2
    assert html(page).count("likely-bars strange") == 6
    assert "The dashed line is the mean of the test digits" in texts(page)
    assert "Fashion-MNIST is not on this machine" in texts(page)
    for name, pictures in (("Draw a digit", 0), ("Between two digits", 33), ("Temperature", 7 * 8)):
        page = works(page.button_group(key="flow-tool").set_value(name).run())
        assert html(page).count("<img") == pictures


def test_they_ask_for_pictures_and_for_a_model(run_of):
    page = opened("maf", run_of("maf", "moons"), "use_flow")
    assert "These tools are for pictures" in page.info[0].value
    for part in ("use_flow", "masks_tab"):
        assert opened("maf", run_of("maf"), part, live=False).info[0].value == NO_MODEL


def test_the_masks_of_points_are_matrices_and_of_a_pixel_pictures(run_of):
    page = opened("iaf", run_of("iaf", "moons"), "masks_tab")
    assert html(page).count("<table") == 2 * 3 + 1
    assert html(page).count('class="full"') == 3 * (1 + 3) + 4  # a triangle each, and all together
    assert "x₁ → x₂" in html(page)
    page = opened("maf", run_of("maf"), "masks_tab")
    before = html(page)
    assert before.count("<img") == 2
    page = works(page.slider(key="mask-row").set_value(1).run())
    assert re.search(r"sees \d+ pixels", html(page))
    assert html(page) != before


def test_the_pixel_of_a_colour_picture_lies_where_the_sliders_say(run_of, home, tmp_path):
    for i, noise in enumerate(np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), np.uint8)):
        Image.fromarray(noise).save(tmp_path / f"{i}.png")
    page = opened("maf", run_of("maf", data.keep_images(tmp_path, home)), "masks_tab")
    page = works(page.slider(key="mask-column").set_value(32).run())
    shown = base64.b64decode(re.search(r'base64,([^"]+)"', html(page))[1])
    mask = np.asarray(Image.open(io.BytesIO(shown)))
    assert np.argwhere(np.ptp(mask, axis=-1) > 0).tolist() == [[14, 31]]  # the only one with a colour


def test_speeds_wait_for_the_button_and_draw_four_curves(run_of):
    page = opened("iaf", run_of("iaf", "moons"), "speeds_tab")
    assert not page.get("plotly_chart")
    page = works(page.button(key="speeds-go").click().run())
    assert len(page.get("plotly_chart")) == 1
    assert "**This model** (3 layers, D = 2), 16 examples" in texts(page)


def test_what_is_more_likely_than_digits_is_named():
    def kind(name, mean):
        return {"name": name, "title": name, "mean": mean}

    kinds = [kind("test", 1.5), kind("training", 1.2), kind("noise", 12.0), kind("black", 0.5)]
    says = flow_pictures.surprise(kinds)
    assert "More likely than these, on average: black." in says
    assert "0.3 bits less than test" in says
    assert "none of the strange pictures is more likely" in flow_pictures.surprise(kinds[:3])


def test_numbers_have_three_digits_and_real_minus_signs():
    numbers = (6.4e8, 1234.5, 1.234, -0.5, 0.0, 4.04e-5)
    assert [short(n) for n in numbers] == ["10⁹", "1234", "1.23", "−0.5", "0", "4.0 · 10⁻⁵"]
    assert [signed(n) for n in (-0.5, -0.001, 1.234)] == ["−0.50", "0.00", "1.23"]
